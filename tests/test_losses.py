"""Every loss of the training against values worked out another way, and the classifier's features."""

import math
import socket
import sys

import numpy as np
import pytest
import torch
from torch import nn

from inpaint.training import losses, vgg


@pytest.fixture
def rng():
    return torch.Generator().manual_seed(0)


@pytest.fixture
def made(rng):
    return torch.rand(4, 3, 12, 10, generator=rng)


@pytest.fixture
def truth(rng):
    return torch.rand(4, 3, 12, 10, generator=rng)


@pytest.fixture
def mask():
    """Four holes of 4, 9, 20 and 72 of 120 pixels."""
    holes = torch.zeros(4, 1, 12, 10)
    for hole, (h, w) in zip(holes, ((2, 2), (3, 3), (4, 5), (9, 8)), strict=True):
        hole[0, 1 : 1 + h, 1 : 1 + w] = 1
    return holes


def box(size: int, top: int, left: int, side: int) -> torch.Tensor:
    hole = torch.zeros(1, 1, size, size)
    hole[..., top : top + side, left : left + side] = 1
    return hole


# ---- pixels


@pytest.mark.parametrize(("loss", "power"), [(losses.l1, 1), (losses.l2, 2)])
def test_differences_over_the_picture_and_over_each_hole(loss, power, made, truth, mask):
    far = np.abs(made.numpy().astype(float) - truth.numpy()) ** power
    assert loss(made, truth).item() == pytest.approx(far.mean())
    each = [f[:, hole[0]].mean() for f, hole in zip(far, mask.numpy() == 1, strict=True)]
    assert loss(made, truth, mask).item() == pytest.approx(np.mean(each))


def test_weights_within_a_region_are_weights():
    made, truth = torch.tensor([1.0, 3.0]).expand(1, 3, 1, 2), torch.zeros(1, 3, 1, 2)
    where = torch.tensor([0.75, 0.25]).expand(1, 1, 1, 2)
    assert losses.l1(made, truth, where).item() == pytest.approx(0.75 * 1 + 0.25 * 3)


def test_a_tiny_region_counts_as_a_fiftieth_of_the_picture():
    made, truth = torch.ones(1, 3, 20, 20), torch.zeros(1, 3, 20, 20)
    assert losses.l1(made, truth, box(20, 5, 5, 2)).item() == pytest.approx(0.01 / 0.02)
    assert losses.l1(made, truth, box(20, 0, 0, 0)).item() == 0


def test_cross_entropy():
    made, truth = torch.tensor([0.9, 0.2, 0.5, 0.0]).expand(1, 1, 1, 4), torch.tensor([1.0, 0, 1, 0])
    where = torch.tensor([1.0, 1, 0, 0]).expand(1, 1, 1, 4)
    each = [-math.log(0.9), -math.log(0.8), math.log(2), 0]
    assert losses.cross_entropy(made, truth.expand_as(made)).item() == pytest.approx(sum(each) / 4)
    assert losses.cross_entropy(made, truth.expand_as(made), where).item() == pytest.approx(sum(each[:2]) / 2)


def test_a_cell_that_is_surely_wrong_still_learns():
    logit = torch.full((1, 1, 1, 1), -15.0, requires_grad=True)
    losses.cross_entropy(logit.sigmoid(), torch.ones(1, 1, 1, 1)).backward()
    assert logit.grad.item() == pytest.approx(-1, abs=1e-3)
    never = torch.zeros(1, 1, 1, 1)
    assert losses.cross_entropy(never, 1 - never).item() == 100


def official(size: int, gamma: float) -> np.ndarray:
    """The weights of a box as DeepFill's authors compute them."""
    i, j = np.mgrid[:size, :size]
    return np.maximum(gamma ** np.minimum(i, size - i), gamma ** np.minimum(j, size - j))


