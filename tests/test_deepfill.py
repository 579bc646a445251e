"""DeepFill v1, v2, CR-Fill and the attention give what their references give, and nothing else would.

The wheel that the attention is drawn with is tested in test_patchmatch.py.
"""

import dataclasses
import functools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from parity import DEVICE, PRECISIONS, check, inputs, load
from recipe import fill_state, load_fixture, make_inputs, noise_tensor, smooth_field
from torch.utils._python_dispatch import TorchDispatchMode

from inpaint import InpaintError
from inpaint.checkpoints import checkpoint
from inpaint.models import crfill, deepfill_v1, deepfill_v2
from inpaint.models import deepfill as shared
from inpaint.nets import attention, deepfill
from inpaint.nets.device import prepare

FAMILIES = {"V1": deepfill.V1, "V2": deepfill.V2, "CRFILL": deepfill.CRFILL}
NETS = {  # fixture -> family, layout, parameters; the second network of the authors' names has to be asked for
    "deepfillv1_tf_official": ("V1", "tf", 3_601_542),
    "deepfillv1_mmagic": ("V1", "openmmlab", 3_601_542),
    "deepfillv2_tf_official": ("V2", "tf_official", 4_052_478),
    "deepfillv2_tf_nipponjo": ("V2", "tf_nipponjo", 4_052_478),
    "deepfillv2_pt_nipponjo": ("V2", "pt_nipponjo", 4_052_478),
    "deepfillv2_mmagic": ("V2", "openmmlab", 4_414_908),
    "deepfillv2_csqiangwen": ("V2", "csqiangwen", 16_174_956),
    "crfill_baseconv": ("CRFILL", "crfill", 4_052_478),
}
EVERY = [(name, case["id"]) for name in NETS for case in load_fixture(name)[0]["cases"]]
LAYOUTS = [(family, layout) for family in FAMILIES for layout in FAMILIES[family].layouts]
every_net = pytest.mark.parametrize("name", NETS)
every_layout = pytest.mark.parametrize("family, layout", LAYOUTS)
every_precision = pytest.mark.parametrize("precision", PRECISIONS)
every_rule = pytest.mark.parametrize("masked", ["zero", "infinity"])


# ---- networks against their references


@functools.lru_cache(maxsize=1)
def load_csqiangwen(name="deepfillv2_csqiangwen"):
    """As `parity.load`; the recipe knows the vectors of a spectral norm beside "weight_orig" only."""
    manifest, expected = load_fixture(name)
    entries = [[key.replace("weight_bar", "weight_orig"), *rest] for key, *rest in manifest["state"]]
    state = fill_state(entries, **manifest["recipe"])
    state = {key.replace("weight_orig", "weight_bar"): torch.from_numpy(value) for key, value in state.items()}
    return manifest, expected, prepare(checkpoint.network(checkpoint.fit(state, deepfill.V2)), DEVICE)


def reference(name):
    """The fixture's manifest, its arrays, and our network with its weights in float32."""
    if name == "deepfillv2_csqiangwen":
        manifest, expected, net = load_csqiangwen()
    else:
        family, layout, _ = NETS[name]
        manifest, expected, net = load(name, f"deepfill:{family}", layout if layout == "tf_nipponjo" else "")
    return manifest, expected, net.float()


def run(net, case, precision, polarity=False, bgr=False):
    """Outputs of the network under the names of the fixtures."""
    image, mask = inputs(case, PRECISIONS[precision])
    low = net.config.low
    x = image / 255 * (1 - low) + low
    x = x.flip(1) if bgr else x
    with torch.inference_mode():
        out = net(x, 1 - mask if polarity else mask)
    return {"stage1": out.coarse, "stage2": out.refined, "composite": out.refined * mask + x * (1 - mask)}


@pytest.mark.parametrize("name, case_id", EVERY)
@every_precision
def test_is_the_reference_network(name, case_id, precision):
    manifest, expected, net = reference(name)
    case = next(case for case in manifest["cases"] if case["id"] == case_id)
    outputs = run(net.to(PRECISIONS[precision]), case, precision)
    for output in case["outputs"]:
        check(name, manifest, expected, case_id, output, outputs[output], precision)


