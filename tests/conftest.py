import os
import re
import sys

import numpy as np
import pytest

if "PYTEST_XDIST_WORKER" in os.environ:  # two workers on two cores: more threads only wait for each other, busily
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture
def image():
    """(72, 97, 3) uint8: two gradients and a diagonal pattern."""
    y, x = np.mgrid[:72, :97]
    return np.stack([x * 2, y * 3, (x + y) * 7 % 255], -1).astype(np.uint8)


@pytest.fixture
def mask():
    hole = np.zeros((72, 97), bool)
    hole[20:41, 30:57] = True
    return hole


@pytest.fixture(scope="session")
def standin_files(tmp_path_factory):
    import standins

    return standins.everything(tmp_path_factory.mktemp("weights"))


@pytest.fixture
def standins(standin_files, monkeypatch):
    """Every model of the zoo has weights: small ones, of no use but to run."""
    from inpaint.checkpoints import store

    monkeypatch.setattr(store, "own", lambda: {name: (file,) for name, file in standin_files.items()})


@pytest.fixture(scope="module")
def playwright():
    """For tests that share a tab; of a module, since those that open one of their own bring their own driver."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        yield driver


CASE = re.compile(r"(\d+)x(\d+)_(?:freeform|box)")  # of a fixture, in the name of a test


def is_quick(name: str) -> bool:
    """Of the comparisons with a reference network, the square case in float32 and the oblong one in float64."""
    case = CASE.search(name)
    if not case or "float" not in name:
        return True
    square = case[1] == case[2]
    return case[0] == "256x256_freeform" and "float32" in name if square else "float64" in name


def is_needed(name: str) -> bool:
    """All comparisons in float32; in float64, which shows that nothing but rounding differs, the oblong ones."""
    case = CASE.search(name)
    return not case or "float64" not in name or case[1] != case[2]


def pytest_collection_modifyitems(config, items):
    """Comparisons of every case with INPAINT_TESTS=all, as `.ci/run` sets it; else the quick ones."""
    wanted = is_needed if os.environ.get("INPAINT_TESTS") == "all" else is_quick
    config.hook.pytest_deselected(items=[item for item in items if not wanted(item.name)])
    items[:] = [item for item in items if wanted(item.name)]


FOUND: list[tuple[str, str, str, float]] = []  # fixture, output, precision and largest difference


def worst() -> list[tuple[str, str, str, float]]:
    parity = sys.modules.get("parity")
    return [(*case, value) for case, value in parity.WORST.items()] if parity else []


def pytest_sessionfinish(session):
    """A worker tells what it found."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["worst"] = worst()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    FOUND.extend(map(tuple, getattr(node, "workeroutput", {}).get("worst", ())))


def pytest_terminal_summary(terminalreporter):
    """The largest differences from the recorded outputs of the reference networks, over all cases of this run."""
    found = sorted([*FOUND, *worst()])
    if not found:
        return
    terminalreporter.section("largest differences from the reference networks")
    for fixture, output, precision, value in found:
        terminalreporter.write_line(f"{fixture:26} {output:28} {precision}  {value:.1e}")
