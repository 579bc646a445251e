"""EdgeConnect: its two networks against the recordings, the folding of spectral norm, and the editing of edges."""

import copy
from dataclasses import replace

import numpy as np
import parity
import pytest
import torch
import torch.nn.functional as F
from recipe import load_fixture, smooth_field

from inpaint.checkpoints import checkpoint
from inpaint.fill import pipeline
from inpaint.models import edgeconnect
from inpaint.nets import edgeconnect as nets

EDGE, IMAGE = ("edgeconnect_edge", "edgeconnect:EDGES"), ("edgeconnect_inpaint", "edgeconnect:IMAGE")


def cases(fixture: str) -> list[dict]:
    return load_fixture(fixture)[0]["cases"]


def scenes(fixture: str):
    return pytest.mark.parametrize(
        ("precision", "case"),
        [(p, case) for p in parity.PRECISIONS for case in cases(fixture)],
        ids=lambda value: value if isinstance(value, str) else value["id"],
    )


def network(fixture: str, place: str, precision: str):
    manifest, expected, net = parity.load(fixture, place)
    return manifest, expected, net.to(parity.PRECISIONS[precision])  # back and forth: float32 values stay exact


def given(case: dict, precision: str):
    x, mask = parity.inputs(case, parity.PRECISIONS[precision])
    return x / 255, mask


def bits(expected: dict, case: dict) -> np.ndarray:
    """(H, W) bool: the recorded Canny edges."""
    shape = case["h"], case["w"]
    return np.unpackbits(expected[f"{case['id']}/edge_bits"])[: shape[0] * shape[1]].reshape(shape).astype(bool)


def soft_edges(case: dict, dtype: torch.dtype) -> torch.Tensor:
    field = np.abs(smooth_field("edge-map", (1, 1, case["h"], case["w"]), 8)) % 1.0
    return torch.from_numpy(field).to(parity.DEVICE, dtype)


@torch.inference_mode()
def find(net, x, known, mask):
    return net(nets.edge_inputs(x, torch.from_numpy(known)[None, None].to(x), mask, net.config.hole))


@torch.inference_mode()
def paint(net, x, edges, mask):
    return net(nets.image_inputs(x, edges, mask, net.config))


# ---- against the recordings


@scenes(EDGE[0])
def test_edge_generator_is_the_reference(precision, case):
    manifest, expected, net = network(*EDGE, precision)
    x, mask = given(case, precision)
    out = find(net, x, bits(expected, case), mask)
    parity.check(EDGE[0], manifest, expected, case["id"], "edges", out, precision)


@scenes("edgeconnect_pipeline")
def test_both_together_are_the_reference(precision, case):
    fixture = "edgeconnect_pipeline"
    manifest, expected = load_fixture(fixture)
    (_, _, edge_net), (_, _, image_net) = network(*EDGE, precision), network(*IMAGE, precision)
    x, mask = given(case, precision)
    known = bits(expected, case)
    soft = find(edge_net, x, known, mask)
    merged = torch.where(mask > 0, soft, torch.from_numpy(known)[None, None].to(x))
    out = paint(image_net, x, soft, mask)
    results = {
        "edges": soft,
        "output": out,
        "composite": out * mask + x * (1 - mask),
        "output_merged_edges": paint(image_net, x, merged, mask),
    }
    for name, result in results.items():
        parity.check(fixture, manifest, expected, case["id"], name, result, precision)


@scenes(IMAGE[0])
def test_image_generator_is_the_reference(precision, case):
    manifest, expected, net = network(*IMAGE, precision)
    x, mask = given(case, precision)
    out = paint(net, x, soft_edges(case, x.dtype), mask)
    for name in case["outputs"]:
        result = out if name == "output" else out * mask + x * (1 - mask)
        parity.check(IMAGE[0], manifest, expected, case["id"], name, result, precision)


@pytest.mark.parametrize("case", cases("edgeconnect_pipeline"), ids=lambda case: case["id"])
def test_canny_sees_nothing_of_the_hole_and_is_the_recorded_one(case):
    _, expected = load_fixture("edgeconnect_pipeline")
    x, mask = parity.inputs(case, torch.float64)
    picture, hole = x[0].permute(1, 2, 0).cpu().numpy().astype(np.uint8), mask[0, 0].cpu().numpy().astype(bool)
    blanked = np.where(hole[..., None], 0, picture).astype(np.uint8)
    found = edgeconnect.canny(blanked, 2, ~hole)
    assert np.array_equal(found, edgeconnect.canny(picture, 2, ~hole))
    assert np.array_equal(found.astype(bool), bits(expected, case) & ~hole)


