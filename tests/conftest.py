import sys

import numpy as np
import pytest


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
    from inpaint import store

    monkeypatch.setattr(store, "own", lambda: {name: (file,) for name, file in standin_files.items()})


def pytest_terminal_summary(terminalreporter):
    """The largest differences from the recorded outputs of the reference networks, over all cases of this run."""
    parity = sys.modules.get("parity")
    if not parity or not parity.WORST:
        return
    terminalreporter.section("largest differences from the reference networks")
    for (fixture, output, precision), worst in sorted(parity.WORST.items()):
        terminalreporter.write_line(f"{fixture:26} {output:28} {precision}  {worst:.1e}")
