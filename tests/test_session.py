"""One visitor's state, without a browser."""

import numpy as np
import PIL.Image
import pytest

import inpaint
from inpaint import InpaintError, masks
from inpaint.session import KEPT, Session, preview


@pytest.fixture
def visitor(tmp_path):
    y, x = np.mgrid[:1500, :2000]
    pixels = np.stack([x % 256, y % 256, (x + y) % 256], -1).astype(np.uint8)
    PIL.Image.fromarray(pixels).save(tmp_path / "photo.png")
    session = Session()
    session.open(tmp_path / "photo.png")
    yield session
    session.close()
    assert session.folder is None or not session.folder.exists()


def filled(session, hole):
    photo = session.load()
    *_, last = inpaint.stream(photo.rgb, hole, "navier_stokes")
    return session.keep(last, photo, hole, "line")


def test_a_mask_of_ours_keeps_its_resolution_where_it_was_not_edited(visitor):
    given = np.zeros(visitor.picture, bool)
    given[301:303, 100:1900] = True  # a line thinner than a pixel of the preview
    visitor.put_mask(given)
    shown = masks.resize(given, preview(visitor.load().rgb).shape[:2])
    assert (visitor.mask(shown) == given).all()
    edited = shown.copy()
    edited[600:700, 600:700] = True
    merged = visitor.mask(edited)
    assert (merged[:600] == given[:600]).all() and merged[1000, 1000] and not merged[1400, 1900]
    assert not visitor.mask(np.zeros_like(shown)).any(), "what the visitor erased is gone"


def test_what_was_painted_is_enlarged(visitor):
    painted = np.zeros(preview(visitor.load().rgb).shape[:2], bool)
    painted[100:200, 300:400] = True
    mask = visitor.mask(painted)
    assert mask.shape == visitor.picture and abs(mask.mean() / painted.mean() - 1) < 0.02
    assert not visitor.mask(None).any()


def test_the_photo_outlives_the_upload_and_the_results(visitor, tmp_path):
    (tmp_path / "photo.png").unlink()
    hole = np.zeros(visitor.picture, bool)
    hole[50:60, 50:60] = True
    first = filled(visitor, hole)
    visitor.open(first.photo)
    for _ in range(KEPT + 1):
        filled(visitor, hole)
    assert len(visitor.results) == KEPT and not first.photo.exists()
    assert visitor.load().shape == visitor.picture


def test_a_bad_photo_leaves_the_former_one(visitor, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"x")
    with pytest.raises(InpaintError, match="not a picture"):
        visitor.open(tmp_path / "bad.png")
    assert visitor.load().shape == visitor.picture


def test_without_a_photo_everything_asks_for_one(tmp_path):
    for call in (Session().load, lambda: Session().mask(None), lambda: Session().read_mask(tmp_path)):
        with pytest.raises(InpaintError, match="Open a photo first"):
            call()


def test_names_of_files_are_made_safe(visitor):
    visitor.name = "../../etc/pass wd?.jpg"
    hole = np.zeros(visitor.picture, bool)
    hole[50:60, 50:60] = True
    assert filled(visitor, hole).photo.parent.parent == visitor.folder