def mutant(net, **changes):
    """The network with its tensors and another config."""
    config = dataclasses.replace(net.config, **changes)
    return checkpoint.network(checkpoint.Part(deepfill.V2, "", config, net.state_dict()))


MUTATIONS = {
    "deepfillv2_tf_official": [
        {"padding": "zero"},
        {"padding": "reflect"},
        {"corners": False},
        {"shrinks": 1},
        {"fuse": False},
        {"relu": False},
        {"overlap": "count"},
        {"hole": 1.0},
        {"output": "clamp"},
    ],
    "deepfillv2_mmagic": [{"masked": "zero"}, {"overlap": "four"}],
    "deepfillv2_csqiangwen": [{"norm": "floor"}, {"hole": 0.0}, {"masked": "infinity"}],
}


@pytest.mark.parametrize(
    "name, changes", [(name, change) for name in MUTATIONS for change in MUTATIONS[name]], ids=str
)
def test_no_other_config_is_the_reference(name, changes):
    manifest, expected, net = reference(name)
    case = manifest["cases"][0]
    outputs = run(mutant(net, **changes), case, "float32")
    with pytest.raises(AssertionError, match="max"):
        check(name, manifest, expected, case["id"], "stage2", outputs["stage2"], "float32")


@pytest.mark.parametrize("change", ["polarity", "bgr", "scale"])
def test_no_other_convention_is_the_reference(change, monkeypatch):
    name = "deepfillv2_tf_official"
    manifest, expected, net = reference(name)
    case = manifest["cases"][0]
    if change == "scale":
        monkeypatch.setattr(deepfill, "attend", functools.partial(attention.attend, scale=9.0))
    outputs = run(net, case, "float32", **({change: True} if change != "scale" else {}))
    with pytest.raises(AssertionError, match="max"):
        check(name, manifest, expected, case["id"], "stage2", outputs["stage2"], "float32")


# ---- published names


def shapes(name):
    """The published tensors of a fixture, without memory."""
    return {key: torch.empty(shape, device="meta") for key, shape, *_ in load_fixture(name)[0]["state"]}


@every_net
def test_is_told_by_its_tensors(name):
    family, layout, parameters = NETS[name]
    part = checkpoint.fit(shapes(name), FAMILIES[family])
    assert part.layout == ("tf_official" if layout == "tf_nipponjo" else layout)
    assert sum(value.numel() for value in part.state.values()) == parameters


@every_net
@pytest.mark.parametrize("change", ["without", "with", "reshaped"])
def test_says_what_does_not_fit(name, change):
    state = shapes(name)
    key = next(key for key in state if key.endswith("weight"))
    if change == "without":
        del state[key]
    elif change == "with":
        state["something.weight"] = torch.empty(2, 2, device="meta")
    else:
        state[key] = torch.empty(7, 7, 1, 1, device="meta")
    with pytest.raises(InpaintError, match="does not fit"):
        checkpoint.fit(state, FAMILIES[NETS[name][0]])


@every_layout
def test_leaves_strangers_alone(family, layout):
    strange = {"a": torch.zeros(2), "coarse.0.conv2d.weight": torch.zeros(1), "x.module.weight_u": torch.zeros(2)}
    strange["inpaint_net/conv1/kernel/Adam"] = torch.zeros(3)
    assert FAMILIES[family].layouts[layout].convert(strange).keys() == strange.keys()


