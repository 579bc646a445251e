"""Partial convolutions give what their reference layer and networks give, folded or not, and nothing else would."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from parity import DEVICE, PRECISIONS, check, inputs, load
from recipe import fill_state, load_fixture, noise_tensor, smooth_field

from inpaint.checkpoints import checkpoint
from inpaint.models import pconv as model
from inpaint.nets import colour, pconv

LAYER, EXPECTED = load_fixture("partialconv2d_nvidia")
NETS = {"pconv_mmagic": "openmmlab", "pconv_unet_naoto": "naoto0804"}
EVERY = [(name, case["id"]) for name in NETS for case in load_fixture(name)[0]["cases"]]
SMALL = pconv.Config(width=8, levels=3)
every_precision = pytest.mark.parametrize("precision", PRECISIONS)


def layer_mask(case):
    """(N, 1 or C, 21, 26) float32, 1 = known, or none, as the fixture describes."""
    kind, channels = case["mask"], case["cin"]
    field = smooth_field("pc-m1", (2, 1, 21, 26), 7)
    single = (field > 0.2).astype(np.float32)
    masks = {
        None: None,
        "single": single,
        "broadcast": (smooth_field("pc-m1", (1, 1, 21, 26), 7) > 0.2).astype(np.float32),
        "multi": (smooth_field("pc-m", (2, channels, 21, 26), 7) > 0.2).astype(np.float32),
        "repeat": np.repeat(single, channels, 1),
        "fractional": np.clip(np.round((field + 0.2) * 4) / 4, 0, 1).astype(np.float32),
    }
    return None if masks[kind] is None else torch.from_numpy(masks[kind])


def run_layer(case, precision, polarity=False, **changes):
    """Output and mask of the layer of a case, compared with the recording."""
    dtype = PRECISIONS[precision]
    shape = (case[key] for key in ("cin", "cout", "k", "s", "p", "d"))
    options = {"groups": case.get("groups", 1), "bias": case["bias"], "multi": case["multi"]}
    layer = pconv.PartialConv2d(*shape, **{**options, **changes})
    state = fill_state(case["state"], **LAYER["recipe"])
    layer.load_state_dict({key: torch.from_numpy(value) for key, value in state.items()})
    x = torch.from_numpy(noise_tensor("pc-x", (2, case["cin"], 21, 26))).to(DEVICE, dtype)
    mask = layer_mask(case)
    if mask is not None:
        mask = (1 - mask if polarity else mask).to(DEVICE, dtype)
    out, known = layer.to(DEVICE, dtype)(x, mask)
    assert list(out.shape) == case["out_shape"] and list(known.shape) == case["mask_shape"]
    arguments = "partialconv2d_nvidia", LAYER, EXPECTED, case["id"]
    check(*arguments, "output", out, precision, step=1)
    check(*arguments, "mask", known[:, :1], precision, step=1)


every_layer = pytest.mark.parametrize("case", LAYER["cases"], ids=lambda case: case["id"])


@every_layer
@every_precision
def test_the_layer_is_the_reference_layer(case, precision):
    run_layer(case, precision)


@pytest.mark.parametrize("case", [c for c in LAYER["cases"] if c["mask"]], ids=lambda case: case["id"])
@pytest.mark.parametrize("mistake", [{"polarity": True}, {"renorm": "inverse_sum"}], ids=str)
def test_mistakes_in_the_layer_are_noticed(case, mistake):
    with pytest.raises(AssertionError, match="max"):
        run_layer(case, "float32", **mistake)


@every_layer
def test_the_layer_in_half_precision(case):
    layer = pconv.PartialConv2d(case["cin"], case["cout"], case["k"], case["s"], case["p"], multi=case["multi"])
    x = torch.from_numpy(noise_tensor("pc-x", (2, case["cin"], 21, 26)))
    mask = layer_mask(case)
    want, _ = layer(x, mask)
    for dtype in (torch.bfloat16, torch.float16):
        out, known = layer.to(dtype)(x.to(dtype), mask if mask is None else mask.to(dtype))
        assert out.dtype == known.dtype == dtype and torch.allclose(out.float(), want, rtol=0.1, atol=0.1)
        layer.float()


def compare(name, precision, case="", change=lambda net: net, see=lambda x, hole: (x, hole)):
    """Run a case, the first unless named, and compare. The recorded colours lie in the order the network sees."""
    manifest, expected, net = load(name, "pconv:FAMILY", NETS[name])
    case = next(c for c in manifest["cases"] if case in ("", c["id"]))
    dtype = PRECISIONS[precision]
    image, hole = inputs(case, torch.float32)
    x, hole = colour.encode(image, imagenet=net.config.imagenet).to(dtype), hole.to(dtype)
    net = change(net.to(dtype))
    with torch.inference_mode():
        out, masks = net(*see(x, hole))
    assert len(masks) == 15 and torch.equal(masks[0], 1 - see(x, hole)[1])
    for output in case["outputs"]:
        array = out if output == "output" else out * hole + x * (1 - hole)
        check(name, manifest, expected, case["id"], output, array, precision)


@pytest.mark.parametrize("name, case", EVERY)
@every_precision
@pytest.mark.parametrize("change", [lambda net: net, pconv.Folded], ids=["plain", "folded"])
def test_same_as_the_reference(name, case, precision, change):
    compare(name, precision, case, change)


@pytest.mark.parametrize("name, layout", NETS.items())
def test_each_publication_is_recognised(name, layout):
    manifest, _ = load_fixture(name)
    state = {key: torch.zeros(shape) for key, shape, *_ in manifest["state"]}
    assert checkpoint.fit(state, pconv.FAMILY).layout == layout


SEEN = {"polarity": lambda x, hole: (x, 1 - hole), "colours": lambda x, hole: (x.flip(1), hole)}


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("mistake", SEEN)
def test_a_wrong_input_is_noticed(name, mistake):
    with pytest.raises(AssertionError, match="max"):
        compare(name, "float32", see=SEEN[mistake])


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("mistake", ["renorm", "padding_mode", "eps", "slope", "enlarging"])
def test_a_wrong_network_is_noticed(name, mistake, monkeypatch):
    net = load(name, "pconv:FAMILY", NETS[name])[2]
    conv = net.encoder[2].conv
    if mistake == "renorm":
        monkeypatch.setattr(conv, "renorm", "ratio" if conv.renorm == "inverse_sum" else "inverse_sum")
    elif mistake == "padding_mode":
        monkeypatch.setattr(conv, "padding_mode", "reflect")
    elif mistake == "eps":
        for unit in (*net.encoder[1:], *net.decoder[1:]):
            monkeypatch.setattr(unit.norm, "eps", 1e-3)
    elif mistake == "slope":
        monkeypatch.setattr(net.decoder[1], "slope", 0.01)
    else:
        monkeypatch.setattr(pconv, "double", lambda x: F.interpolate(x, scale_factor=2, mode="bilinear"))
    with pytest.raises(AssertionError, match="max"):
        compare(name, "float32")


def picture(*shape):
    """Noise (N, 3, H, W), and holes (N, 1, H, W) that differ."""
    generator = torch.Generator().manual_seed(0)
    n, h, w = shape
    hole = torch.zeros(n, 1, h, w)
    for index in range(n):
        hole[index, :, 5 + 7 * index : 30 + 2 * index, 8 : 40 - 9 * index] = 1
    return torch.randn(n, 3, h, w, generator=generator), hole


@pytest.mark.parametrize("renorm", ["ratio", "inverse_sum"])
@pytest.mark.parametrize("levels", [1, 3, 5])
def test_any_depth_folds(levels, renorm):
    torch.manual_seed(levels)
    net = pconv.UNet(pconv.Config(width=8, levels=levels, renorm=renorm)).double()
    x, hole = (t.double() for t in picture(2, 64, 96))
    net(x, hole)  # gives the norms something to fold
    out, masks = net.eval()(x, hole)
    fast, same = pconv.Folded(net)(x, hole)
    assert len(masks) == 1 + 2 * levels
    assert torch.allclose(out, fast, atol=1e-10) and all(map(torch.equal, masks, same))
    each = [net(x[i : i + 1], hole[i : i + 1])[0] for i in range(2)]
    assert torch.allclose(out, torch.cat(each), atol=1e-10)


def test_masks_close_and_pixels_in_the_hole_do_not_matter():
    net = pconv.UNet(SMALL).eval()
    x, hole = picture(1, 64, 64)
    out, masks = net(x, hole)
    assert torch.equal(out, net(x + 100 * hole, hole)[0])
    assert [m.shape[-1] for m in masks] == [64, 32, 16, 8, 16, 32, 64]
    shares = [m.mean().item() for m in masks[:4]]
    assert shares == sorted(shares) and shares[0] < shares[3] and masks[-1].min() == 1


def test_nothing_known_gives_nothing():
    net = pconv.UNet(SMALL).eval()
    for form in (net, pconv.Folded(net)):
        out, masks = form(torch.rand(1, 3, 32, 32), torch.ones(1, 1, 32, 32))
        assert out.abs().max() == 0 and not any(m.any() for m in masks)


@pytest.mark.parametrize("config", [SMALL, pconv.Config(width=8, levels=3, renorm="inverse_sum")])
def test_a_narrow_network_learns(config):
    net = pconv.UNet(config)
    x, hole = picture(2, 64, 64)
    (net(x, hole)[0] - x).square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("name", NETS)
def test_half_precision(name, dtype):
    manifest, _, net = load(name, "pconv:FAMILY", NETS[name])
    image, hole = inputs(manifest["cases"][0], torch.float32)
    x = colour.encode(image, imagenet=net.config.imagenet)
    with torch.inference_mode():
        want, masks = pconv.Folded(net.float())(x, hole)
        out, same = pconv.Folded(net).to(dtype)(x.to(dtype), hole.to(dtype))
    assert out.dtype == dtype and all(map(torch.equal, masks, same))
    assert (out.float() - want).abs().mean() < 0.05 * want.abs().mean()


def test_names_of_others_stay():
    strange = {"abc.weight": torch.ones(2), "encoder.x": torch.ones(1), "enc9": torch.ones(3)}
    assert pconv.convert(strange).keys() == strange.keys()
    own = pconv.UNet(SMALL).state_dict()
    assert pconv.convert(own).keys() == own.keys()


def test_the_model_fills_and_shows_its_masks():
    torch.manual_seed(0)
    net = pconv.UNet(SMALL).eval()
    image = np.random.default_rng(0).integers(0, 256, (128, 256, 3), np.uint8)
    mask = np.zeros((128, 256), bool)
    mask[30:90, 40:170] = True
    image[mask] = 0
    image.flags.writeable = mask.flags.writeable = False
    (step,) = model.load("cpu", net)(image, mask)
    assert step.image.shape == image.shape and step.image.dtype == np.uint8 and step.progress == 1
    film = step.views["mask by layer"]
    assert film.shape[1:] == (1200, 3) and film.dtype == np.uint8
    for weights in (w for w in model.CARD.weights.values() if not w.shipped):
        assert weights.parts.keys() == {"net"} and weights.layout == "openmmlab"


@pytest.mark.parametrize("shape", [(128, 128), (128, 1024), (1024, 128)])
def test_the_film_has_every_layer(shape):
    h, w = shape
    masks = [np.ones((h >> n, w >> n), np.float32) for n in (0, 1, 2, 3, 4, 5, 6, 7, 6, 5, 4, 3, 2, 1, 0)]
    masks[0][h // 4 : h // 2, w // 4 : w // 2] = 0
    film = model.film(masks)
    assert film.shape[1] == 1200 and film.shape[0] <= 800
    assert all((film == grey).any() for grey in (model.HOLE, model.KNOWN, model.GROUND))
    dark = (film == model.HOLE).all(-1)
    assert dark[:, :150].sum() > 2 * dark[:, 150:].sum()  # only the first frame has a hole
