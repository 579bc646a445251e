"""What is told of memory and of a device's work, and what is not."""

import dataclasses

import pytest

from inpaint.lab import gauge, speed, trials


def test_every_accelerator_is_waited_for(monkeypatch):
    import torch

    waited = []
    monkeypatch.setattr(torch.accelerator, "synchronize", lambda *_: waited.append(True))
    for device in ("cpu", "mps", "cuda"):
        gauge.wait(device)
    assert len(waited) == 2, "a processor is done when the call returns, an accelerator is not"


def test_what_cannot_be_told_is_not_told():
    assert gauge.peak("mps") is None and not gauge.forget("mps"), "the process's memory is not the GPU's"
    assert gauge.peak("cpu") > 0
    cost = speed.Cost("pconv", "net", 64, 1.0, 1.0, None, 1.0)
    assert "cannot be told" in speed.table([cost]) and "0.50" in speed.table([dataclasses.replace(cost, peak=0.5)])


@pytest.mark.parametrize("told", [True, False])
def test_memory_of_a_fill_is_that_of_the_device_it_ran_on(told, image, mask, monkeypatch):
    """A model that was to run on a GPU and ran on the processor, as where the GPU's memory runs out."""
    monkeypatch.setattr(
        trials.zoo, "pick_device", lambda name, wanted="auto": "cuda" if wanted == "auto" else wanted
    )
    monkeypatch.setattr(gauge, "forget", lambda device: told or device == "cuda")
    monkeypatch.setattr(gauge, "peak", {"cpu": 1.0, "cuda": 0.0}.__getitem__)
    real = trials.inpaint.stream
    monkeypatch.setattr(trials.inpaint, "stream", lambda *args, **kw: real(*args, **kw | {"device": "cpu"}))
    *_, (cell,) = trials.run(image, mask, [trials.Trial("telea")])
    assert cell.fill.report.device == "cpu" and cell.peak == (1.0 if told else None)