@pytest.mark.parametrize("name", ["deepfillv1_tf_official", "deepfillv2_tf_official"])
def test_knows_the_variables_of_the_authors(name):
    manifest, _ = load_fixture(name)
    state = {
        key: torch.from_numpy(value) for key, value in fill_state(manifest["state"], **manifest["recipe"]).items()
    }
    variables = {}
    for key, value in state.items():
        layer, leaf = key.split(".")[0], key.split(".")[-1]
        layer = f"{layer}/{layer}_conv" if layer.endswith("upsample") else layer
        kernel = leaf == "weight"
        variables[f"inpaint_net/{layer}/{'kernel' if kernel else leaf}"] = (
            value.permute(2, 3, 1, 0) if kernel else value
        )
    family = FAMILIES[NETS[name][0]]
    ours, theirs = checkpoint.fit(state, family), checkpoint.fit(variables, family)
    assert ours.layout == theirs.layout
    assert all(torch.equal(theirs.state[key], value) for key, value in ours.state.items())


def test_folds_the_spectral_norm_after_one_more_iteration():
    torch.manual_seed(0)
    weight, u = torch.randn(6, 4, 3, 3), F.normalize(torch.randn(6), dim=0)
    tensors = {"weight_bar": weight, "weight_u": u, "weight_v": torch.randn(36), "bias": torch.ones(6)}
    stems = [f"coarse.12.gated_conv2d.{half}conv2d.module" for half in ("", "mask_")]
    state = {f"{stem}.{key}": value for stem in stems for key, value in tensors.items()}
    folded = deepfill.V2.layouts["csqiangwen"].convert(state)
    assert folded.keys() == {"coarse.12.conv.weight", "coarse.12.conv.bias"}
    v = F.normalize(weight.flatten(1).T @ u, dim=0)
    sigma = F.normalize(weight.flatten(1) @ v, dim=0) @ weight.flatten(1) @ v
    torch.testing.assert_close(folded["coarse.12.conv.weight"], torch.cat([weight, weight]) / sigma)


# ---- the attention alone

ATTENTION, ATTENDED = load_fixture("contextual_attention")
VARIANTS = {
    "official_fuse1": {"corners": True},
    "official_fuse0": {"corners": True, "fuse": False},
    "torch_nearest_fuse1": {},
    "torch_nearest_fuse0": {"fuse": False},
    "mmagic": {"masked": "infinity", "overlap": "count"},
}


def features(case, precision="float64", names=("ca-f", "ca-n")):
    shape = case["shape"]
    field = smooth_field(names[0], shape, 4) + 0.5 * noise_tensor(names[1], shape)
    return torch.from_numpy(np.maximum(field, 0) * np.float32(0.05)).to(DEVICE, PRECISIONS[precision])


def masks(case, like):
    """(N, 1, H, W), 1 = hole, a different one for each sample."""
    height, width = case["shape"][2:]
    planes = [make_inputs(height, width, kind)[1] for kind in case["mask_kinds"]]
    return torch.from_numpy(np.stack(planes)[:, None]).to(like)


@pytest.mark.parametrize("case", ATTENTION["cases"], ids=lambda case: case["id"])
@pytest.mark.parametrize("variant", VARIANTS)
@every_precision
def test_attends_as_the_references_do(case, variant, precision, scale=10.0):
    foreground = features(case, precision)
    background = foreground if case["f_is_b"] else features(case, precision, ("ca-b", "ca-m"))
    mask, how = masks(case, foreground), VARIANTS[variant]
    if variant != "mmagic":  # these references take the first mask for all
        mask = mask[:1].expand(len(mask), -1, -1, -1)
    mask = attention.shrink(mask, 2, how.get("corners", False))
    out = attention.attend(foreground, background, mask, scale=scale, **how)
    arguments = "contextual_attention", ATTENTION, ATTENDED, case["id"], variant, out.features, precision
    check(*arguments, **ATTENTION["summarise"])


@pytest.mark.parametrize("variant", VARIANTS)
def test_attends_with_no_other_scale(variant):
    with pytest.raises(AssertionError, match="max"):
        test_attends_as_the_references_do(ATTENTION["cases"][0], variant, "float32", scale=9.0)


