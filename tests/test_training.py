"""The training loop: it learns, it can be killed and goes on, several processes do what one does, and what it keeps
is of use."""

import dataclasses
import itertools
import json
import math
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image as Pillow
from typer.testing import CliRunner

from inpaint import InpaintError, stream, zoo
from inpaint.checkpoints import checkpoint, store
from inpaint.cli import app as cli
from inpaint.cli import train as command
from inpaint.cli.train import RECIPES
from inpaint.imaging.metrics import psnr
from inpaint.training import data, keep, loop, losses, processes, recipe
from inpaint.training.data import Photos

ROOT = Path(__file__).parent.parent
SIZE = 32
NARROW = {
    "pconv": {"width": 4, "levels": 3},
    "deepfill_v1": {"width": 4, "critic_width": 4, "size": SIZE},
    "deepfill_v2": {"width": 4, "critic_width": 4},
    "edgeconnect": {"width": 4, "blocks": 1, "critic_width": 4},
}
TRAIN = ("train", "pconv", "--size", SIZE, "--batch", 4, "--width", 4, "-s", "levels=3", "--seed", 3)
TRAIN = (*TRAIN, "--precision", "float32", "--no-perceptual", "--device", "cpu")


def draw_pictures(folder: Path, count: int = 8, side: int = 48) -> Path:
    """Smooth waves of colour, each picture its own."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:side, :side] * math.pi / side
    for index in range(count):
        waves = zip(rng.uniform(-1.5, 1.5, (3, 2)), rng.uniform(0, 2 * math.pi, 3), strict=True)
        colours = np.stack([127 + 110 * np.sin(a * x + b * y + phase) for (a, b), phase in waves], -1)
        Pillow.fromarray(colours.astype(np.uint8)).save(folder / f"{index}.png")
    return folder


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return draw_pictures(tmp_path_factory.mktemp("pictures"))


@pytest.fixture
def photos(pictures, briefly):
    return Photos(pictures)


@pytest.fixture(autouse=True)
def one_thread():
    """Sums in one order, and no fight for the cores. (The loop lets numbers too small to matter become 0.)"""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
    torch.set_flush_denormal(False)


@pytest.fixture
def briefly(monkeypatch):
    """What is kept is neither drawn nor scored at length."""
    monkeypatch.setattr(loop, "VALIDATION", 8)
    monkeypatch.setattr(keep.Keeper, "draw", lambda keeper: None)


def make(name: str, **options) -> recipe.Recipe:
    """A narrow recipe, always with the same first weights."""
    file = import_module(f"inpaint.training.recipes.{name}")
    torch.manual_seed(0)
    return file.Training(dataclasses.replace(file.Options(), **NARROW[name] | options))


def plan(out: Path, **more) -> loop.Plan:
    """In float32, and kept only at the end."""
    return loop.Plan(**{"out": out, "size": SIZE, "batch": 4, "bf16": False, "device": "cpu", "every": 1e9} | more)


def run(made: recipe.Recipe, photos: Photos, plan: loop.Plan, **more) -> list[dict]:
    told = []
    loop.train(made, photos, plan, told.append, **more)
    return told


def logged(folder: Path) -> dict[int, dict]:
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text("utf-8").splitlines()]
    assert [line["step"] for line in lines] == sorted({line["step"] for line in lines})
    return {line["step"]: line["losses"] for line in lines}


def kept(folder: Path) -> dict:
    return torch.load(folder / "state.pt", weights_only=True)


def same_tensors(one: dict, other: dict, within: float) -> None:
    assert one.keys() == other.keys()
    for key, value in one.items():
        torch.testing.assert_close(value, other[key], rtol=0, atol=within, msg=lambda m, key=key: f"{key}: {m}")


# ---- learning

LEARNING = {  # rates and widths for some sixty steps of eight pictures
    "pconv": {"width": 12, "levels": 4, "rate": 4e-3},
    "deepfill_v1": {"width": 8, "rate": 3e-3},
    "deepfill_v2": {"width": 8, "rate": 4e-3},
    "edgeconnect": {"width": 8, "rate": 3e-3, "edges_until": 0.2, "true_until": 0.3},
}


@pytest.mark.parametrize("name", RECIPES)
def test_eight_samples_are_learnt_by_heart(name, photos, tmp_path):
    critics = {} if name == "pconv" else {"critic_from": 0.5}
    made = make(name, membrane=False, coarse=0.0, **LEARNING[name], **critics)
    training = loop.Run(made, photos, plan(tmp_path, steps=125, batch=8, overfit=8))
    batch = data.batch(photos, 0, range(8), SIZE)

    @torch.no_grad()
    def error() -> float:
        return losses.l1(made.eval().fill(batch), batch.photo, batch.mask).item()

    before = error()
    told = [line["losses"] for line in training.steps()]
    assert before > 0.1
    assert error() < before / 10
    assert all(math.isfinite(value) for line in told for value in line.values())
    names = {name for line in told for name in line}
    assert name == "pconv" or any("critic" in name for name in names)
    assert name == "pconv" or any("adversarial" in name for name in names)


@pytest.mark.parametrize("name", RECIPES)
def test_the_papers_own_options(name, photos, tmp_path):
    paper = dataclasses.asdict(import_module(f"inpaint.training.recipes.{name}").Training.PAPER)
    told = run(
        make(name, **{k: v for k, v in paper.items() if k not in NARROW[name]}), photos, plan(tmp_path, steps=2)
    )
    assert all(line["losses"] and all(map(math.isfinite, line["losses"].values())) for line in told)
    assert name == "pconv" or any("critic" in loss or "whole" in loss for loss in told[0]["losses"])


# ---- one process and several


ADVERSARIAL = {
    "pconv": {"coarse": 0.5, "second": 0.7},
    "deepfill_v1": {"critic_from": 0.0, "coarse": 0.0, "adversarial": 0.1, "critic_steps": 2},
    "deepfill_v2": {"critic_from": 0.0, "coarse": 0.0},
    "edgeconnect": {"critic_from": 0.0, "coarse": 0.0, "joint": True},
}
STEPS = 6


def train_all(folder: Path, out: Path) -> None:
    """What each of several processes does: every recipe, a step that cannot be learnt from, a run by the clock.

    Their clocks are not alike: only the first one's counts.
    """
    photos, rank = Photos(folder), int(os.environ.get("RANK", "0"))
    torch.set_num_threads(1)
    for name in RECIPES:
        run(make(name, **ADVERSARIAL[name]), photos, plan(out / name, steps=STEPS))
    spoilt = loop.Run(make("pconv"), photos, plan(out / "spoilt", steps=3))
    spoil(spoilt, steps={1} if rank == 0 else set())
    told = {"spoilt": list(spoilt.steps())}
    made = make("pconv", membrane=False)
    told["tensors"] = sum(value.double().sum().item() for value in spoilt.recipe.state_dict().values())
    loop.time = SimpleNamespace(monotonic=itertools.count(0, 0.05 * (1 + 9 * rank)).__next__)
    timed = loop.Run(made, photos, plan(out / "timed", minutes=0.02, every=0.3))
    told["timed"] = list(timed.steps())
    (out / f"{rank}.json").write_text(json.dumps(told), encoding="utf-8")


def spoil(training: loop.Run, steps) -> None:
    """Some steps' pictures become not a number."""
    draw = training.draw

    def spoilt(step: int, share: float) -> data.Batch:
        batch = draw(step, share)
        return batch._replace(photo=batch.photo * math.nan) if step in steps else batch

    training.draw = spoilt