def zero_pad_once(monkeypatch, net):
    real, count = nets.mirror, iter(range(1000))
    monkeypatch.setattr(nets, "mirror", lambda x, by: F.pad(x, (by,) * 4) if next(count) == 5 else real(x, by))


MISTAKES = {
    "padding of one convolution": zero_pad_once,
    "epsilon of the norms": lambda monkeypatch, net: monkeypatch.setattr(nets, "EPSILON", 1e-3),
    "polarity of the mask": lambda monkeypatch, net: None,
    "order of the colours": lambda monkeypatch, net: None,
    "value in the hole": lambda monkeypatch, net: monkeypatch.setattr(net, "config", replace(net.config, hole=0.0)),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_shows(monkeypatch, mistake):
    manifest, expected, net = network(*IMAGE, "float32")
    case = manifest["cases"][0]
    x, mask = given(case, "float32")
    MISTAKES[mistake](monkeypatch, net)
    x = x.flip(1) if mistake == "order of the colours" else x
    mask = 1 - mask if mistake == "polarity of the mask" else mask
    out = paint(net, x, soft_edges(case, x.dtype), mask)
    with pytest.raises(AssertionError, match="max"):
        parity.check(IMAGE[0], manifest, expected, case["id"], "output", out, "float32")


# ---- spectral norm, names, batches


def tiny(place: str, **more):
    """A network of the family, narrow, with its first numbers."""
    family = checkpoint.family(place)
    torch.manual_seed(1)
    config = replace(family.layouts["official"].config, width=4, blocks=1, **more)
    return family.build(config).eval().requires_grad_(False)


@pytest.mark.parametrize("transposed", [False, True])
def test_spectral_norm_is_divided_out(transposed):
    torch.manual_seed(0)
    conv = (torch.nn.ConvTranspose2d if transposed else torch.nn.Conv2d)(6, 4, 4, 2, 1)
    torch.nn.utils.parametrizations.spectral_norm(conv, n_power_iterations=30)
    place = "decoder.3" if transposed else "encoder.4"
    norm, raw = conv.parametrizations.weight[0], conv.parametrizations.weight.original.detach()
    given = {f"{place}.weight_orig": raw, f"{place}.weight_u": norm._u, f"{place}.weight_v": norm._v}
    want = conv.eval().weight.detach()
    folded = nets.convert(given)
    assert list(folded) == ["decoder.1.weight" if transposed else "encoder.1.weight"]
    torch.testing.assert_close(*folded.values(), want)
    del given[f"{place}.weight_v"]  # as files of old PyTorch are
    folded = nets.convert({f"{place}.weight": raw + 1, **given})
    assert len(folded) == 1
    torch.testing.assert_close(*folded.values(), want)


@pytest.mark.parametrize("u", [torch.ones(5), torch.ones(()), torch.ones(2, 2)])
def test_strange_tensors_are_left_to_be_reported(u):
    given = {"encoder.1.weight_orig": torch.ones(2, 3, 7, 7), "encoder.1.weight_u": u, "else": torch.ones(())}
    assert nets.convert(given).keys() == {"encoder.0.weight_orig", "encoder.0.weight_u", "else"}


def test_the_two_generators_are_not_taken_for_each_other():
    shapes = {key: tuple(shape) for key, shape, *_ in load_fixture(IMAGE[0])[0]["state"]}
    state = {key: torch.empty(shape, device="meta") for key, shape in shapes.items()}
    assert checkpoint.fit(state, nets.IMAGE).layout == "official"
    with pytest.raises(ValueError, match="does not fit"):
        checkpoint.fit(state, nets.EDGES)


def test_a_batch_is_its_pictures_and_can_be_trained():
    net = tiny("edgeconnect:IMAGE").requires_grad_(True)
    x = torch.rand(2, 4, 32, 24)
    together = net(x)
    torch.testing.assert_close(together, torch.cat([net(one[None]) for one in x]))
    together.square().mean().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in net.parameters())


# ---- the model


@pytest.fixture
def nets_of_two():
    """Both networks, narrow, and how often each has been run."""
    pair = {"edges": tiny("edgeconnect:EDGES"), "image": tiny("edgeconnect:IMAGE")}
    calls = dict.fromkeys(pair, 0)
    for name, net in pair.items():
        net.register_forward_hook(lambda *_, name=name: calls.update({name: calls[name] + 1}))
    return pair, calls


@pytest.fixture
def patch(image, mask):
    picture, hole = image[:64, :96].copy(), mask[:64, :96].copy()
    picture[10:50, :36] = 255 - picture[10:50, :36]  # edges that run into the hole
    picture[hole] = 0
    return picture, hole


