"""Fills on a Space whose GPU is lent: everything that goes between the processes is pickled."""

import importlib
import pickle
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import inpaint
from inpaint import InpaintError
from inpaint.page import zerogpu


@pytest.fixture
def lent(monkeypatch):
    """The module as it is on such a Space; the sizes of what was sent back."""
    sizes = []

    def gpu(duration):
        def decorate(function):
            def call(*args):
                for step in function(*pickle.loads(pickle.dumps(args))):
                    sizes.append(len(sent := pickle.dumps(step)))
                    yield pickle.loads(sent)

            return call

        return decorate

    monkeypatch.setitem(sys.modules, "spaces", SimpleNamespace(GPU=gpu))
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    yield importlib.reload(zerogpu), sizes
    monkeypatch.undo()
    importlib.reload(zerogpu)


def test_a_fill_comes_back_whole_and_light(lent, image, mask, monkeypatch):
    module, sizes = lent
    card = inpaint.zoo.card("dip")
    monkeypatch.setattr(inpaint.zoo, "pick_device", lambda name, wanted: "cpu")
    large = np.tile(image, (10, 10, 1))
    hole = np.zeros(large.shape[:2], bool)
    hole[:20, :20] = True
    fills = list(module.stream(large, hole, "dip", iterations=2))
    assert card.gpu and sizes and max(sizes) < large.nbytes
    assert (fills[-1].image[~hole] == large[~hole]).all() and fills[-1].image[hole].any()
    assert fills[-1].views


def test_errors_come_back_as_they_are(lent, image, mask):
    with pytest.raises(InpaintError, match="no option"):
        list(lent[0].stream(image, mask, "dip", nonsense=1))


def test_models_that_need_no_gpu_do_not_ask_for_one(lent, image, mask):
    module, sizes = lent
    *_, last = module.stream(image, mask, "telea")
    assert not sizes and last.progress == 1


def test_elsewhere_nothing_changes(image, mask):
    *_, last = zerogpu.stream(image, mask, "telea")
    assert not zerogpu.LENT and "spaces" not in sys.modules and last.progress == 1
