"""What happens when memory runs out, and that models which leave give theirs back."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tiny

import inpaint
from inpaint import Size, Step, zoo
from inpaint.checkpoints import store


def picture(side):
    image, mask = np.full((side, side, 3), 50, np.uint8), np.zeros((side, side), bool)
    mask[side // 4 : side // 2, side // 4 : side // 2] = True
    return image, mask


@pytest.fixture
def greedy(monkeypatch, tmp_path):
    """A model for which a patch above `limit` pixels a side is too much, in the words of `error`."""

    def put(limit, error, when=0, devices=("cpu", "cuda")):
        def load(device, net):
            def fill(image, mask):
                for k in range(3):
                    if max(image.shape) > limit and device in devices and k == when:
                        raise error
                    yield Step(np.full_like(image, 99), (k + 1) / 3)

            return fill

        card = tiny.put_into(monkeypatch, places=tiny.weights())
        card = dataclasses.replace(card, load=load, size=Size(8, 64, 2048, usual=1024), context=4, gpu=True)
        real = zoo.card
        monkeypatch.setattr(zoo, "card", lambda name: card if name == tiny.NAME else real(name))
        path = tmp_path / "net.pth"
        path.write_bytes(tiny.published())
        monkeypatch.setattr(store, "own", lambda: {tiny.NAME: (path,)})

    return put


ERRORS = [
    MemoryError(),
    RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    RuntimeError("can't allocate memory"),
]


@pytest.mark.parametrize("error", ERRORS, ids=str)
@pytest.mark.parametrize("when", [0, 1, 2])
def test_a_smaller_working_size_when_memory_runs_out(greedy, error, when):
    greedy(300, error, when)
    image, mask = picture(1024)
    fills = list(inpaint.stream(image, mask, tiny.NAME))
    report = fills[-1].report
    assert report.options["working_size"] == 256 and max(report.scales) == 0.25
    assert "working size lowered to 256" in str(report)
    assert (fills[-1].image[mask] == 99).all() and (fills[-1].image[~mask] == 50).all()
    progress = [fill.progress for fill in fills]
    assert progress == sorted(progress) and progress[-1] == 1


def test_what_does_not_fit_at_all_is_said(greedy):
    greedy(8, MemoryError())
    image, mask = picture(512)
    with pytest.raises(MemoryError):
        inpaint.inpaint(image, mask, tiny.NAME, device="cpu", working_size=64)


def test_other_errors_are_not_taken_for_it(greedy):
    greedy(300, RuntimeError("shapes do not match"))
    with pytest.raises(RuntimeError, match="shapes"):
        inpaint.inpaint(*picture(1024), tiny.NAME)


def test_the_cpu_takes_over_from_a_small_gpu(greedy, monkeypatch):
    greedy(100, RuntimeError("CUDA out of memory"), devices=("cuda",))
    monkeypatch.setattr(zoo, "pick_device", lambda name, wanted: "cuda")
    monkeypatch.setattr(zoo, "_placed", lambda part, device, precision: None)
    image, mask = picture(1024)
    *_, last = inpaint.stream(image, mask, tiny.NAME)
    assert last.report.device == "cpu" and "moved to the cpu" in str(last.report)
    assert (last.image[mask] == 99).all()


SWITCHES = """
import sys; sys.path[:0] = [{tests!r}, {root!r}]
import os, pathlib
import numpy as np
import standins
import inpaint
from inpaint import zoo
from inpaint.checkpoints import store

os.environ["INPAINT_RESIDENT"] = "2"
folder = pathlib.Path(sys.argv[1])
names = ["pconv", "aotgan", "glcic", "patchmatch"]
for name in names[:3]:
    store.bring(name, (standins.make(name, folder, width=64),))
image, mask = np.full((128, 128, 3), 90, np.uint8), np.zeros((128, 128), bool)
mask[50:70, 50:70] = True

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

def switch(times):
    for k in range(times):
        inpaint.inpaint(image, mask, names[k % len(names)])
    assert len(zoo.RESIDENT) == 2
    return resident()

print(switch(8), switch(20), switch(20))
zoo.release()
print(resident())
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc, which is Linux's")
def test_twenty_switches_leave_memory_where_it_was(tmp_path):
    script = SWITCHES.format(tests=str(Path(__file__).parent), root=str(Path(__file__).parent.parent))
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    before, after, later = map(float, done.stdout.splitlines()[0].split())
    print(f"{before:.0f} MB, {after:.0f} after 20 switches, {later:.0f} after 40")
    assert abs(after / before - 1) < 0.05 and abs(later / before - 1) < 0.05
