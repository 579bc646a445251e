"""GLCIC, AOT-GAN and GMCNN give what their reference networks give, and nothing else would."""

import functools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from parity import DEVICE, PRECISIONS, check, inputs
from recipe import fill_state, load_fixture

from inpaint.checkpoints import checkpoint
from inpaint.models import aotgan as aotgan_model
from inpaint.models import glcic as glcic_model
from inpaint.nets import aotgan, colour, glcic, gmcnn
from inpaint.nets.device import prepare
from inpaint.nets.layout import Family, Layout

SHORT = aotgan.Config(blocks=2)
FAMILIES = {
    "gl_mmagic": (glcic.FAMILY, "openmmlab"),
    "gmcnn": (gmcnn.FAMILY, "official"),
    "aotgan_official_2blocks": (
        Family(aotgan.Config, aotgan.Generator, {"short": Layout(SHORT, aotgan.from_official)}),
        "short",
    ),
    "aotgan_official": (aotgan.FAMILY, "official"),
    "aotgan_mmagic": (aotgan.FAMILY, "openmmlab"),
}
EVERY = [(name, case["id"]) for name in FAMILIES for case in load_fixture(name)[0]["cases"]]
QUICK = "gl_mmagic", "gmcnn", "aotgan_official_2blocks"
every_precision = pytest.mark.parametrize("precision", PRECISIONS)
tiny = pytest.mark.parametrize(
    "family, config",
    [
        (glcic.FAMILY, glcic.Config(width=4)),
        (aotgan.FAMILY, aotgan.Config(width=4, blocks=2)),
        (gmcnn.FAMILY, gmcnn.Config(width=2, dilations=(1, 2))),
    ],
    ids=["glcic", "aotgan", "gmcnn"],
)


@functools.lru_cache(maxsize=1)
def load(name):
    manifest, expected = load_fixture(name)
    state = fill_state(manifest["state"], **manifest["recipe"])
    family, layout = FAMILIES[name]
    part = checkpoint.fit({key: torch.from_numpy(value) for key, value in state.items()}, family)
    assert part.layout == layout
    return manifest, expected, prepare(checkpoint.network(part), DEVICE)


def compare(name, net, dtype, case="", see=lambda x, hole: (x, hole)):
    """Run a case, the first unless named, and compare. The recorded colours lie in the network's own order."""
    manifest, expected, _ = load(name)
    cases = {c["id"]: c for c in manifest["cases"]}
    case = cases[case] if case else manifest["cases"][0]
    image, hole = inputs(case, torch.float32)
    x, hole = colour.encode(image).to(PRECISIONS[dtype]), hole.to(PRECISIONS[dtype])
    net = net.to(PRECISIONS[dtype])
    with torch.inference_mode():
        out = net(*see(x, hole))
    for output in case["outputs"]:
        array = out if output == "output" else out * hole + x * (1 - hole)
        check(name, manifest, expected, case["id"], output, array, dtype)


@pytest.mark.parametrize("name, case", EVERY)
@every_precision
def test_same_as_the_reference(name, case, precision):
    compare(name, load(name)[2], precision, case)


@every_precision
def test_a_folded_network_is_the_same(precision):
    compare("gl_mmagic", glcic.fold(load("gl_mmagic")[2].to(PRECISIONS[precision])), precision)


def polarity(x, hole):
    return x, 1 - hole


def order(x, hole):
    return x.flip(1), hole


@pytest.mark.parametrize("name", QUICK)
@pytest.mark.parametrize("see", [polarity, order])
def test_a_wrong_input_is_noticed(name, see):
    with pytest.raises(AssertionError, match="max"):
        compare(name, load(name)[2], "float32", see=see)


PADDED = {"gl_mmagic": ("layers.4.conv", "reflect"), "gmcnn": ("columns.1.3", "zeros")}
PADDED["aotgan_official_2blocks"] = ("blocks.1.fuse", "zeros")


@pytest.mark.parametrize("name", PADDED)
def test_another_border_is_noticed(name, monkeypatch):
    net, (conv, mode) = load(name)[2], PADDED[name]
    monkeypatch.setattr(net.get_submodule(conv), "padding_mode", mode)
    with pytest.raises(AssertionError, match="max"):
        compare(name, net, "float32")


def test_another_epsilon_is_noticed(monkeypatch):
    net = load("gl_mmagic")[2]
    for unit in net.layers:
        monkeypatch.setattr(unit.norm, "eps", 1e-3)
    with pytest.raises(AssertionError, match="max"):
        compare("gl_mmagic", net, "float32")


