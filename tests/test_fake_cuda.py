"""Every network and every step of training on a GPU that is pretended: nothing is left on the CPU or in another
precision. No GPU is needed, and no number is computed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import fakes
import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def tried() -> dict[str, str]:
    """Case → what it raised, in a process of its own: torch keeps a device that was made up."""
    settings = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")]),
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [sys.executable, fakes.__file__], env=settings, capture_output=True, text=True, timeout=3600
    )
    if done.returncode == fakes.CANNOT:
        pytest.skip(
            f"this build of torch has no CUDA, and no device can be made up in its place: {done.stderr[-200:]}"
        )
    assert done.returncode == 0, done.stderr[-2000:]
    return dict(json.loads(line) for line in done.stdout.splitlines())


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("misplaced_weight", "Misplaced: aten.convolution"),
        ("misplaced_mask", "Misplaced"),
        ("misplaced_batch", "Misplaced"),
        ("other_precision", "should be the same"),
        ("double_precision", "float64"),
    ],
)
def test_faults_are_found(tried, fault, said):
    assert said in tried[fault]


def test_every_network_stays_on_its_device_and_in_its_precision(tried):
    cases = [f"{name}, {precision}" for name in fakes.networks() for precision in fakes.DTYPES]
    assert len(cases) > 46
    assert {name: tried[name] for name in cases if tried[name]} == {}


def test_every_turn_of_every_recipe_stays_on_its_device(tried):
    """And no loss is in half precision, and no tensor of float64 is made there, which MPS has not."""
    cases = [f"{name}, steps" for name in fakes.recipes()]
    assert len(cases) == 2 * len(fakes.PHASES)
    assert {name: tried[name] for name in cases if tried[name]} == {}