@pytest.mark.parametrize("gamma", [0.99, 0.9])
def test_discount_is_the_authors_of_a_box(gamma):
    found = losses.discount(box(256, 40, 70, 128), gamma)[0, 0].numpy()
    inside = found[40:168, 70:198]
    np.testing.assert_allclose(inside, official(129, gamma)[1:, 1:], rtol=1e-5)  # counted from 1 on every side
    theirs = official(128, gamma)
    assert (inside >= gamma * theirs * (1 - 1e-5)).all()
    assert (inside <= theirs * (1 + 1e-5)).all()
    assert np.count_nonzero(found) == 128 * 128


def test_discount_around_a_known_pixel():
    island = torch.ones(1, 1, 9, 9)
    island[..., 3, 4] = 0
    i, j = np.mgrid[:9, :9]
    expected = np.where((i == 3) & (j == 4), 0, 0.5 ** np.maximum(abs(i - 3), abs(j - 4)))
    np.testing.assert_allclose(losses.discount(island, 0.5)[0, 0], expected)


def test_discount_knows_nothing_beyond_the_picture():
    corner = losses.discount(box(8, 0, 0, 4), 0.5)[0, 0].numpy()
    i, j = np.mgrid[:4, :4]
    np.testing.assert_allclose(corner[:4, :4], 0.5 ** np.minimum(4 - i, 4 - j))
    whole = losses.discount(torch.ones(1, 1, 8, 8), 0.9)
    assert losses.l1(torch.ones(1, 3, 8, 8), torch.zeros(1, 3, 8, 8), whole).item() == 0


def test_total_variation_of_one_pixel_and_of_nothing_beyond_the_rim():
    hole, picture = box(5, 2, 2, 1), torch.zeros(1, 3, 5, 5)
    picture[..., 2, 2] = 1  # two steps across and two down, of 20 each
    assert losses.total_variation(picture, hole).item() == pytest.approx(4 / 20)
    picture[..., 0] = 7  # the column beside the rim
    assert losses.total_variation(picture, hole).item() == pytest.approx(4 / 20)
    picture[..., 1, 1] = 1  # on the rim: two more steps
    assert losses.total_variation(picture, hole).item() == pytest.approx(6 / 20)


# ---- features


def test_gram_by_hand():
    features = torch.tensor([[[[1.0, 2]], [[3, 4]]]])
    assert losses.gram(features).tolist() == [[[5 / 4, 11 / 4], [11 / 4, 25 / 4]]]
    assert losses.style([features], [features * 0]).item() == pytest.approx((5 + 11 + 11 + 25) / 16)


@pytest.mark.parametrize("loss", [losses.perceptual, losses.feature_matching])
def test_layers_are_summed_whatever_their_sizes(loss):
    made = [torch.full((2, 8, 6, 6), 1.0), torch.full((2, 16, 3, 3), -2.0)]
    assert loss(made, [torch.zeros_like(a) for a in made]).item() == pytest.approx(3)


def test_layers_of_grams_are_summed():
    made = [torch.ones(1, 2, 4, 4), torch.full((1, 3, 2, 2), 3.0)]  # Grams of 1/2 and of 9/3
    nothing = [torch.zeros_like(a) for a in made]
    assert losses.style(made, nothing).item() == pytest.approx(0.5 + 3)


def test_style_does_not_see_where(rng):
    features = torch.rand(2, 5, 8, 8, generator=rng)
    assert losses.style([features], [features.roll(4, -1)]).item() == pytest.approx(0, abs=1e-6)
    within = features.flatten(2)[..., torch.randperm(64, generator=rng)].view_as(features)
    assert losses.style([features], [within]).item() == pytest.approx(0, abs=1e-6)


def test_feature_matching_moves_the_made_alone():
    made, truth = (torch.full((1, 2, 3, 3), v, requires_grad=True) for v in (1.0, 2.0))
    losses.feature_matching([made], [truth]).backward()
    assert made.grad.abs().sum() == pytest.approx(1)
    assert truth.grad is None


# ---- what all of them promise


