import numpy as np
import pytest

from inpaint.imaging import offsets as drawing
from inpaint.models import patchmatch


@pytest.fixture(scope="module")
def fill():
    return patchmatch.CARD.load("cpu")


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(5)


def texture(height=96, width=96, period=12):
    """A periodic picture in which no colour channel repeats sooner than `period`."""
    tile = np.random.default_rng(2).integers(0, 256, (period, period, 3), dtype=np.uint8)
    return np.tile(tile, (height // period + 1, width // period + 1, 1))[:height, :width]


def box(height=96, width=96):
    mask = np.zeros((height, width), bool)
    mask[height // 3 : height // 3 + 30, width // 3 : width // 3 + 24] = True
    return mask


def blank(image, mask):
    return np.where(mask[..., None], np.uint8(0), image)


def last(steps):
    return list(steps)[-1]


def psnr(image, truth, mask):
    error = np.mean((image[mask].astype(float) - truth[mask]) ** 2)
    return 10 * np.log10(255**2 / max(error, 1e-9))


@pytest.mark.parametrize(
    "offset, expected",
    [
        ((0, 0), (255, 255, 255)),
        ((-1, 0), (0, 209, 255)),
        ((-1, 1), (32, 255, 0)),
        ((0, 1), (255, 229, 0)),
        ((1, 1), (255, 114, 0)),
        ((1, -1), (219.5, 0, 255)),
        ((0, -1), (88, 0, 255)),
        ((-1, -1), (0, 52, 255)),
    ],
)
def test_wheel_takes_the_row_for_u(offset, expected):
    unit = np.array(offset) / max(np.hypot(*offset), 1)
    assert np.abs(drawing.colour(unit, 1.0).astype(float) - expected).max() <= 1


def test_wheel_fades_to_white_and_darkens_beyond_the_largest():
    half, whole, beyond = drawing.colour([[-0.5, 0], [-1, 0], [-2, 0]], 1.0).astype(float)
    assert np.abs(half - (255 + whole) / 2).max() <= 1
    assert np.abs(beyond - 0.75 * whole).max() <= 1


def test_legend_shows_each_direction_where_it_points():
    picture, disc = drawing.legend(33)
    assert (picture[16, 16] == 255).all() and disc[16, 16] and not disc[0, 0]
    assert (picture[0, 16] == drawing.colour(np.array([-1.0, 0]), 1.0)).all()
    assert (picture[16, 32] == drawing.colour(np.array([0, 1.0]), 1.0)).all()


def test_offsets_are_drawn_in_the_hole_only():
    image, mask = texture(), box()
    offsets = np.full((*mask.shape, 2), 5.0)
    picture = drawing.draw_offsets(image, mask, offsets)
    assert (picture[mask] == drawing.colour(offsets)[0, 0]).all()
    centre = np.s_[16:32, 16:80]  # away from the legend and the hole
    assert (picture[centre] <= image[centre]).all()


def test_same_seed_same_bits_and_another_seed_another_fill(fill, noise):
    image, mask = noise.integers(0, 256, (64, 80, 3), dtype=np.uint8), box(64, 80)
    one, same, other = (last(fill(blank(image, mask), mask, seed=seed)).image for seed in (1, 1, 2))
    assert (one == same).all()
    assert (one != other).any()


def test_hole_content_is_never_looked_at_and_inputs_stay(fill, noise):
    image, mask = texture(), box()
    other = np.where(mask[..., None], noise.integers(0, 256, image.shape, dtype=np.uint8), image)
    for array in (image, other, mask):
        array.flags.writeable = False
    one, two = (last(fill(picture, mask, seed=0)) for picture in (image, other))
    assert (one.image[mask] == two.image[mask]).all()
    assert all((one.views[name] == two.views[name]).all() for name in one.views)


def test_periodic_texture_is_restored_where_diffusion_fails(fill):
    image, mask = texture(), box()
    smooth = patchmatch.smooth(patchmatch.Level(image.astype(np.float32) / 255, mask)) * 255
    result = last(fill(blank(image, mask), mask, seed=0)).image
    assert psnr(smooth, image, mask) < 15
    assert psnr(result, image, mask) > 30


@pytest.mark.parametrize(
    "holes", [box(60, 50), np.random.default_rng(3).random((60, 50)) < 0.5], ids=["box", "half"]
)
def test_every_patch_found_is_a_source_and_only_known_pixels_are_copied(noise, holes):
    from inpaint.imaging import matching

    image = noise.random((60, 50, 3), np.float32)
    found = None
    with matching.workers() as pool:
        for level in reversed(patchmatch.pyramid(patchmatch.Level(image, holes))):
            guess = patchmatch.smooth(level)
            search = patchmatch.Search(matching, pool, level, guess, 5, 0.0, 0.7)
            rng = np.random.default_rng(0)
            found = search.find(search.start(found, rng), guess, 2, None, rng)
            assert search.source[tuple(found.field[found.target].T)].all()
        _, origin = search.melded(found, guess)
    assert (origin[~holes] == -1).all() and (origin[holes] >= 0).all()
    assert not holes[tuple(origin[holes].T)].any()


def test_as_many_threads_as_there_are_the_fill_is_the_same_to_the_bit(fill, noise, monkeypatch):
    from concurrent.futures import ThreadPoolExecutor

    from inpaint.imaging import matching

    image, mask = blank(noise.integers(0, 256, (120, 90, 3), dtype=np.uint8), box(120, 90)), box(120, 90)
    fills = []
    for threads in (1, 2, 5):
        monkeypatch.setattr(matching, "workers", lambda threads=threads: ThreadPoolExecutor(threads))
        fills.append(last(fill(image, mask, seed=4)))
    assert all((one.image == fills[0].image).all() and (one.origin == fills[0].origin).all() for one in fills)


def test_levels_go_down_until_the_hole_is_gone_and_know_only_what_is_known():
    image = np.full((96, 80, 3), 0.25, np.float32)
    image[box(96, 80)] = 9
    levels = patchmatch.pyramid(patchmatch.Level(image, box(96, 80)))
    assert [level.hole.shape for level in levels] == [(96, 80), (48, 40), (24, 20)]
    assert not patchmatch.halve(levels[-1]).hole.any() and levels[-1].hole.any()
    assert all(np.allclose(level.picture[~level.hole], 0.25, atol=1e-5) for level in levels)
    assert np.allclose(patchmatch.smooth(levels[0])[levels[0].hole], 0.25, atol=1 / 255)


def test_steps_keep_the_contract(fill):
    image, mask = texture(200, 150), box(200, 150)
    steps = list(fill(blank(image, mask), mask, seed=0))
    progress = [step.progress for step in steps]
    assert len(steps) > 1 and progress == sorted(progress) and progress[-1] == 1
    assert steps[0].note.startswith("level 1 of ") and steps[-1].note == ""
    assert set(steps[-1].views) == {"offsets", "sources"}
    for step in steps:
        assert (step.image[~mask] == image[~mask]).all()
        for picture in (step.image, *step.views.values()):
            assert picture.shape == image.shape and picture.dtype == np.uint8


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (33, 1), (2, 2), (3, 40), (5, 7), (9, 120), (40, 31)])
def test_any_shape_and_hole_gives_a_result(fill, noise, shape):
    holes = [np.zeros(shape, bool), np.ones(shape, bool), noise.random(shape) < 0.5]
    holes += [np.zeros(shape, bool), np.ones(shape, bool)]
    holes[3][0] = True  # along the border
    holes[4][-1, -1] = False  # all but a corner
    for mask in holes:
        image = blank(noise.integers(0, 256, (*shape, 3), dtype=np.uint8), mask)
        for patch in (3, 15):
            step = last(fill(image, mask, seed=0, patch=patch))
            assert step.progress == 1
            assert step.image.shape == image.shape and (step.image[~mask] == image[~mask]).all()


def test_scattered_pixels_are_filled_as_well_as_by_diffusion(fill, noise):
    rows, columns = np.indices((64, 64))
    wave = 127 + 100 * np.sin(rows / 5) * np.cos(columns / 7)
    image = np.dstack([wave, wave, 255 - wave]).astype(np.uint8)
    mask = noise.random((64, 64)) < 0.5
    step = last(fill(blank(image, mask), mask, seed=0))
    assert psnr(step.image, image, mask) > 30 and step.note == patchmatch.SCATTERED
    assert not patchmatch.scattered(box(64, 64), 7)


def test_kernels_do_not_promise_that_all_is_finite():
    from inpaint.imaging import matching

    kernels = [it for it in vars(matching).values() if hasattr(it, "targetoptions")]
    assert len(kernels) == 3
    for kernel in kernels:  # the search begins with an infinite limit
        assert kernel.targetoptions["fastmath"] == {"reassoc", "contract", "nsz", "arcp"}


def test_kernels_are_compiled_for_one_signature_only(fill):
    from inpaint.imaging import matching

    image, mask = texture(), box()
    for hole in (mask, mask[:, ::-1], np.asfortranarray(mask)):
        list(fill(blank(image, hole), hole, seed=0, patch=5))
    assert len(matching._search.signatures) == len(matching._copy.signatures) == 1