@pytest.mark.parametrize("mistake", ["biased deviation", "hole of 0", "corners"])
def test_aotgan_mistakes_are_noticed(mistake, monkeypatch):
    net = load("aotgan_official_2blocks")[2]
    if mistake == "biased deviation":
        std_mean = torch.std_mean
        monkeypatch.setattr(torch, "std_mean", lambda *a, **k: std_mean(*a, **k, correction=0))
    elif mistake == "corners":
        enlarge = F.interpolate
        monkeypatch.setattr(F, "interpolate", lambda x, **k: enlarge(x, **{**k, "align_corners": False}))
    else:
        monkeypatch.setattr(net, "config", aotgan.Config(blocks=2, hole=0.0))
    with pytest.raises(AssertionError, match="max"):
        compare("aotgan_official_2blocks", net, "float64")


def test_gmcnn_enlarging_is_noticed(monkeypatch):
    net = load("gmcnn")[2]
    monkeypatch.setattr(net.columns[0][-1], "mode", "nearest")
    monkeypatch.setattr(net.columns[0][-1], "align_corners", None)
    with pytest.raises(AssertionError, match="max"):
        compare("gmcnn", net, "float32")


@tiny
def test_a_narrow_network_learns(family, config):
    net = family.build(config)
    x, hole = torch.rand(2, 3, 64, 64) * 2 - 1, torch.zeros(2, 1, 64, 64)
    hole[0, :, 20:40, 10:50] = 1
    (net(x, hole) - x).square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())


@tiny
def test_a_batch_is_its_pictures(family, config):
    net = family.build(config).double().eval()
    x, hole = torch.rand(2, 3, 64, 96).double() * 2 - 1, (torch.rand(2, 1, 64, 96) > 0.6).double()
    with torch.inference_mode():
        both = net(x, hole)
        each = torch.cat([net(x[i : i + 1], hole[i : i + 1]) for i in range(2)])
    assert torch.allclose(both, each, atol=1e-9)


@tiny
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_half_precision(family, config, dtype):
    torch.manual_seed(0)
    net = family.build(config).eval()
    image = torch.randint(256, (64, 64, 3), dtype=torch.uint8)
    mask = torch.zeros(64, 64, dtype=torch.bool)
    mask[20:40, 10:50] = True
    want, *_ = colour.complete(net, image, mask)
    got, *_ = colour.complete(net.to(dtype), image, mask)
    assert (want.int() - got.int()).abs().float().mean() < 4


@tiny
def test_names_of_others_stay(family, config):
    strange = {"abc.weight": torch.ones(2), "encoder.x": torch.ones(1), "num_batches_tracked": torch.ones(3)}
    for layout in family.layouts.values():
        assert layout.convert(strange).keys() == strange.keys()
        assert layout.convert(family.build(config).state_dict())


@pytest.mark.parametrize("imagenet", [False, True])
@pytest.mark.parametrize("bgr", [False, True])
def test_colours_there_and_back(bgr, imagenet):
    rgb = torch.rand(2, 3, 4, 5) * 255
    x = colour.encode(rgb, bgr, imagenet)
    assert torch.allclose(colour.decode(x, bgr, imagenet), rgb, atol=1e-3)
    assert colour.decode(x * 9, bgr, imagenet).max() <= 255
    red = colour.encode(torch.tensor([255.0, 0, 0]).reshape(1, 3, 1, 1), bgr, imagenet).flatten()
    assert red.argmax() == (2 if bgr else 0)
    if not imagenet:
        assert red.max() == 1 and red.min() == -1


@pytest.mark.parametrize(
    "model, net",
    [
        (glcic_model, glcic.Completion(glcic.Config(width=4))),
        (aotgan_model, aotgan.Generator(aotgan.Config(width=4, blocks=1))),
    ],
    ids=["glcic", "aotgan"],
)
def test_the_model_fills(model, net, image, mask):
    image, mask = image[:72, :96].copy(), mask[:72, :96].copy()
    image[mask] = 0
    image.flags.writeable = mask.flags.writeable = False
    (step,) = model.load("cpu", net.eval())(image, mask)
    assert step.image.shape == image.shape and step.image.dtype == np.uint8 and step.progress == 1
    assert model.CARD.networks.keys() == {"net"}
    for weights in model.CARD.weights.values():
        assert weights.parts.keys() == {"net"}
        assert weights.layout in checkpoint.family(model.CARD.networks["net"]).layouts