PAIRS = {  # of pictures
    "l1": losses.l1,
    "l2": losses.l2,
    "perceptual": lambda a, b: losses.perceptual([a, a[..., ::2]], [b, b[..., ::2]]),
    "style": lambda a, b: losses.style([a, a[..., ::2]], [b, b[..., ::2]]),
    "feature_matching": lambda a, b: losses.feature_matching([a], [b]),
}
REGIONS = {  # of pictures and a hole
    "l1": losses.l1,
    "l2": losses.l2,
    "cross_entropy": losses.cross_entropy,
    "total_variation": lambda a, b, where: losses.total_variation(a, where),
    "discounted": lambda a, b, where: losses.l1(a, b, losses.discount(where, 0.9)),
}


@pytest.mark.parametrize("loss", PAIRS.values(), ids=PAIRS)
def test_equal_pictures_cost_nothing_and_others_something(loss, made, truth):
    assert loss(made, made).item() == 0
    assert loss(made, truth).item() > 0


@pytest.mark.parametrize("loss", REGIONS.values(), ids=REGIONS)
def test_a_loss_of_the_hole_is_blind_to_the_known(loss, made, truth, mask):
    rim = nn.functional.max_pool2d(mask, 3, 1, 1) if loss is REGIONS["total_variation"] else mask
    changed = torch.where(rim == 1, made, 1 - made)
    assert not torch.equal(changed, made)
    assert loss(changed, truth, mask).item() == pytest.approx(loss(made, truth, mask).item())
    inside = torch.where(mask == 1, made**2, made)
    assert loss(inside, truth, mask).item() != pytest.approx(loss(made, truth, mask).item())


@pytest.mark.parametrize("loss", PAIRS.values(), ids=PAIRS)
def test_a_divided_batch_has_the_same_mean(loss, made, truth):
    halves = [loss(made[at], truth[at]) for at in (slice(2), slice(2, 4))]
    assert loss(made, truth).item() == pytest.approx(sum(halves).item() / 2)


@pytest.mark.parametrize("loss", REGIONS.values(), ids=REGIONS)
def test_a_divided_batch_has_the_same_mean_over_holes(loss, made, truth, mask):
    halves = [loss(made[at], truth[at], mask[at]) for at in (slice(2), slice(2, 4))]
    assert loss(made, truth, mask).item() == pytest.approx(sum(halves).item() / 2)


@pytest.mark.parametrize("value", [0.0, 1.0])
@pytest.mark.parametrize("hole", [0.0, 1.0])
@pytest.mark.parametrize("loss", REGIONS.values(), ids=REGIONS)
def test_gradients_are_finite_over_no_hole_and_over_nothing_else(loss, hole, value):
    made = torch.full((2, 3, 9, 9), value, requires_grad=True)
    total = loss(made, torch.zeros(2, 3, 9, 9), torch.full((2, 1, 9, 9), hole))
    total.backward()
    assert total.dtype == torch.float32
    assert total.isfinite()
    assert made.grad.isfinite().all()


@pytest.mark.parametrize("loss", PAIRS.values(), ids=PAIRS)
def test_gradients_are_finite_where_nothing_differs(loss):
    made = torch.zeros(2, 3, 8, 8, requires_grad=True)
    loss(made, torch.zeros(2, 3, 8, 8)).backward()
    assert made.grad.isfinite().all()


@pytest.mark.parametrize("loss", PAIRS.values(), ids=PAIRS)
def test_losses_are_float32_whatever_the_network_gives(loss, made, truth):
    """Both from half precision, and under autocast: as if they had been brought to float32 by hand."""
    half = made.bfloat16(), truth.bfloat16()
    exactly = loss(*(x.float() for x in half))
    with torch.autocast("cpu", torch.bfloat16):
        found = loss(*half), loss(made, truth), loss(half[0], truth)
    assert all(value.dtype == torch.float32 for value in found)
    torch.testing.assert_close(found[0], exactly, rtol=1e-6, atol=0)
    torch.testing.assert_close(found[1], loss(made, truth), rtol=1e-6, atol=0)


