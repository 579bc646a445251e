"""LaMa: its generator against the recording, the names of its files, and the model around it."""

import copy
from dataclasses import replace

import numpy as np
import parity
import pytest
import torch
from recipe import fill_state, load_fixture

from inpaint.checkpoints import checkpoint
from inpaint.models import lama
from inpaint.nets import lama as nets

FIXTURE, PLACE = "lama_big", "lama:FAMILY"
CASES = load_fixture(FIXTURE)[0]["cases"]


@torch.inference_mode()
def run(net, case: dict, precision: str = "float32", change=lambda x, mask: (x, mask)):
    x, mask = parity.inputs(case, parity.PRECISIONS[precision])
    return net(*change(x / 255, mask)), x / 255, mask


@pytest.mark.parametrize("precision", parity.PRECISIONS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_generator_is_the_reference(precision, case):
    manifest, expected, net = parity.load(FIXTURE, PLACE)
    out, x, mask = run(net.to(parity.PRECISIONS[precision]), case, precision)
    results = {"output": out, "composite": out * mask + x * (1 - mask)}
    for name in case["outputs"]:
        parity.check(FIXTURE, manifest, expected, case["id"], name, results[name], precision)


def other_norm(monkeypatch, net):
    to, fro = torch.fft.rfft2, torch.fft.irfft2
    monkeypatch.setattr(torch.fft, "rfft2", lambda x, norm: to(x))
    monkeypatch.setattr(torch.fft, "irfft2", lambda x, s, norm: fro(x, s=s))


def zero_padding(monkeypatch, net):
    monkeypatch.setattr(net.blocks[3].first.near, "padding_mode", "zeros")


def epsilon(monkeypatch, net):
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            monkeypatch.setattr(module, "eps", 1e-3)


MISTAKES = {
    "norm of the spectrum": (other_norm, lambda x, mask: (x, mask)),
    "padding of one convolution": (zero_padding, lambda x, mask: (x, mask)),
    "epsilon of the norms": (epsilon, lambda x, mask: (x, mask)),
    "value in the hole": (
        lambda monkeypatch, net: monkeypatch.setattr(net, "config", replace(net.config, hole=1.0)),
        lambda x, mask: (x, mask),
    ),
    "polarity of the mask": (lambda *_: None, lambda x, mask: (x, 1 - mask)),
    "order of the colours": (lambda *_: None, lambda x, mask: (x.flip(1), mask)),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_shows(monkeypatch, mistake):
    manifest, expected, net = parity.load(FIXTURE, PLACE)
    make, change = MISTAKES[mistake]
    make(monkeypatch, net.float())
    out, *_ = run(net, CASES[0], change=change)
    with pytest.raises(AssertionError, match="max"):
        parity.check(FIXTURE, manifest, expected, CASES[0]["id"], "output", out, "float32")


# ---- names


def published(prefix: str = "", **more) -> dict[str, torch.Tensor]:
    """The published names without numbers behind them."""
    shapes = {key: tuple(shape) for key, shape, *_ in load_fixture(FIXTURE)[0]["state"]}
    return {prefix + key: torch.empty(shape, device="meta") for key, shape in shapes.items()} | more


@pytest.mark.parametrize("prefix", ["", "model.", "model.generator.", "generator.", "a.b.c."])
def test_any_prefix_is_stripped(prefix):
    part = checkpoint.fit(published(prefix), nets.FAMILY)
    assert part.layout == "big"


def test_critics_beside_a_prefixed_generator_go():
    given = published("model.generator.", **{"model.discriminator.model0.0.weight": torch.empty(1)})
    assert checkpoint.fit(given, nets.FAMILY).layout == "big"


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"model.1.ffc.convl2l.weight": torch.ones(())},
        {"model.4.bn_l.weight": torch.ones(3), "model.4.bn_g.weight": torch.ones(2, 2)},
        {"x.num_batches_tracked": torch.ones(()), "conv.weight": torch.ones(2)},
    ],
)
def test_strange_files_are_refused_and_not_more(given):
    with pytest.raises(ValueError, match="does not fit"):
        checkpoint.fit(given, nets.FAMILY)


def test_unknown_names_stay():
    with pytest.raises(ValueError, match=r"extra \(1,\) is not of this network"):
        checkpoint.fit(published(extra=torch.empty(1)), nets.FAMILY)


# ---- narrow


@pytest.fixture(scope="module")
def narrow():
    config = nets.Config(width=4, blocks=1)
    shapes = [[key, list(t.shape)] for key, t in checkpoint.blank(nets.FAMILY, config).state_dict().items()]
    net = nets.FAMILY.build(config)
    net.load_state_dict({k: torch.from_numpy(v) for k, v in fill_state(shapes).items()})
    return net.eval().requires_grad_(False)


def test_a_batch_is_its_pictures_and_can_be_trained(narrow):
    net = copy.deepcopy(narrow).requires_grad_(True)
    x, mask = torch.rand(2, 3, 32, 40), torch.zeros(2, 1, 32, 40)
    mask[0, :, 5:20, 5:20], mask[1, :, 10:, 30:] = 1, 1
    together = net(x, mask)
    torch.testing.assert_close(together, torch.cat([net(x[i : i + 1], mask[i : i + 1]) for i in range(2)]))
    net.train()(x, mask).square().mean().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in net.parameters())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_keeps_its_spectrum_wide(monkeypatch, narrow, dtype):
    seen, real = set(), torch.fft.rfft2
    monkeypatch.setattr(torch.fft, "rfft2", lambda x, norm: (seen.add(x.dtype), real(x, norm=norm))[1])
    x, mask = torch.rand(1, 3, 32, 40), torch.zeros(1, 1, 32, 40)
    mask[:, :, 8:20, 8:20] = 1
    out = copy.deepcopy(narrow).to(dtype)(x.to(dtype), mask.to(dtype))
    assert out.dtype == dtype and seen == {torch.float32}
    torch.testing.assert_close(out.float(), narrow(x, mask), atol=0.05, rtol=0)


def test_autocast_leaves_the_spectrum_alone(narrow):
    x, mask = torch.rand(1, 3, 32, 40), torch.zeros(1, 1, 32, 40)
    with torch.autocast("cpu", torch.bfloat16):
        out = narrow(x, mask)
    torch.testing.assert_close(out.float(), narrow(x, mask), atol=0.05, rtol=0)


def test_the_model_sees_nothing_of_the_hole(narrow, image, mask):
    picture, hole = image[:64, :96].copy(), mask[:64, :96]
    fill = lama.load("cpu", narrow)
    (step,) = fill(picture, hole)
    picture[hole] = 77
    (again,) = fill(picture, hole)
    assert step.progress == 1 and step.image.shape == picture.shape and step.image.dtype == np.uint8
    assert np.array_equal(step.image, again.image)
    picture[~hole] = 7
    (other,) = fill(picture, hole)
    assert not np.array_equal(step.image[hole], other.image[hole])
