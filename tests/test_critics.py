"""The networks that judge: sizes, bounds, and where the local one looks."""

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from inpaint.training.critics import Patch70, PatchCritic, Whole, windows

torch.manual_seed(0)  # critics are built while this file is read
NARROW = (4, 8, 16, 16, 16, 16)


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def slopes(critic: nn.Module) -> list[float]:
    """The largest singular value of each layer, as a matrix of outputs × inputs."""
    return [torch.linalg.svdvals(layer.weight.detach().flatten(1))[0].item() for layer in critic.layers]


@pytest.mark.parametrize(
    ("critic", "size", "shape"),
    [
        (PatchCritic(4, NARROW), 64, (16, 1, 1)),
        (PatchCritic(4, NARROW), 128, (16, 2, 2)),
        (Patch70(3, 4), 64, (1, 6, 6)),
        (Patch70(3, 4), 128, (1, 14, 14)),
        (Whole(4, 64, NARROW[:4]), 64, (1,)),
        (Whole(4, 128, NARROW[:4]), 128, (1,)),
        (Whole(4, 45, NARROW[:4]), 45, (1,)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else str(value),
)
def test_shapes_of_scores(critic, size, shape):
    scores = critic(torch.rand(2, critic.layers[0].in_channels, size, size))
    assert scores.shape == (2, *shape)
    assert (scores[0] != scores[1]).all()


@pytest.mark.parametrize(("critic", "count"), [(PatchCritic(4, NARROW), 6), (Patch70(4, 4), 5)])
def test_the_last_features_are_the_scores(critic, count):
    critic.eval()
    picture = torch.rand(1, 4, 64, 64)
    found = critic.features(picture)
    assert len(found) == count
    assert torch.equal(found[-1], critic(picture))
    assert (found[-1] < 0).any()  # no activation after the last


def test_as_many_parameters_as_the_paper_has():
    critic = PatchCritic(4)
    assert sum(w.numel() for w in critic.parameters()) == 5_946_816
    assert sum(layer.bias.numel() for layer in critic.layers) == 1216  # which are among them


@pytest.mark.parametrize("critic", [PatchCritic(4, NARROW), Patch70(4, 8)], ids=lambda c: type(c).__name__)
def test_no_layer_stretches_what_it_is_given(critic):
    with torch.no_grad():
        for layer in critic.layers:
            original = layer.parametrizations.weight.original
            original.copy_(torch.randn_like(original) * 10)
    for _ in range(60):
        critic(torch.rand(1, 4, 64, 64))
    assert slopes(critic) == pytest.approx([1] * len(critic.layers), rel=0.05)


@pytest.mark.parametrize("critic", [PatchCritic(4, NARROW), Patch70(4, 8)], ids=lambda c: type(c).__name__)
def test_the_bound_is_found_outside_autocast(critic):
    asked = []
    for layer in critic.layers:
        norm = layer.parametrizations.weight[0]
        norm.register_forward_hook(lambda *_: asked.append(torch.is_autocast_enabled("cpu")))
    with torch.autocast("cpu", torch.bfloat16):
        scores = critic(torch.rand(1, 4, 64, 64))
    assert scores.dtype == torch.bfloat16 and len(asked) >= len(critic.layers) and not any(asked)


def test_the_bound_does_not_move_while_a_critic_is_only_asked():
    critic = PatchCritic(4, NARROW).eval()
    picture = torch.rand(1, 4, 64, 64)
    assert torch.equal(critic(picture), critic(picture))
    critic.train()
    before = critic.layers[1].parametrizations.weight[0]._u.clone()
    critic(picture)
    assert not torch.equal(critic.layers[1].parametrizations.weight[0]._u, before)


def test_a_critic_under_a_penalty_has_no_other_bound():
    assert not any(parametrize.is_parametrized(layer) for layer in Whole(4, 64, NARROW[:4]).layers)


def test_a_score_sees_70_pixels():
    picture = torch.rand(1, 3, 160, 160, requires_grad=True)
    scores = Patch70(3, 4)(picture)
    scores[0, 0, 8, 9].backward()
    rows, columns = picture.grad[0].abs().sum(0).nonzero().T
    assert rows.max() - rows.min() == columns.max() - columns.min() == 69


# ---- windows


def numbered(count: int, height: int, width: int) -> torch.Tensor:
    """Pictures whose pixels tell their place: (N, 2, H, W), row and column."""
    return torch.stack(torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")).expand(
        count, 2, height, width
    )


@pytest.mark.parametrize("place", [(0, 0), (0, 39), (29, 0), (29, 39), (15, 20), (2, 37)])
@pytest.mark.parametrize("side", [7, 8])
def test_windows_hold_the_hole_at_the_borders_too(place, side):
    mask = torch.zeros(3, 1, 30, 40)
    mask[..., place[0], place[1]] = 1
    rows, columns = windows(numbered(3, 30, 40), mask, side).unbind(1)
    assert rows.shape == (3, side, side)
    for one in (rows, columns):  # cut in one piece
        assert one.amax() - one.amin() == side - 1
    assert ((rows == place[0]) & (columns == place[1])).any()


def test_where_there_is_room_the_hole_is_in_the_middle():
    mask = torch.zeros(1, 1, 30, 40)
    mask[..., 15, 20] = 1
    assert windows(mask, mask, 9)[0, 0].nonzero().tolist() == [[4, 4]]


def test_a_small_hole_is_never_missed():
    mask = torch.zeros(2000, 1, 64, 64)
    mask[..., 50, 9] = 1
    assert windows(mask, mask, 8).sum((1, 2, 3)).min() == 1


def test_every_pixel_of_the_hole_is_as_likely():
    mask = torch.zeros(1000, 1, 16, 16)
    mask[..., 3, 3] = mask[..., 12, 12] = 1
    first = (windows(numbered(1000, 16, 16), mask, 4)[:, 0, 0, 0] < 8).float().mean()
    assert 0.42 < first < 0.58


def test_each_picture_has_its_own_window_and_what_is_stacked_stays_together():
    mask = torch.zeros(2, 1, 20, 20)
    mask[0, 0, 2, 2] = mask[1, 0, 17, 17] = 1
    seen = windows(torch.cat([numbered(2, 20, 20).float(), mask], 1), mask, 6)
    assert seen[:, 2].sum((1, 2)).tolist() == [1, 1]
    assert seen[0, 0].max() < seen[1, 0].min()


def test_windows_without_a_hole_and_larger_than_the_picture():
    assert windows(torch.rand(2, 3, 20, 30), torch.zeros(2, 1, 20, 30), 8).shape == (2, 3, 8, 8)
    assert windows(torch.rand(2, 3, 20, 30), torch.ones(2, 1, 20, 30), 64).shape == (2, 3, 20, 20)