@pytest.mark.parametrize("loss", REGIONS.values(), ids=REGIONS)
def test_losses_of_regions_are_float32_too(loss, made, truth, mask):
    half = made.bfloat16(), truth.bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        found = loss(*half, mask.bfloat16())
    torch.testing.assert_close(found, loss(*(x.float() for x in half), mask), rtol=1e-6, atol=0)


def test_grams_of_many_places_are_summed_in_float32(rng):
    """Features as large as a classifier's deep ones."""
    features = torch.rand(2, 32, 24, 24, generator=rng) * 40
    with torch.autocast("cpu", torch.bfloat16):
        found = losses.gram(features)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, losses.gram(features), rtol=1e-6, atol=0)


def test_a_mask_in_half_precision_is_discounted_as_exactly():
    hole = box(64, 8, 8, 48)
    assert torch.equal(losses.discount(hole.bfloat16(), 0.99), losses.discount(hole, 0.99))


# ---- adversarial

REAL, MADE = 2.0, -0.5  # scores
SURE = {score: 1 / (1 + math.exp(-score)) for score in (REAL, MADE)}  # as probabilities
CRITICS = {
    "minimax_critic": -math.log(SURE[REAL]) - math.log(1 - SURE[MADE]),
    "hinge_critic": 0 + 0.5,
    "wasserstein_critic": -2.5,
}
NETWORKS = {
    "non_saturating": -math.log(SURE[MADE]),
    "hinge": 0.5,
    "wasserstein": 0.5,
}


@pytest.mark.parametrize(("name", "value"), CRITICS.items())
def test_what_critics_make_smaller(name, value):
    loss = getattr(losses, name)
    real, made = torch.full((2, 1, 3, 3), REAL), torch.full((2, 1, 3, 3), MADE)
    assert loss(real, made).item() == pytest.approx(value)
    assert loss(real * 0.45, made * -0.2) < loss(made * -0.2, real * 0.45)  # 0.9 and 0.1


@pytest.mark.parametrize(("name", "value"), NETWORKS.items())
def test_what_networks_make_smaller(name, value):
    loss = getattr(losses, name)
    made = torch.full((2, 1, 3, 3), MADE)
    assert loss(made).item() == pytest.approx(value)
    assert loss(made + 0.1) < loss(made)


@pytest.mark.parametrize("name", [*CRITICS, *NETWORKS])
@pytest.mark.parametrize("score", [-1e4, 0.0, 1e4])
def test_sure_critics_leave_finite_gradients(name, score):
    scores = [torch.full((3, 2), score, requires_grad=True) for _ in range(1 + (name in CRITICS))]
    total = getattr(losses, name)(*scores)
    total.backward()
    assert total.isfinite()
    assert all(s.grad.isfinite().all() for s in scores)


@pytest.mark.parametrize("name", [*CRITICS, *NETWORKS])
def test_scores_of_any_precision_are_taken_in_float32(name, rng):
    """Large ones too, and as many as a critic of patches has."""
    scores = [(torch.randn(4, 16, 30, 30, generator=rng) * 20).bfloat16() for _ in range(1 + (name in CRITICS))]
    wide, half = ([x.to(dtype).requires_grad_(True) for x in scores] for dtype in (torch.float32, torch.bfloat16))
    exactly = getattr(losses, name)(*wide)
    with torch.autocast("cpu", torch.bfloat16):
        found = getattr(losses, name)(*half)
    torch.testing.assert_close(found, exactly, rtol=1e-6, atol=0)
    for one, other in zip(torch.autograd.grad(exactly, wide), torch.autograd.grad(found, half), strict=True):
        torch.testing.assert_close(other.float(), one, rtol=1e-2, atol=1e-9)


def test_a_critic_that_is_sure_still_teaches():
    score = torch.tensor([-12.0], requires_grad=True)  # it was made, the critic says
    losses.non_saturating(score).backward()
    assert score.grad.item() == pytest.approx(-1, abs=1e-2)