@pytest.fixture(scope="module")
def two_processes(pictures, tmp_path_factory):
    """The folder in which two processes did `train_all`."""
    out = tmp_path_factory.mktemp("two")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    code = (
        f"import test_training, pathlib; test_training.train_all(*map(pathlib.Path, {[str(pictures), str(out)]}))"
    )
    world = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    running = [start("-c", code, **world, RANK=rank, LOCAL_RANK=rank) for rank in "01"]
    try:
        said = [process.communicate(timeout=900)[1] for process in running]
    finally:
        for process in running:
            process.kill()
    assert [process.returncode for process in running] == [0, 0], "\n".join(said)
    return out


@pytest.mark.parametrize("name", RECIPES)
def test_two_processes_do_what_one_does(name, two_processes, photos, tmp_path):
    """Within 1 in 1000: sums in another order, after some steps of Adam."""
    run(make(name, **ADVERSARIAL[name]), photos, plan(tmp_path, steps=STEPS))
    alone, shared = logged(tmp_path), logged(two_processes / name)
    assert alone.keys() == shared.keys() == set(range(1, STEPS + 1))
    for step, values in alone.items():
        assert shared[step].keys() == values.keys()
        for key, value in values.items():  # a critic's first gradients are next to nothing, so mostly rounding
            least = 1e-3 if key.endswith("gradient") else 1e-5
            assert shared[step][key] == pytest.approx(value, rel=1e-3, abs=least), (step, key)
    for statistics in [key for key in kept(tmp_path)["recipe"] if "running" in key]:
        one, other = (kept(folder)["recipe"][statistics] for folder in (tmp_path, two_processes / name))
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)