@pytest.mark.parametrize("height, width", [(5, 7), (7, 5), (1, 4), (4, 1), (2, 2), (1, 1), (3, 3)])
def test_fuses_to_the_bit_as_two_convolutions(height, width):
    torch.manual_seed(height)
    places = height * width
    scores = torch.randn(2, places, places)  # foreground by background
    rows = list(attention.fuse_along(scores.unflatten(1, (height, width)).unbind(1)))
    ours = torch.cat(list(attention.fuse_across(rows, rows[-1], width)), 1)
    eye = torch.eye(3)[None, None]
    theirs = F.conv2d(scores.mT[:, None], eye, padding=1).view(2, height, width, height, width)
    theirs = theirs.transpose(1, 2).transpose(3, 4).reshape(2, 1, places, places)
    theirs = F.conv2d(theirs, eye, padding=1).view(2, width, height, width, height)
    assert torch.equal(ours, theirs.transpose(1, 2).transpose(3, 4).reshape(2, places, places).mT)


class Largest(TorchDispatchMode):
    """Notes the elements of the largest tensor made."""

    elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        if isinstance(out, torch.Tensor):
            self.elements = max(self.elements, out.untyped_storage().nbytes() // out.element_size())
        return out


def test_never_holds_all_the_scores():
    side = 24
    x, mask = torch.rand(1, 4, 2 * side, 2 * side), torch.zeros(1, 1, side, side)
    with Largest() as largest:
        attention.attend(x, x, mask)
    assert largest.elements <= (side + 1) ** 3  # one row of the foreground


@every_rule
def test_each_sample_has_its_own_mask_and_none_spoils_another(masked):
    case = ATTENTION["cases"][3]
    x = features(case).repeat(2, 1, 1, 1)[:3]
    mask = attention.shrink(masks(case, x), 2, False)
    mask = torch.cat([mask, torch.ones_like(mask[:1])])
    out = attention.attend(x, x, mask, masked=masked)
    for n in range(3):
        alone = attention.attend(x[n : n + 1], x[n : n + 1], mask[n : n + 1], masked=masked)
        torch.testing.assert_close(out.features[n : n + 1], alone.features)
        assert torch.equal(out.source[n : n + 1], alone.source)
    assert (out.features[2] == 0).all() and (out.source[2] == -1).all()
    assert (out.source[:2] >= 0).all()


@every_rule
def test_copies_from_where_it_says(masked):
    torch.manual_seed(0)
    x = torch.randn(1, 16, 24, 32)
    x[..., 2:10, 2:10] = x[..., 14:22, 20:28]  # the places 1..4 of both sides are those 7..10, 10..13
    mask = torch.zeros(1, 1, 12, 16)
    mask[..., 2:4, 2:4] = 1
    out = attention.attend(x, x, mask, masked=masked)
    usable = F.max_pool2d(mask, 3, 1, 1)[0, 0] == 0
    own = torch.arange(12 * 16).view(12, 16)
    assert (out.source[0, 2:4, 2:4] == own[8:10, 11:13]).all()
    assert (out.source[0][usable] == own[usable]).all()
    torch.testing.assert_close(out.features[..., 5:7, 5:7], x[..., 5:7, 5:7], atol=1e-3, rtol=0)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_works_in_half_precision(dtype):
    case = ATTENTION["cases"][1]
    x = features(case, "float32")
    mask = attention.shrink(masks(case, x), 2, False)
    half = attention.attend(x.to(dtype), x.to(dtype), mask.to(dtype))
    assert half.features.dtype == dtype
    torch.testing.assert_close(half.features.float(), attention.attend(x, x, mask).features, atol=1e-2, rtol=0)


@every_rule
@pytest.mark.parametrize("fuse", [True, False])
def test_attention_has_the_right_gradient(masked, fuse):
    torch.manual_seed(0)
    foreground, background = torch.rand(2, 1, 2, 6, 8, dtype=torch.float64, requires_grad=True)
    mask = torch.zeros(1, 1, 3, 4, dtype=torch.float64)
    mask[..., 0, 0] = 1

    def features_only(f, b):
        return attention.attend(f, b, mask, masked=masked, fuse=fuse, overlap="count").features

    assert torch.autograd.gradcheck(features_only, (foreground, background), fast_mode=True)


# ---- the network by itself


def narrow(family, layout, width=8):
    """A small network with numbers of its own."""
    config = dataclasses.replace(FAMILIES[family].layouts[layout].config, width=width)
    torch.manual_seed(0)
    return deepfill.DeepFill(config).requires_grad_(False)


def small_inputs(samples=1, height=72, width=80):
    """(N, 3, H, W) in 0..1 and as many different masks (N, 1, H, W)."""
    torch.manual_seed(1)
    mask = torch.zeros(samples, 1, height, width)
    for n in range(samples):
        mask[n, :, 8 + 16 * n : 40 + 8 * n, 24:56] = 1
    return torch.rand(samples, 3, height, width), mask


@pytest.mark.parametrize("padding", ["zero", "same", "reflect"])
@pytest.mark.parametrize("gated", [True, False])
def test_enlarges_as_if_pixels_were_repeated(padding, gated):
    torch.manual_seed(0)
    unit = deepfill.Unit(5, 6, gated=gated, padding=padding, enlarge=True).double()
    plain = deepfill.Unit(5, 6, gated=gated, padding=padding).double()
    plain.load_state_dict(unit.state_dict())
    x = torch.randn(2, 5, 7, 9, dtype=torch.float64)
    gates, others = ([], []) if gated else (None, None)
    torch.testing.assert_close(unit(x, gates), plain(F.interpolate(x, scale_factor=2), others))
    if gated:
        torch.testing.assert_close(gates, others)


@every_layout
def test_learns_and_gives_the_same_while_learning(family, layout):
    net = narrow(family, layout).requires_grad_(True).double()
    x, mask = (t.double() for t in small_inputs())
    out = net(x, mask, inside=True)
    (out.coarse.square().mean() + out.refined.square().mean()).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())
    assert sum(p.grad.abs().sum() > 0 for p in net.parameters()) == len(list(net.parameters()))
    with torch.inference_mode():
        used = net(x, mask)
    torch.testing.assert_close(used.coarse, out.coarse.detach())
    torch.testing.assert_close(used.refined, out.refined.detach())