def test_the_hinge_leaves_alone_what_is_beyond_the_margin():
    real, made = torch.tensor([1.5, 0.5], requires_grad=True), torch.tensor([-1.5, -0.5], requires_grad=True)
    losses.hinge_critic(real, made).backward()
    assert real.grad.tolist() == [0, -0.5]
    assert made.grad.tolist() == [0, 0.5]


def linear(weight: torch.Tensor):
    return lambda x: (x * weight).sum((1, 2, 3))


@pytest.mark.parametrize(("slope", "cost"), [(1, 0), (3, 4), (0, 1)])
def test_gradient_penalty_of_a_straight_critic(made, truth, rng, slope, cost):
    weight = torch.rand(3, 12, 10, generator=rng)
    weight = (slope * weight / weight.norm()).requires_grad_(True)
    found = losses.gradient_penalty(linear(weight), truth, made)
    assert found.item() == pytest.approx(cost, abs=1e-4)
    found.backward()
    assert weight.grad.isfinite().all()


def test_gradient_penalty_of_the_hole_alone(made, truth, mask):
    hole = mask[:1]
    weight = torch.where(hole == 1, 1 / math.sqrt(3 * hole.sum().item()), 50.0)
    assert losses.gradient_penalty(linear(weight), truth[:1], made[:1], hole).item() == pytest.approx(0, abs=1e-6)
    assert losses.gradient_penalty(linear(weight), truth[:1], made[:1]).item() > 1e4


def test_gradient_penalty_looks_between_the_pictures_in_float32(made, truth):
    seen = []

    def critic(x):
        seen.append((x.detach(), (x @ x.transpose(2, 3)).dtype))
        return x.square().sum()

    with torch.autocast("cpu", torch.bfloat16):
        losses.gradient_penalty(critic, truth, made.requires_grad_(True))
    (between, dtype), *_ = seen
    shares = (between - truth) / (made.detach() - truth)
    assert dtype == torch.float32
    for share in shares:  # one for each picture
        assert 0 <= share.mean() <= 1
        np.testing.assert_allclose(share.numpy(), share.median().item(), atol=1e-2)
    assert shares.mean((1, 2, 3)).unique().numel() == 4


# ---- the classifier


def layers(depth: int) -> dict[str, nn.Module]:
    """VGG's layers as Simonyan and Zisserman name them, an eighth as wide."""
    found, before = {}, 3
    for block, convs in enumerate({16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}[depth], 1):
        width = min(64 * 2 ** (block - 1), 512) // 8
        for conv in range(1, convs + 1):
            found[f"conv{block}_{conv}"] = nn.Conv2d(before, width, 3, 1, 1)
            found[f"relu{block}_{conv}"] = nn.ReLU(inplace=True)
            before = width
        found[f"pool{block}"] = nn.MaxPool2d(2, 2)
    return found


def features(depth: int, taps) -> vgg.Features:
    torch.manual_seed(0)
    return vgg.Features(nn.Sequential(*layers(depth).values()), taps)