def test_processes_agree(two_processes):
    first, second = (json.loads((two_processes / f"{rank}.json").read_text("utf-8")) for rank in range(2))
    assert first["tensors"] == second["tensors"]
    assert math.isfinite(first["tensors"])
    assert math.isnan(first["spoilt"][1]["losses"]["hole"]) and math.isnan(second["spoilt"][1]["losses"]["hole"])
    assert math.isfinite(second["spoilt"][2]["losses"]["hole"])
    for one, other in zip(first["timed"], second["timed"], strict=True):
        for fact in ("step", "share", "size", "minutes", "rate", "losses"):
            assert one[fact] == other[fact]
    assert first["timed"][-1]["share"] >= 1
    assert {line["size"] for line in first["timed"]} == {SIZE // 2, SIZE}


class Recorded(torch.overrides.TorchFunctionMode):
    """Notes the dtype of every tensor that is made of numbers."""

    def __init__(self):
        super().__init__()
        self.dtypes = set()

    def __torch_function__(self, function, types, args=(), kwargs=None):
        out = function(*args, **(kwargs or {}))
        if isinstance(out, torch.Tensor):
            self.dtypes.add(out.dtype)
        return out


@pytest.mark.parametrize("name", RECIPES)
def test_one_process_makes_no_double_precision(name, photos, tmp_path):
    """Which is unknown to MPS, wherever in a run it is made."""
    with Recorded() as recorded:
        run(make(name, **ADVERSARIAL[name]), photos, plan(tmp_path, steps=2))
    assert torch.float32 in recorded.dtypes and torch.float64 not in recorded.dtypes


def test_a_device_is_looked_for_without_being_used(monkeypatch):
    """Where several processes begin, a GPU's memory is not to be touched by those that have others."""
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda check_available: torch.device("cuda"))
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 2)
    monkeypatch.setattr(torch, "empty", lambda *_, **__: pytest.fail("the device was used"))
    said = [processes.is_here(device) for device in ("cuda", "cuda:1", "cuda:2", "mps", "cpu", "abacus", "cuda:x")]
    assert said == [True, True, False, False, True, False, False]
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda check_available: None)
    assert [processes.is_here(device) for device in ("cuda", "cpu")] == [False, True]


def test_threads_that_read_pin_memory_for_their_own_gpu(photos, tmp_path, monkeypatch):
    training = loop.Run(make("pconv"), photos, plan(tmp_path, steps=2))
    training.processes.device, asked = torch.device("cuda:3"), []
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: asked.append(device))
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor: asked.append("pin") or tensor)
    batches = training.batches()
    next(batches)
    batches.close()
    assert asked[0] == torch.device("cuda:3") and asked.count("pin") == 4 * 2
    asked.clear()
    training.processes.device = torch.device("cuda")
    training.processes.claim()
    assert not asked