@every_layout
def test_a_batch_of_different_masks_is_its_samples(family, layout):
    net = narrow(family, layout).double()
    x, mask = (t.double() for t in small_inputs(3))
    mask[2] = 1
    together = net(x, mask, inside=True)
    for n in range(3):
        alone = net(x[n : n + 1], mask[n : n + 1], inside=True)
        torch.testing.assert_close(together.refined[n : n + 1], alone.refined)
        if alone.source is not None:
            assert torch.equal(together.source[n : n + 1], alone.source)
    assert together.refined.isfinite().all()


@every_layout
def test_does_not_see_into_the_hole(family, layout):
    net = narrow(family, layout)
    x, mask = small_inputs()
    first, second = net(x, mask), net(torch.where(mask > 0, 1 - x, x), mask)
    assert torch.equal(first.refined, second.refined)


@every_layout
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_network_works_in_half_precision(family, layout, dtype):
    net = narrow(family, layout)
    x, mask = small_inputs()
    whole, half = net(x, mask).refined, net.to(dtype)(x.to(dtype), mask.to(dtype)).refined
    assert half.dtype == dtype and (half.float() - whole).abs().max() < 0.05


@every_layout
def test_shows_what_is_inside(family, layout):
    net = narrow(family, layout)
    x, mask = small_inputs(2)
    out = net(x, mask, inside=True)
    if net.config.attention:
        assert out.source.shape == (2, 9, 10) and out.source.dtype == torch.int64
    else:
        assert out.source is None
    if net.config.gated:
        assert len(out.gates) == 42 - (0 if net.config.gated_output else 2)
        assert out.gates["coarse 1"].shape == out.gates["decoder 5"].shape == (2, 1, 72, 80)
        assert all(gate.min() > 0 and gate.max() < 1 for gate in out.gates.values())
    else:
        assert out.gates is None