@pytest.mark.parametrize(
    ("depth", "taps", "names"),
    [
        (16, vgg.POOLS_16, ("pool1", "pool2", "pool3")),
        (19, vgg.RELUS_19, ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")),
        (19, vgg.TEXTURE_19, ("relu2_2", "relu3_4", "relu4_4", "relu5_2")),
    ],
)
def test_the_papers_layers_are_tapped(depth, taps, names):
    assert [list(layers(depth))[tap] for tap in taps] == list(names)


@pytest.mark.parametrize("depth", [16, 19])
def test_layers_are_where_torchvision_has_them(depth):
    with torch.device("meta"):
        theirs = getattr(vgg.torchvision_models(), f"vgg{depth}")().features
    ours = list(layers(depth).values())
    assert [type(a) for a in ours] == [type(b) for b in theirs]
    assert [a.out_channels * 8 for a in ours if isinstance(a, nn.Conv2d)] == [
        b.out_channels for b in theirs if isinstance(b, nn.Conv2d)
    ]


def test_maps_at_the_taps():
    pools = features(16, vgg.POOLS_16)(torch.rand(2, 3, 32, 48))
    assert [tuple(x.shape) for x in pools] == [(2, 8, 16, 24), (2, 16, 8, 12), (2, 32, 4, 6)]
    relus = features(19, vgg.RELUS_19)(torch.rand(1, 3, 32, 32))
    assert [tuple(x.shape[1:]) for x in relus] == [(8, 32, 32), (16, 16, 16), (32, 8, 8), (64, 4, 4), (64, 2, 2)]
    assert all((x >= 0).all() and x.any() for x in relus)


def test_a_map_is_not_written_over_by_the_layer_after_it():
    before, after = features(16, (2, 3))(torch.rand(1, 3, 8, 8))
    assert (before < 0).any()
    torch.testing.assert_close(after, before.relu())


def test_pictures_are_brought_to_what_the_classifier_was_trained_with():
    net = features(16, (0,))
    mean = torch.tensor(vgg.MEAN).view(1, 3, 1, 1).expand(1, 3, 5, 5)
    bias = net.layers[0].bias.view(1, -1, 1, 1)
    torch.testing.assert_close(net(mean)[0], bias.expand(1, -1, 5, 5), atol=1e-6, rtol=0)
    step = torch.tensor(vgg.DEVIATION).view(1, 3, 1, 1)
    moved = net(mean + step)[0][0, :, 2, 2] - bias.flatten()  # one deviation in every channel
    torch.testing.assert_close(moved, net.layers[0].weight.sum((1, 2, 3)))


def test_gradients_reach_the_picture_and_stay_out_of_the_classifier():
    net, picture = features(16, vgg.POOLS_16), torch.rand(1, 3, 16, 16, requires_grad=True)
    losses.perceptual(net(picture), net(torch.zeros(1, 3, 16, 16))).backward()
    assert picture.grad.abs().sum() > 0
    assert all(not weight.requires_grad and weight.grad is None for weight in net.parameters())


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """No connection, and an empty cache; what was dialled."""
    dialled = []

    def refuse(*place, **_):
        dialled.append(place)
        raise OSError("no connection")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert torch.hub.get_dir().startswith(str(tmp_path))
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    return dialled


@pytest.mark.parametrize("depth", [16, 19])
def test_without_a_connection_there_is_no_classifier(offline, depth):
    waited = socket.getdefaulttimeout()
    assert vgg.load(depth, (4,), torch.device("cpu")) is None
    assert offline
    assert socket.getdefaulttimeout() == waited


def test_a_broken_file_in_the_cache_is_no_classifier(offline, tmp_path):
    name = vgg.torchvision_models().VGG16_Weights.IMAGENET1K_V1.url.rsplit("/", 1)[1]
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    (tmp_path / "hub" / "checkpoints" / name).write_bytes(b"not a file of weights")
    assert vgg.load(16, (4,), torch.device("cpu")) is None
    assert not offline


def test_weights_that_are_there_are_used(offline, monkeypatch):
    with torch.device("meta"):
        shapes = vgg.torchvision_models().vgg16().state_dict()
    state = {key: torch.full((1,), 0.01).expand(value.shape) for key, value in shapes.items()}
    kind = type(vgg.torchvision_models().VGG16_Weights.IMAGENET1K_V1)
    monkeypatch.setattr(kind, "get_state_dict", lambda self, **_: state)
    net = vgg.load(16, vgg.POOLS_16, torch.device("cpu"))
    assert len(net.layers) == 17
    assert [x.shape[1] for x in net(torch.rand(1, 3, 8, 8))] == [64, 128, 256]
    assert not any(weight.requires_grad for weight in net.parameters())


def test_without_torchvision_there_is_no_classifier(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision", None)
    assert vgg.load(16, (4,), torch.device("cpu")) is None