def test_only_the_first_process_asks_a_gpu_for_its_name(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Some GPU")
    assert command.hardware("cuda") == command.hardware("auto") == "Some GPU"
    assert "cores" in command.hardware("cpu")
    monkeypatch.setattr(command, "FIRST", False)
    assert "cores" in command.hardware("cuda")


def test_chance_belongs_to_the_sample(photos):
    whole = data.batch(photos, 4, range(6), 16).chance
    parts = [data.batch(photos, 4, numbers, 16).chance for numbers in (range(2), range(2, 6))]
    assert whole.shape == (6, 2) and whole.dtype == torch.float32
    assert torch.equal(whole, torch.cat(parts))
    assert whole.unique().numel() == 12 and whole.min() >= 0 and whole.max() < 1
    assert not torch.equal(whole, data.batch(photos, 5, range(6), 16).chance)


GUIDES = {  # recipe → what it works out of photos and holes, and where
    "deepfill_v1": {"critic_from": 0.5},
    "deepfill_v2": {"sketch": True},
    "edgeconnect": {},
    "pconv": {},
}


@pytest.mark.parametrize("name", RECIPES)
def test_what_a_step_needs_is_worked_out_beside_it(name, photos, tmp_path, monkeypatch):
    """By the threads that read ahead, never on the one that steps; and it is what the step would have made."""
    made, threads = make(name, **GUIDES[name]), set()
    guide = made.guide
    monkeypatch.setattr(
        made, "guide", lambda batch: threads.add(threading.current_thread().name) or guide(batch), raising=False
    )
    training = loop.Run(made, photos, plan(tmp_path, steps=3, every=1e9))
    seen, step = [], training.step
    training.step = lambda batch, share: seen.append(batch) or step(batch, share)
    assert len(list(training.steps())) == 3
    assert threads and threading.current_thread().name not in threads
    for number, batch in enumerate(seen):
        bare = data.batch(photos, 0, range(4 * number, 4 * number + 4), batch.photo.shape[-1])
        for one, other in zip(bare._replace(guide=guide(bare)), batch, strict=True):
            assert torch.equal(one, other)


def test_batches_are_drawn_ahead_in_order_and_not_beyond_the_end(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "READERS", 3)
    training = loop.Run(make("pconv"), photos, plan(tmp_path, steps=5))
    drawn, draw, gate = [], training.draw, threading.Event()

    def slow(step: int, share: float) -> data.Batch:
        drawn.append(step)
        if step == 0:
            gate.wait(60)  # the first is ready last
        if step == 3:
            gate.set()
        return draw(step, share)

    training.draw = slow
    batches = training.batches()
    for number in range(5):
        training.at.step = number
        assert torch.equal(next(batches).chance, draw(number, number / 5).chance)
    batches.close()
    assert sorted(drawn) == list(range(5))


def test_readers_do_not_outlive_a_run_that_is_left(photos, tmp_path):
    training = loop.Run(make("pconv"), photos, plan(tmp_path, steps=50))
    before = threading.active_count()
    assert [line["step"] for line in training.steps(lambda: True)] == [1]
    assert threading.active_count() == before


def test_a_picture_that_cannot_be_drawn_ends_the_run(photos, tmp_path):
    training = loop.Run(make("pconv"), photos, plan(tmp_path, steps=9))
    draw = training.draw

    def broken(step: int, share: float) -> data.Batch:
        if step == 2:
            raise InpaintError("no picture")
        return draw(step, share)

    training.draw = broken
    with pytest.raises(InpaintError, match="no picture"):
        list(training.steps())
    assert training.at.step == 2


def test_the_critics_of_deepfill_v1_learn_more_often(photos, tmp_path):
    options = {"critic_from": 0.0, "coarse": 0.0, "critic_steps": 3}
    told = run(make("deepfill_v1", **options), photos, plan(tmp_path, steps=7))
    assert all("whole" in line["losses"] for line in told[1:])
    assert ["refined" in line["losses"] for line in told] == [True, False, False, True, False, False, True]


# ---- going on


@pytest.fixture(scope="module")
def unbroken(pictures, tmp_path_factory):
    out = tmp_path_factory.mktemp("unbroken") / "run"
    torch.set_num_threads(1)
    result = invoke(*TRAIN, "--data", pictures, "-o", out, "--steps", 40)
    assert result.exit_code == 0, result.exception
    return out


def invoke(*args):
    return CliRunner().invoke(cli.app, list(map(str, args)), env={"COLUMNS": "300"})


def start(*args, **settings: str) -> subprocess.Popen:
    """Python as another process, on one thread."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    settings = os.environ | {"COLUMNS": "300", "OMP_NUM_THREADS": "1", "PYTHONPATH": path} | settings
    return subprocess.Popen([sys.executable, *map(str, args)], env=settings, stderr=subprocess.PIPE, text=True)


def wait_for(process: subprocess.Popen, happened) -> None:
    until = time.monotonic() + 300
    while not happened():
        assert process.poll() is None and time.monotonic() < until, "it ended, or did not begin"
        time.sleep(0.005)


LONG = {"steps": 20, "every": 0}  # kept after every step


def train_one(folder: Path, out: Path) -> None:
    """A training that is to be killed."""
    torch.set_num_threads(1)
    loop.VALIDATION, keep.Keeper.draw = 8, lambda keeper: None
    run(make("pconv"), Photos(folder), plan(out, **LONG))


def test_killed_and_resumed_it_ends_as_if_nothing_had_been(photos, tmp_path):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    child = start(
        "-c", f"import test_training as t; t.train_one(t.Path({str(photos.folder)!r}), t.Path({str(cut)!r}))"
    )
    wait_for(
        child, lambda: (cut / "log.jsonl").exists() and (cut / "log.jsonl").read_text("utf-8").count("\n") >= 4
    )
    child.send_signal(signal.SIGKILL)
    child.communicate()
    assert child.returncode == -signal.SIGKILL
    reached = kept(cut)["at"]["step"]
    assert 3 <= reached < LONG["steps"] - 1
    with (cut / "log.jsonl").open("a", encoding="utf-8") as log:  # as kills may leave them
        log.write('{"step": 19, "losses": {}}\n{"step": 20, "lo')
    for half_done in ("state.part.pt", "samples.part.png", "pconv.safetensors.1.part"):
        (cut / half_done).write_bytes(b"PK")

    told = run(make("pconv"), photos, plan(cut, resume=True, **LONG))
    assert told[0]["step"] == reached + 1
    run(make("pconv"), photos, plan(whole, **LONG))
    one, other = logged(whole), logged(cut)
    assert one.keys() == other.keys() == set(range(1, LONG["steps"] + 1))
    for step, values in one.items():
        assert other[step] == pytest.approx(values, abs=1e-5)
    for part in ("recipe", "average"):
        same_tensors(kept(whole)[part], kept(cut)[part], 1e-5)


def test_ctrl_c_keeps_what_there_is(pictures, tmp_path):
    out = tmp_path / "run"
    child = start("-m", "inpaint", *TRAIN, "--data", pictures, "-o", out, "--minutes", 600, "--threads", 1)
    wait_for(child, lambda: (out / "log.jsonl").exists() and (out / "log.jsonl").stat().st_size > 0)
    child.send_signal(signal.SIGINT)
    said = child.communicate(timeout=120)[1]
    assert child.returncode == 130, said
    assert "--resume goes on" in said and "Traceback" not in said
    assert kept(out)["at"]["step"] == max(logged(out)) >= 1
    assert (out / "pconv.safetensors").exists()


def test_stopped_in_the_middle_every_recipe_goes_on(photos, tmp_path):
    """All that matters is kept: optimisers, critics, averages, norms."""
    for name in RECIPES:
        options = ADVERSARIAL[name]
        run(make(name, **options), photos, plan(tmp_path / "whole" / name, steps=5))
        cut = plan(tmp_path / "cut" / name, steps=5)
        asked = iter([False, False, True])
        told = run(make(name, **options), photos, cut, stop=lambda asked=asked: next(asked))
        assert told[-1]["step"] == 3
        told = run(make(name, **options), photos, dataclasses.replace(cut, resume=True))
        assert [line["step"] for line in told] == [4, 5]
        for part in ("recipe", "average"):
            same_tensors(kept(tmp_path / "whole" / name)[part], kept(cut.out)[part], 0)


@pytest.fixture(scope="module")
def short(pictures, tmp_path_factory):
    """The folder of a run of two steps."""
    out = tmp_path_factory.mktemp("short") / "run"
    run(make("pconv"), Photos(pictures), plan(out, steps=2))
    return out


def copy(folder: Path, to: Path) -> Path:
    to.mkdir()
    for file in folder.iterdir():
        (to / file.name).write_bytes(file.read_bytes())
    return to


@pytest.mark.parametrize("changed", ["seed", "size", "batch", "data", "rate", "width", "model", "overfit"])
def test_what_does_not_go_on_with_a_run(changed, short, photos, tmp_path):
    out = copy(short, tmp_path / "run")
    before = (out / "state.pt").read_bytes()
    made, others = make("pconv"), {"resume": True, "steps": 4}
    if changed == "data":
        photos = Photos(draw_pictures(tmp_path / "others", 7))
    elif changed == "model":
        made = make("deepfill_v2")
    elif changed in ("rate", "width"):
        made = make("pconv", **{changed: {"rate": 0.1, "width": 8}[changed]})
    else:
        others[changed] = {"seed": 1, "size": 64, "batch": 2, "overfit": 8}[changed]
    with pytest.raises(InpaintError, match=rf"another .*{'photos' if changed == 'data' else changed}"):
        run(made, photos, plan(out, **others))
    assert (out / "state.pt").read_bytes() == before


def test_a_run_can_be_made_longer(short, photos, tmp_path):
    out = copy(short, tmp_path / "run")
    told = run(make("pconv"), photos, plan(out, steps=4, resume=True))
    assert [line["step"] for line in told] == [3, 4]
    assert list(logged(out)) == [1, 2, 3, 4]
    assert run(make("pconv"), photos, plan(out, steps=4, resume=True)) == []


def test_time_goes_on_counting(photos, tmp_path):
    first = run(make("pconv"), photos, plan(tmp_path, minutes=60), stop=lambda: True)
    spent = kept(tmp_path)["at"]["seconds"]
    assert first[-1]["step"] == 1 and 0 < spent < 3600
    state = kept(tmp_path)
    state["at"]["seconds"] = 3599.99
    torch.save(state, tmp_path / "state.pt")
    told = run(make("pconv"), photos, plan(tmp_path, minutes=60, resume=True))
    assert told[-1]["minutes"] >= 60 and told[-1]["share"] >= 1
    assert told[-1]["step"] < 200


def test_a_folder_that_holds_a_run(short, photos, tmp_path):
    out = copy(short, tmp_path / "run")
    with pytest.raises(InpaintError, match="already holds a run"):
        run(make("pconv"), photos, plan(out, steps=2))
    assert logged(out).keys() == {1, 2}
    with pytest.raises(InpaintError, match="holds no run to go on with"):
        run(make("pconv"), photos, plan(tmp_path / "none", steps=2, resume=True))
    (tmp_path / "file").touch()
    with pytest.raises(InpaintError, match="cannot be made"):
        run(make("pconv"), photos, plan(tmp_path / "file", steps=2))


STATES = {
    "older": lambda state: state | {"at": {"step": 1, "epoch": 2}},
    "without optimisers": lambda state: {k: v for k, v in state.items() if k != "optimisers"},
    "without a plan": lambda state: {k: v for k, v in state.items() if k != "plan"},
    "of other tensors": lambda state: state | {"recipe": {"net.weight": torch.zeros(3)}},
    "a list": lambda state: [1, 2, 3],
    "of text": lambda state: state | {"average": "none", "optimisers": "none"},
}


@pytest.mark.parametrize("kind", STATES)
def test_states_that_do_not_fit(kind, short, photos, tmp_path):
    out = copy(short, tmp_path / "run")
    torch.save(STATES[kind](kept(out)), out / "state.pt")
    with pytest.raises(InpaintError, match=r"another network or version|not the state of a run"):
        run(make("pconv"), photos, plan(out, steps=4, resume=True))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"cos\nsystem\n(S'true'\ntR.", bytes(300)])
def test_states_that_cannot_be_read(content, short, photos, tmp_path):
    out = copy(short, tmp_path / "run")
    (out / "state.pt").write_bytes(content)
    with pytest.raises(InpaintError, match="cannot be read"):
        run(make("pconv"), photos, plan(out, steps=4, resume=True))


def test_a_state_that_says_less_of_its_plan_is_taken(short, photos, tmp_path):
    out = copy(short, tmp_path / "run")
    state = kept(out)
    said = ("seed", "size", "batch", "photos")
    torch.save(state | {"plan": {k: v for k, v in state["plan"].items() if k in said}}, out / "state.pt")
    assert run(make("pconv"), photos, plan(out, steps=3, resume=True))[-1]["step"] == 3


# ---- numbers


def test_what_is_not_finite_is_not_learnt_from(photos, tmp_path):
    training = loop.Run(make("pconv"), photos, plan(tmp_path, steps=6))
    spoil(training, steps={2, 3})
    before = None
    for line in training.steps():
        tensors = {k: v.clone() for k, v in training.recipe.state_dict().items()}
        assert math.isfinite(line["losses"]["hole"]) == (line["step"] not in (3, 4))
        if line["step"] in (3, 4):
            same_tensors(before, tensors, 0)
        elif before:
            assert any(not torch.equal(before[k], v) for k, v in tensors.items())
        before = tensors
    assert all(value.isfinite().all() for value in [*tensors.values(), *training.average.values()])
    parts = checkpoint.load(tmp_path / "pconv.safetensors", zoo.card("pconv").networks)
    assert parts["net"].config.width == 4


def test_a_training_gone_astray_ends(photos, tmp_path):
    training = loop.Run(make("deepfill_v2", critic_from=0.0), photos, plan(tmp_path, steps=100))
    spoil(training, steps=range(1, 100))
    with pytest.raises(InpaintError, match=f"not finite for {loop.PATIENCE} steps"):
        list(training.steps())
    assert training.at.step == loop.PATIENCE


def test_gradients_are_no_longer_than_one(photos, tmp_path):
    training = loop.Run(make("pconv", hole=1e3), photos, plan(tmp_path, steps=1))
    told = next(training.steps())
    squares = sum(weight.grad.square().sum() for weight in training.recipe.net.parameters())
    assert told["losses"]["net gradient"] > 10
    assert squares.sqrt().item() == pytest.approx(loop.CLIP, rel=1e-3)


def test_the_average_starts_quickly_and_then_is_slow(photos, tmp_path):
    training = loop.Run(make("pconv"), photos, plan(tmp_path, steps=1))
    first = {k: v.clone() for k, v in training.average.items()}
    next(training.steps())
    same_tensors(training.average, {k: _between(first[k], v, 0.9) for k, v in training.shipped().items()}, 1e-6)
    training.at.step = 10**6
    before = {k: v.clone() for k, v in training.average.items()}
    for value in training.recipe.net.parameters():
        value.data += 1
    training.follow()
    same_tensors(training.average, {k: _between(before[k], v, 0.001) for k, v in training.shipped().items()}, 1e-5)


def _between(one: torch.Tensor, other: torch.Tensor, share: float) -> torch.Tensor:
    return torch.lerp(one, other, share) if one.is_floating_point() else other


@pytest.mark.parametrize("name", RECIPES)
def test_bfloat16(name, photos, tmp_path):
    options = {k: v for k, v in ADVERSARIAL[name].items() if k != "critic_steps"}
    wide, narrow = (
        run(make(name, **options), photos, plan(tmp_path / str(bf16), steps=2, bf16=bf16)) for bf16 in (False, True)
    )
    for one, other in zip(wide, narrow, strict=True):
        assert other["losses"].keys() == one["losses"].keys()
        assert all(math.isfinite(value) for value in other["losses"].values())
    first, same = (told[0]["losses"] for told in (wide, narrow))
    assert first != same
    total = [sum(value for name, value in said.items() if "gradient" not in name) for said in (first, same)]
    assert total[0] == pytest.approx(total[1], rel=0.05)


# ---- what is left in the folder


def test_the_folder(unbroken):
    names = {path.name for path in unbroken.iterdir()}
    assert names == {"state.pt", "pconv.safetensors", "log.jsonl", "curves.png", "samples.png"}
    samples = np.asarray(Pillow.open(unbroken / "samples.png"))
    assert samples.shape == (8 * SIZE, 3 * SIZE, 3)
    holed, made, truth = np.split(samples.astype(int), 3, 1)
    hole = (holed == 128).all(-1)
    assert 0.01 < hole.mean() < 0.7
    assert (made[~hole] == truth[~hole]).mean() > 0.99
    assert np.abs(made - truth)[hole].mean() < np.abs(holed - truth)[hole].mean() / 2
    curves = np.asarray(Pillow.open(unbroken / "curves.png").convert("RGB"))
    assert min(curves.shape[:2]) > 300 and curves.std() > 10
    lines = [json.loads(line) for line in (unbroken / "log.jsonl").read_text("utf-8").splitlines()]
    assert all(line["validation"] > 5 for line in lines if "validation" in line) and "validation" in lines[-1]


@pytest.mark.parametrize("name", RECIPES)
def test_samples_are_filled_as_pictures_are(name, photos, tmp_path, monkeypatch):
    """With what the file holds, a blank hole, 8 bits and the known pixels as they were; scored as fills are."""
    training = loop.Run(make(name, membrane=False), photos, plan(tmp_path, steps=2, bf16=True))
    list(training.steps())
    parts, net = checkpoint.load(training.keeper.weights, zoo.card(name).networks), make(name, membrane=False)
    for part, kept in parts.items():
        getattr(net, part).load_state_dict(
            {k: v.float() if v.is_floating_point() else v for k, v in kept.state.items()}
        )
    batch = data.batch(training.held, 0x7A1, range(8), SIZE)
    with torch.no_grad():
        fill = net.eval().fill(batch._replace(photo=batch.photo * (1 - batch.mask)))
    made = (recipe.composite(batch.photo, fill.clamp(0, 1), batch.mask) * 255).round().permute(0, 2, 3, 1).numpy()
    holed, shown, truth = np.split(np.asarray(Pillow.open(tmp_path / "samples.png")).astype(int), 3, 1)
    holes = batch.mask[:, 0].numpy().reshape(8 * SIZE, SIZE) == 1
    assert (shown[~holes] == truth[~holes]).all() and (holed[holes] == 128).all()
    assert np.abs(shown - made.reshape(8 * SIZE, SIZE, 3)).max() <= 1
    scores = [
        psnr(*(x.reshape(8, SIZE, SIZE, 3)[index].astype(np.uint8) for x in (shown, truth)), hole)
        for index, hole in enumerate(holes.reshape(8, SIZE, SIZE))
    ]
    line = json.loads((tmp_path / "log.jsonl").read_text("utf-8").splitlines()[-1])
    assert line["validation"] == pytest.approx(np.mean(scores), abs=0.01)


def test_no_sample_looks_into_its_hole(photos, tmp_path, monkeypatch):
    training, seen = loop.Run(make("pconv"), photos, plan(tmp_path, steps=1)), []
    monkeypatch.setattr(training.recipe, "fill", lambda batch: seen.append(batch) or batch.photo * 0 + 7)
    score, shown = training.validate()
    assert all(not (batch.photo * batch.mask).any() for batch in seen) and len(seen) == loop.VALIDATION / 8
    assert score > 0 and (shown[:, SIZE : 2 * SIZE] == 255).any()  # 7 is white


def test_the_checkpoint_tells_of_its_making(unbroken, pictures):
    facts = checkpoint.facts(unbroken / "pconv.safetensors")
    told = facts["trained"]
    assert told["recipe"]["levels"] == 3 and told["recipe"]["width"] == 4 and told["recipe"]["batch"] == 4
    assert (told["seed"], told["size"], told["batch"], told["photos"]) == (3, SIZE, 4, 8)
    assert (told["step"], told["pictures seen"]) == (40, 160)
    assert told["data"] == Photos(pictures).digest()
    assert told["commit"] and told["hardware"] and told["torch"] == torch.__version__
    assert told["minutes"] >= 0 and told["precision"] == "float32" and told["perceptual losses"] is False
    whole = json.dumps(facts)
    assert str(pictures) not in whole and str(unbroken) not in whole and str(ROOT) not in whole
    assert os.path.expanduser("~") + os.sep not in whole


@pytest.mark.parametrize("name", RECIPES)
def test_the_checkpoint_fills_holes(name, photos, tmp_path, image, mask, monkeypatch):
    path = loop.train(make(name), photos, plan(tmp_path, steps=1), lambda said: None)
    parts = checkpoint.load(path, zoo.card(name).networks)
    assert all(value.dtype != torch.float32 for part in parts.values() for value in part.state.values())
    monkeypatch.setattr(store, "own", lambda: {name: (path,)})
    *_, last = stream(image, mask, name, weights=store.OWN, device="cpu")
    zoo.release()
    assert (last.image[~mask] == image[~mask]).all()
    assert (last.image[mask] != image[mask]).any()


def test_numbers_too_large_for_half_precision_stay(photos, tmp_path):
    training = loop.Run(make("pconv"), photos, plan(tmp_path, steps=1))
    (told,) = training.steps()
    training.average["net.encoder.1.norm.running_var"].fill_(1e5)
    training.keep()
    part = checkpoint.load(tmp_path / "pconv.safetensors", zoo.card("pconv").networks)["net"]
    assert part.state["encoder.1.norm.running_var"].unique().tolist() == [1e5]
    assert told["step"] == 1


def test_a_full_disk_is_told_of(photos, tmp_path, monkeypatch):
    training = loop.Run(make("pconv"), photos, plan(tmp_path, steps=2))
    (tmp_path / "samples.png").mkdir()
    with pytest.raises(InpaintError, match=r"samples\.png cannot be written"):
        list(training.steps())
    assert not list(tmp_path.glob("*.part*"))


# ---- the command

WRONG = {
    "recipe": (("glcic", "--steps", 1), "There is no recipe for 'glcic'"),
    "no length": (("pconv",), "either --minutes or --steps"),
    "two lengths": (("pconv", "--steps", 1, "--minutes", 1), "either --minutes or --steps"),
    "option": (("pconv", "--steps", 1, "-s", "speed=2"), "has no option 'speed'"),
    "word": (("pconv", "--steps", 1, "-s", "rate=fast"), "rate must be a number"),
    "not a number": (("pconv", "--steps", 1, "-s", "rate=nan"), "rate must be between"),
    "negative": (("pconv", "--steps", 1, "-s", "rate=-1"), "rate must be between"),
    "share": (("pconv", "--steps", 1, "-s", "levels=2.5"), "levels must be a whole number"),
    "none": (("pconv", "--steps", 1, "-s", "batch=0"), "batch must be between"),
    "flag": (("pconv", "--steps", 1, "-s", "membrane=perhaps"), "membrane must be on or off"),
    "budget": (("pconv", "--steps", 1, "--budget", "large"), "--budget is lite or paper"),
    "precision": (("pconv", "--steps", 1, "--precision", "float16"), "--precision is bfloat16 or float32"),
    "device": (("pconv", "--steps", 1, "--device", "abacus"), "There is no device 'abacus'"),
    "size": (("pconv", "--steps", 1, "--size", 96, "-s", "levels=6"), "multiples of 64"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_command_is_one_sentence(kind, pictures, tmp_path):
    given, sentence = WRONG[kind]
    size = () if "--size" in given else ("--size", SIZE)
    result = invoke("train", *given, *size, "--no-perceptual", "--data", pictures, "-o", tmp_path / "run")
    assert isinstance(result.exception, InpaintError)
    assert sentence in str(result.exception)
    assert not (tmp_path / "run").exists()


def test_missing_pictures(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(
        sys, "argv", ["inpaint", "train", "pconv", "--steps", "1", "--data", str(tmp_path / "none")]
    )
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code == 2
    assert f"error: {tmp_path / 'none'} is not a folder." in capsys.readouterr().err.replace("\n", "")
    result = invoke("train", "pconv", "--steps", 1, "--data", tmp_path)
    assert "has no pictures to train on" in str(result.exception)


def test_broken_pictures_are_told_of(tmp_path):
    draw_pictures(tmp_path / "data", 3)
    (tmp_path / "data" / "bad.png").write_bytes(b"no picture")
    result = invoke(*TRAIN, "--data", tmp_path / "data", "-o", tmp_path / "run", "--steps", 2)
    assert result.exit_code == 0, result.exception
    assert "1 pictures could not be read" in result.output and "bad.png" in result.output


def test_validation_pictures_are_listed_once_and_kept_back(tmp_path, monkeypatch):
    folder = draw_pictures(tmp_path / "data", 4)
    rows = ["file,split", "0.png,val", *(f"{index}.png,train" for index in range(1, 4))]
    (folder / "manifest.csv").write_text("\n".join(rows), encoding="utf-8")
    listed, list_places = [], data._places
    monkeypatch.setattr(data, "_places", lambda folder: listed.append(folder) or list_places(folder))
    training = loop.Run(make("pconv"), Photos(folder), plan(tmp_path / "run", steps=3, every=0))
    assert [place.name for place in training.held.places] == ["0.png"]
    assert all("validation" in told for told in training.steps())
    assert len(listed) == 2


def test_a_network_with_a_sketch(photos, tmp_path):
    """It trains, is kept as such, draws otherwise where there are lines in the hole, and heeds none outside."""
    made = make("deepfill_v2", sketch=True, critic_from=0.0, coarse=0.0)
    told = run(made, photos, plan(tmp_path, steps=3))
    assert all(math.isfinite(value) for line in told for value in line["losses"].values())
    part = checkpoint.load(tmp_path / "deepfill_v2.safetensors", made.places)["net"]
    assert part.config.sketch and part.state["coarse.0.conv.weight"].shape[1] == 6
    assert part.state["features.0.conv.weight"].shape[1] == 3  # the second stage never sees it
    net, batch = checkpoint.network(part), data.batch(photos, 0, range(4), SIZE)
    nothing, everywhere = torch.zeros_like(batch.mask), torch.ones_like(batch.mask)
    plain, unseen, drawn = (
        net(batch.photo, batch.mask, sketch=lines).coarse for lines in (nothing, 1 - batch.mask, everywhere)
    )
    assert torch.equal(plain, net(batch.photo, batch.mask).coarse) and torch.equal(plain, unseen)
    assert not torch.allclose(plain, drawn)


def test_sketches_are_for_every_other_picture(photos):
    made = make("deepfill_v2", sketch=True, sigma=0.5)
    batch = data.batch(photos, 0, range(4), SIZE)
    left = torch.ones_like(batch.mask)
    left[..., SIZE // 2 :] = 0
    chance = torch.tensor([[0.1, 0], [0.9, 0]] * 2)
    noisy = data.Batch(torch.rand(batch.photo.shape, generator=torch.Generator().manual_seed(0)), left, chance)
    lines = made.sketch(noisy).sum((1, 2, 3)) > 0
    assert lines.tolist() == [True, False, True, False]
    assert not (made.sketch(noisy) * (1 - noisy.mask)).any()