def test_refuses_sides_it_cannot_halve_three_times():
    x, mask = small_inputs(1, 72, 84)
    with pytest.raises(ValueError, match="multiples of 8"):
        narrow("V2", "tf_official")(x, mask)


# ---- the models

MODELS = {"V1": deepfill_v1, "V2": deepfill_v2, "CRFILL": crfill}
every_model = pytest.mark.parametrize("family, layout", LAYOUTS)


def patch(height=96, width=128):
    """An image with the hole blanked, and a hole of two boxes."""
    image, _ = make_inputs(height, width)
    mask = np.zeros((height, width), bool)
    mask[24:56, 30:70] = mask[:9, 100:] = True
    return np.where(mask[..., None], np.uint8(0), image), mask


def only_step(family, net, image, mask):
    (step,) = MODELS[family].load("cpu", net=net)(image, mask)
    return step


@every_model
def test_model_shows_its_work(family, layout):
    net = narrow(family, layout)
    image, mask = patch()
    step = only_step(family, net, image, mask)
    assert step.progress == 1 and step.image.shape == image.shape and step.image.dtype == np.uint8
    wanted = {"coarse", "refined"} | ({"attention"} if net.config.attention else set())
    assert step.views.keys() == wanted | ({"gates"} if net.config.gated else set())
    assert all(view.dtype == np.uint8 and view.shape[2] == 3 for view in step.views.values())
    assert (step.views["coarse"][~mask] == image[~mask]).all()
    assert (step.origin is not None) == net.config.attention


@every_model
def test_origin_is_outside_the_hole(family, layout):
    net = narrow(family, layout)
    image, mask = patch()
    origin = only_step(family, net, image, mask).origin
    if origin is None:
        return
    assert origin.dtype == np.int32 and (origin[~mask] == -1).all()
    row, column = origin[mask].T
    assert (row >= 0).all() and (row < mask.shape[0]).all() and (column < mask.shape[1]).all()
    assert not mask[row, column].any()
    own = np.argwhere(mask)
    assert ((origin[mask] - own) % 8 == 0).all(), "a block is copied as a whole"


@pytest.mark.parametrize("family, layout", [("V2", "tf_official"), ("V1", "openmmlab"), ("CRFILL", "crfill")])
def test_model_survives_a_picture_that_is_all_hole(family, layout):
    image = np.zeros((72, 72, 3), np.uint8)
    step = only_step(family, narrow(family, layout), image, np.ones((72, 72), bool))
    assert step.origin is None or (step.origin == -1).all()


def test_origin_does_not_count_what_the_attention_overlooked():
    mask = np.zeros((16, 24), bool)
    mask[:8, :8] = mask[12, 20] = True
    source = np.full((2, 3), 5)
    origin = shared.trace(source, mask)
    assert (origin[4, 4] == -1).all() and tuple(origin[0, 0]) == (8, 16) and tuple(origin[7, 6]) == (15, 22)


@every_model
def test_model_feeds_colours_in_the_order_of_the_weights(family, layout):
    net = narrow(family, layout)
    image, mask = patch()
    other = checkpoint.network(
        checkpoint.Part(
            FAMILIES[family], "", dataclasses.replace(net.config, bgr=not net.config.bgr), net.state_dict()
        )
    )
    one, two = only_step(family, net, image, mask), only_step(family, other, image[..., ::-1], mask)
    assert (one.image == two.image[..., ::-1]).all() and not (one.image == two.image).all()


@every_model
def test_model_gives_back_the_range_it_takes(family, layout):
    net = narrow(family, layout)
    image, mask = patch()
    x, _ = shared.tensors(net, image, mask)
    assert net.config.low <= x.min() and x.max() <= 1
    assert (shared.picture(net, x) == image).all()


def test_every_source_has_a_digest_and_a_layout():
    for family, model in MODELS.items():
        for weights in (w for w in model.CARD.weights.values() if not w.shipped):
            assert weights.layout in FAMILIES[family].layouts
            assert all(source.digest and source.address.startswith("https://") for source in weights.parts["net"])
            assert weights.data and weights.link and weights.licence
