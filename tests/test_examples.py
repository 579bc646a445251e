"""The pictures that come with the project: which there are, and what the page's first screen needs of them."""

import numpy as np
import pytest
from PIL import Image

from inpaint.lab.examples import EXAMPLES, examples, front

every_example = pytest.mark.parametrize("one", examples(), ids=lambda one: one.photo.stem)


def size(path):
    with Image.open(path) as picture:
        return picture.size


def test_every_picture_of_the_folder_is_listed_once():
    listed = [one.mask for one in examples()]
    assert sorted(listed) == sorted(EXAMPLES.glob("*.mask.png"))
    assert len({one.caption for one in examples()}) == len(listed)


def test_six_are_shown_first_and_half_of_them_are_large():
    assert front() == examples()[:6] and all(one.front for one in front())
    assert sum(np.prod(size(one.photo)) >= 2_000_000 for one in front()) >= 3
    assert sum(one.photo.stat().st_size for one in front()) < 3_000_000
    assert all(len(one.caption) <= 17 for one in front())


@every_example
def test_an_example_may_be_used_for_anything(one):
    """Its last row in README.md says where it comes from, and ends with the licence."""
    rows = (EXAMPLES / "README.md").read_text("utf-8").splitlines()
    licence = [row for row in rows if row.startswith(f"| `{one.photo.stem}` |")][-1].split("|")[-2].strip()
    assert licence in ("CC0", "public domain", "as this project")


@every_example
def test_an_example_has_a_caption_and_a_small_picture(one):
    assert one.caption and one.caption[0].isupper() and len(one.caption) <= 32 and one.caption[-1].isalpha()
    w, h = size(one.photo)
    assert size(one.thumb) == (200, round(200 * h / w)) and one.thumb.stat().st_size < 12_000


@every_example
def test_a_mask_fits_its_photo_and_leaves_enough_to_borrow_from(one):
    assert size(one.mask) == size(one.photo)
    with Image.open(one.mask) as mask:
        share = np.asarray(mask.convert("1")).mean()
    assert 0.002 < share < (0.25 if one.front else 0.6)