def test_edges_come_first_and_then_the_picture(nets_of_two, patch):
    pair, _ = nets_of_two
    picture, hole = patch
    first, last = edgeconnect.load("cpu", **pair)(picture, hole)
    assert (first.progress, last.progress) == (0.4, 1.0)
    assert {*first.views} == {*last.views} == {"known edges", "edges", "hallucinated edges"}
    for step in (first, last):
        for view in (step.image, *step.views.values()):
            assert view.shape == picture.shape and view.dtype == np.uint8
    known, used = first.views["known edges"], first.views["edges"]
    assert known.any() and not known[hole].any()
    assert np.array_equal(known[~hole], used[~hole]) and used[hole].any()
    assert len(np.unique(first.image[hole], axis=0)) == 1


def test_an_edit_runs_the_second_network_only(nets_of_two, patch):
    pair, calls = nets_of_two
    fill, strokes = edgeconnect.load("cpu", **pair), np.zeros(patch[1].shape, bool)
    strokes[25:35, 40] = True
    for options in ({}, {"draw": strokes}, {"erase": strokes}, {"edges_used": "as published"}):
        list(fill(*patch, **options))
    assert calls == {"edges": 1, "image": 4}
    list(fill(*patch, sigma=1))
    assert calls["edges"] == 2
    for shift in range(1, 1 + edgeconnect.KEPT):  # so many other pictures push the first one out
        list(fill(np.roll(patch[0], shift, 0), patch[1]))
    list(fill(*patch))
    assert calls["edges"] == 2 + edgeconnect.KEPT + 1


def test_borrowed_edges_need_no_edge_network(nets_of_two, patch, image):
    pair, calls = nets_of_two
    picture, hole = patch
    other = np.zeros_like(picture)
    other[:, 48:] = 255
    last = list(edgeconnect.load("cpu", **pair)(picture, hole, borrow=other))[-1]
    assert calls == {"edges": 0, "image": 1}
    want = np.where(hole, edgeconnect.canny(other, 2), edgeconnect.canny(picture, 2, ~hole))
    assert want[hole].any() and np.array_equal(last.views["edges"], edgeconnect.plane(want))


def test_strokes_are_thinned_and_stay_in_the_hole():
    hole = np.zeros((60, 60), bool)
    hole[10:50, 10:50] = True
    draw = np.zeros_like(hole)
    draw[28:35, 0:60] = True  # seven pixels thick, across the hole's rim
    erase = np.zeros_like(hole)
    erase[15:20, 5:30] = True
    found = np.full(hole.shape, 0.25, np.float32)
    edited = edgeconnect.edit(found, hole, draw, erase)
    assert (found == 0.25).all()
    assert (edited[~hole] == 0.25).all()
    lines = edited == 1
    assert (lines[:, 10:50].sum(0) == 1).all() and not lines[:, :10].any()
    gone = edited == 0
    assert gone[13:22, 12:30].all() and not gone[:13].any() and not gone[22:].any() and gone[17, 31]
    assert ((edited == 0.25) | lines | gone).all()


def test_edits_change_the_picture_and_the_view(nets_of_two, patch):
    pair, _ = nets_of_two
    picture, hole = patch
    fill, draw = edgeconnect.load("cpu", **pair), np.zeros(hole.shape, bool)
    draw[22:40, 43] = True
    plain, drawn = (list(fill(picture, hole, draw=d))[-1] for d in (None, draw))
    assert (drawn.views["edges"][draw & hole] == 255).all()
    assert not np.array_equal(plain.image[hole], drawn.image[hole])
    published = list(fill(picture, hole, edges_used="as published"))[-1]
    assert not np.array_equal(published.views["edges"][~hole], plain.views["edges"][~hole])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_other_precisions(nets_of_two, patch, dtype):
    pair, _ = nets_of_two
    want = list(edgeconnect.load("cpu", **pair)(*patch))[-1].image
    pair = {name: copy.deepcopy(net).to(dtype) for name, net in pair.items()}
    got = list(edgeconnect.load("cpu", **pair)(*patch))[-1].image
    assert np.abs(want.astype(int) - got).mean() < 6


def test_through_the_pipeline_with_layers(nets_of_two, image, mask):
    pair, calls = nets_of_two
    model = edgeconnect.load("cpu", **pair)
    *_, fill = pipeline.run(model, edgeconnect.CARD, image, mask, draw=mask, erase=mask, borrow=image, sigma=1.5)
    assert np.array_equal(fill.image[~mask], image[~mask])
    assert calls == {"edges": 0, "image": 1}


def test_a_dark_picture_without_any_edges(nets_of_two):
    pair, _ = nets_of_two
    hole = np.zeros((16, 16), bool)
    hole[4:9, 4:9] = True
    steps = list(edgeconnect.load("cpu", **pair)(np.zeros((16, 16, 3), np.uint8), hole))
    assert not steps[-1].views["known edges"].any()
