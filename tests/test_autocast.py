"""Networks under autocast: what half precision is too coarse for stays in float32."""

import dataclasses

import pytest
import torch
from torch import nn

from inpaint.nets import aotgan, attention, deepfill, edgeconnect, lama, pconv, skip
from inpaint.training import losses


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def half() -> torch.autocast:
    return torch.autocast("cpu", torch.bfloat16)


# ---- attention


@pytest.fixture
def maps() -> tuple[torch.Tensor, torch.Tensor]:
    """Features as strong as a trained network's, (1, C, 2h, 2w), and a hole (1, 1, h, w)."""
    mask = torch.zeros(1, 1, 12, 16)
    mask[..., 3:9, 4:12] = 1
    return torch.randn(1, 24, 24, 32) * 12, mask


@pytest.mark.parametrize("norm", ["floor", "added"])
@pytest.mark.parametrize("fuse", [True, False])
def test_scores_of_the_attention(maps, norm, fuse):
    x = attention.shrink(maps[0], 2, False)
    exactly = torch.cat(list(attention.compare(x, x, norm, fuse)))
    with half():
        found = torch.cat(list(attention.compare(x, x, norm, fuse)))
    assert found.dtype == torch.float32 and exactly.abs().max() > 100
    torch.testing.assert_close(found, exactly, rtol=1e-6, atol=1e-4)


@pytest.mark.parametrize("masked", ["zero", "infinity"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_sources_and_features_of_the_attention(maps, masked, dtype):
    x, mask = maps[0].to(dtype), maps[1]
    exactly = attention.attend(x.float(), x.float(), mask, masked=masked)
    with half():
        found = attention.attend(x, x, mask, masked=masked)
    assert torch.equal(found.source, exactly.source) and found.features.dtype == dtype
    torch.testing.assert_close(found.features, exactly.features.to(dtype), rtol=1e-6, atol=1e-5)


def test_partial_convolutions_count_exactly():
    """Of 771 channels 259 are known here and there: no number of bfloat16."""
    counts = torch.where(torch.rand(1, 1, 16, 16) < 0.5, 259.0, 771.0)
    given = counts, 771, "ratio", (3, 3), (1, 1), (1, 1), (1, 1)
    with half():
        found = pconv.cover(*given)
    for one, other in zip(found, pconv.cover(*given), strict=True):
        assert one.dtype == torch.float32 and torch.equal(one, other)


# ---- ends of networks

NETWORKS = {  # network, what it is given, its last convolution
    "edges": (
        edgeconnect.Generator(edgeconnect.Config(3, 1, False, "sigmoid", width=4, blocks=1)),
        (3,),
        lambda net: net.head,
    ),
    "image": (
        edgeconnect.Generator(edgeconnect.Config(4, 3, True, "tanh", width=4, blocks=1)),
        (4,),
        lambda net: net.head,
    ),
    "deepfill": (
        deepfill.DeepFill(deepfill.Config(width=4)),
        (3, 1),
        lambda net: net.decoder[-1].conv,
    ),
    "aotgan": (aotgan.Generator(aotgan.Config(width=4, blocks=1)), (3, 1), lambda net: net.decoder[-1]),
    "lama": (lama.Generator(lama.Config(width=4, blocks=1)).eval(), (3, 1), lambda net: net.head),
    "dip": (skip.Skip(8, (8, 8), (8, 8), (4, 4)), (8,), lambda net: net.head),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_an_end_that_is_sure_has_a_gradient(name):
    """Where a sigmoid or a tanh is near 1 the next number of bfloat16 is 1 itself."""
    net, channels, last = NETWORKS[name]
    given = [torch.rand(1, count, 64, 64) for count in channels]
    slopes = {}
    for dtype in (torch.float32, torch.bfloat16):
        head = last(net)
        nn.init.zeros_(head.weight)
        nn.init.constant_(head.bias, 5.0)
        net.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
            out = net(*given)
        out = out.refined if isinstance(out, tuple) else out
        assert out.dtype == torch.float32 and out.max() < 1
        losses.l1(out, torch.zeros_like(out)).backward()
        slopes[dtype] = head.bias.grad
    assert slopes[torch.float32].abs().min() > 1e-5
    torch.testing.assert_close(slopes[torch.bfloat16], slopes[torch.float32], rtol=0.05, atol=0)


@pytest.mark.parametrize("logit", [3.0, 7.0, 12.0, -7.0, -12.0])
def test_a_cell_that_is_surely_wrong_learns_as_in_float32(logit):
    """The edge network's own cross entropy, whose gradient of a wrong logit is about 1."""
    net, channels, last = NETWORKS["edges"]
    given, truth = torch.rand(2, *channels, 32, 32), torch.full((2, 1, 32, 32), float(logit < 0))
    said = []
    for enabled in (False, True):
        nn.init.zeros_(last(net).weight)
        nn.init.constant_(last(net).bias, logit)
        net.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            loss = losses.cross_entropy(net(given), truth)
        loss.backward()
        said.append((loss.item(), last(net).bias.grad.item()))
    assert said[1] == pytest.approx(said[0], rel=0.01)
    assert abs(said[1][1]) > 0.9


@pytest.mark.parametrize("membrane", [True, False])
def test_partial_convolutions_end_in_float32(membrane):
    net = pconv.UNet(dataclasses.replace(pconv.Config(), width=4, levels=3, membrane=membrane))
    with half():
        made, masks = net(torch.rand(1, 3, 32, 32), torch.zeros(1, 1, 32, 32))
    assert made.dtype == torch.float32 and all(mask.dtype == torch.float32 for mask in masks)
