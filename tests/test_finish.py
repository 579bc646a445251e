"""A fill that was made small is finished at full size by copying known pixels."""

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from inpaint import Card, Size, Step
from inpaint.fill import finish, patch, pipeline
from inpaint.imaging import masks, matching, resize

SIDE, SMALL = 256, 64


@pytest.fixture(scope="module")
def grain():
    """(256, 256, 3) uint8: grain of one to three pixels on a slow ramp of colour."""
    rng = np.random.default_rng(1)
    noise = cv2.GaussianBlur(rng.normal(size=(SIDE, SIDE)).astype(np.float32), (0, 0), 0.8)
    noise += cv2.GaussianBlur(rng.normal(size=(SIDE, SIDE)).astype(np.float32), (0, 0), 3) * 2
    ramp = np.linspace(90, 150, SIDE)[:, None, None] + np.array([10, 0, -20])
    return np.clip(ramp + 40 * noise[..., None], 0, 255).astype(np.uint8)


def job(truth, small=None, side=SMALL, **more):
    """The truth's middle is missing; the fill is `small`, or the truth made small."""
    gap = hole()
    photo = np.where(gap[..., None], 0, truth)
    known, small_hole = patch.shrink(photo, gap, (side, side))
    small = resize.averaged(truth, (side, side)) if small is None else small
    guide = np.where(small_hole[..., None], small, known)
    soft = cv2.resize(guide, gap.shape[::-1], interpolation=cv2.INTER_CUBIC)
    return finish.Job(photo, gap, soft, guide, small_hole, **more)


def last(states):
    *_, state = states
    return state


def power(picture, where):
    """Of what is finer than about two pixels."""
    grey = picture.mean(axis=2, dtype=np.float32)
    return np.mean((grey - cv2.GaussianBlur(grey, (0, 0), 1.5))[where] ** 2)


def test_a_copy_has_the_grain_that_an_enlarged_fill_lacks(grain):
    given = job(grain)
    state = last(finish.finished(given, "patches", 0))
    assert state.note == "finish: patches" and state.done == 1
    truth, soft, made = (power(picture, given.hole) for picture in (grain, given.soft, state.image))
    assert soft < 0.2 * truth and 0.6 * truth < made < 1.4 * truth
    assert (state.image[~given.hole] == given.soft[~given.hole]).all(), "known pixels are not worked on"
    small = resize.averaged(state.image, given.small_hole.shape)
    assert np.abs(small - given.guide.astype(float))[given.small_hole].mean() < 2, "what the fill says stays"


def test_one_thread_and_many_give_the_same_bits(grain, monkeypatch):
    given = job(grain, seed=7)
    made = []
    for threads in (1, 4, 4):
        monkeypatch.setattr(matching, "workers", lambda n=threads: ThreadPoolExecutor(n))
        made.append(last(finish.finished(given, "auto", 0)).image)
    assert (made[0] == made[1]).all() and (made[1] == made[2]).all()


def test_what_the_photo_has_nowhere_else_stays_the_fills(grain):
    face = resize.averaged(grain, (SMALL, SMALL))
    cv2.circle(face, (32, 31), 8, (230, 40, 40), -1)
    cv2.circle(face, (29, 29), 1, (20, 20, 250), -1)
    cv2.circle(face, (35, 29), 1, (20, 20, 250), -1)
    given = job(grain, face)
    state = last(finish.finished(given, "patches", 0))
    inner = np.zeros_like(given.hole)
    inner[100:150, 104:154] = True
    change = np.abs(state.image.astype(int) - given.soft).mean(axis=2)
    assert change[inner].mean() < 0.5 * change[given.hole & ~inner].mean()
    assert change[inner].mean() < 3


def test_where_the_model_copied_from_is_followed(grain):
    """All from 64 pixels to the left; the fill says so too vaguely to find it."""
    given = job(np.roll(grain, 64, axis=1))
    source = np.moveaxis(np.indices((SMALL, SMALL)), 0, -1) - [0, 16]
    grey = np.full_like(given.guide, 120)
    given = given._replace(photo=np.where(given.hole[..., None], 0, grain), guide=grey, origin=source)
    copier = finish.Copier(given.photo, given.hole, given.guide, 1.0, 0, ThreadPoolExecutor(1))
    level = copier.level((SMALL, SMALL))
    match = finish.Match.unknown(level)
    copier._follow(match, source)
    there = np.argwhere(match.field[..., 0] >= 0)
    assert len(there) > 0.4 * level.targets.sum()
    assert (match.field[tuple(there.T)] == there + level.corner - [0, 16]).all()


def test_memory_follows_the_crop_at_ten_bytes_a_pixel(grain):
    given = job(grain)
    copier = finish.Copier(given.photo, given.hole, given.guide, 1.0, 0, ThreadPoolExecutor(1))
    level = copier.level(given.hole.shape)
    match = finish.Match.unknown(level)
    assert level.features.dtype == np.uint8 and match.field.dtype == np.int16
    assert level.picture is given.photo
    whole = level.features.nbytes + level.touches.nbytes + masks.count(given.hole)
    assert whole + match.field.nbytes + match.cost.nbytes < 10 * given.hole.size


@pytest.mark.parametrize("how, left", [("auto", True), ("none", True), ("patches", False)])
def test_a_fill_that_was_hardly_shrunk_is_left_alone(grain, how, left):
    fill = filled(grain, working_size=200, finish=how)[-1]
    soft = filled(grain, working_size=200, finish="none")[-1]
    assert (fill.image == soft.image).all() == left
    assert fill.report.notes == (() if left else ("finish: patches",))


def test_the_fill_is_shown_before_it_is_finished_and_can_be_stopped(grain, monkeypatch):
    fills = filled(grain, working_size=64)
    progress = [fill.progress for fill in fills]
    assert progress == sorted(progress) and progress[-1] == 1 and progress[0] < 1
    assert len(fills) > 5 and fills[1].note == "finish"
    assert power(fills[0].image, hole()) < 0.3 * power(fills[-1].image, hole())
    assert (fills[-1].image[~hole()] == grain[~hole()]).all()
    levels, made = [], finish.Copier.level
    monkeypatch.setattr(finish.Copier, "level", lambda self, shape: levels.append(shape) or made(self, shape))
    work = pipeline.run(shrunk, CARD, grain, hole(), working_size=64)
    while next(work).note != "finish":
        pass
    work.close()
    assert levels == [(64, 64)]


def test_holes_everywhere_leave_the_fill_as_it_is(grain):
    mask = np.zeros((SIDE, SIDE), bool)
    mask[::4] = True
    fill = filled(grain, mask, working_size=64, finish="patches")[-1]
    assert fill.report.notes == ("finish: none, no whole patch is known",)


CARD = Card("Stub", "s", "p", "https://x", "l", True, "s", load=lambda device: shrunk, size=Size(maximum=512))


def hole():
    mask = np.zeros((SIDE, SIDE), bool)
    mask[80:170, 75:180] = True
    return mask


def shrunk(image, mask, **options):
    """A fill in the colours of the known pixels, a row each."""
    rows = [
        row[~gap].mean(axis=0) if not gap.all() else row.mean(axis=0) for row, gap in zip(image, mask, strict=True)
    ]
    yield Step(np.where(mask[..., None], np.rint(rows)[:, None], image).astype(np.uint8))


def filled(photo, mask=None, **options):
    return list(pipeline.run(shrunk, CARD, photo, hole() if mask is None else mask, **options))
