"""One place decides where a network works and in what numbers."""

from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch

from inpaint import zoo
from inpaint.checkpoints import checkpoint
from inpaint.contract import PRECISIONS
from inpaint.nets import device

ROOT = Path(device.__file__).parents[1]
NETWORKS = sorted({place for name in zoo.MODELS for place in zoo.card(name).networks.values() if ":" in place})


def network(place):
    family = checkpoint.family(place)
    return checkpoint.blank(family, next(iter(family.layouts.values())).config)


@pytest.mark.parametrize("place", NETWORKS)
def test_channels_come_last_on_the_processor_alone(place):
    for where, last in (("cpu", True), ("meta", False)):  # "meta" stands for any device but the CPU
        net = network(place)
        net = device.prepare(net.to_empty(device=where) if where == "cpu" else net, where)
        kernels = [p for p in net.parameters() if p.ndim == 4 and min(p.shape) > 1]
        assert kernels
        assert all(p.is_contiguous(memory_format=torch.channels_last) == last for p in kernels)
    plain = torch.empty(1, 3, 8, 9, device="meta")
    assert device.laid_out(plain).is_contiguous()
    assert device.laid_out(torch.empty(1, 3, 8, 9)).is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("switch", ["channels_last", "allow_tf32"])
def test_only_one_place_knows_the_switch(switch):
    told = {str(file.relative_to(ROOT)) for file in ROOT.rglob("*.py") if switch in file.read_text("utf-8")}
    assert told <= {"nets/device.py", "training/loop.py"}


def test_float32_means_it():
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = True
    device.prepare(torch.nn.Linear(2, 2), "cpu")
    assert not torch.backends.cudnn.allow_tf32 and not torch.backends.cuda.matmul.allow_tf32


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_network_gets_numbers_of_its_precision(precision):
    net = device.prepare(torch.nn.Conv2d(3, 4, 3), "cpu", precision)
    assert net.weight.dtype == getattr(torch, precision) == net.bias.dtype


def test_over_http_a_precision_is_refused_alike(tmp_path, image, mask):
    gr = pytest.importorskip("gradio")
    from inpaint.page.endpoint import inpaint_files

    files = tmp_path / "photo.png", tmp_path / "mask.png"
    for file, pixels in zip(files, (image, np.where(mask, 255, 0).astype(np.uint8)), strict=True):
        PIL.Image.fromarray(pixels).save(file)
    with pytest.raises(gr.Error, match=r"precision|float16"):
        list(inpaint_files(*map(str, files), "telea", {"precision": "float16"}))
