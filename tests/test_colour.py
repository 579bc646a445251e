"""A second picture keeps its colours beside the first, whatever the numbers in the two files mean."""

import base64
import io
import struct
import sys

import numpy as np
import PIL.Image
import pytest
from PIL import ImageCms

from inpaint.cli import app as cli
from inpaint.imaging.colour import convert
from inpaint.imaging.picture import Picture, open_picture, read_layer
from inpaint.lab import blend
from inpaint.page.session import Session
from inpaint.page.tabs.blend import Pair
from inpaint.page.widgets.placer import to_placer

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
SWAPPED = SRGB.replace(b"rXYZ", b"?XYZ").replace(b"bXYZ", b"rXYZ").replace(b"?XYZ", b"bXYZ")  # red is blue
BROKEN = b"no profile" * 20
RED, BLUE = (200, 0, 0), (0, 0, 200)


def grey_profile(gamma: float) -> bytes:
    """The smallest profile of grey there is."""
    parts = {
        b"wtpt": b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061),
        b"kTRC": b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)),
        b"cprt": b"text" + bytes(4) + b"none\0",
        b"desc": b"desc" + bytes(4) + struct.pack(">I", 2) + b"g\0" + bytes(78),
    }
    table, body = struct.pack(">I", len(parts)), b""
    for name, part in parts.items():
        table += name + struct.pack(">II", 132 + 12 * len(parts) + len(body), len(part))
        body += part + bytes(-len(part) % 4)
    header = bytes(4) + b"lcms" + struct.pack(">I", 0x02100000) + b"mntrGRAYXYZ " + bytes(12) + b"acsp" + bytes(28)
    header += struct.pack(">3i", 63190, 65536, 54061) + bytes(48)
    return struct.pack(">I", len(header) + len(table) + len(body)) + header[4:] + table + body


def saved(path, pixels, icc=None):
    Picture(np.ascontiguousarray(pixels), icc=icc).save(path)
    return path


def flat(colour, shape=(60, 80), dtype=np.uint8):
    scale = 257 if dtype == np.uint16 else 1
    return np.full((*shape, len(colour)), colour, dtype) * dtype(scale)


def near(pixels, colour, most=6):
    return np.abs(pixels.astype(int) - colour).max() <= most


def pasted(tmp_path, monkeypatch, capsys, first, second, *words):
    """The middle of the picture that `blend` writes, and what it says."""
    out = tmp_path / "out.png"
    monkeypatch.setattr(sys, "argv", ["inpaint", *map(str, ("blend", first, second, "-o", out, "--method"))])
    sys.argv += ["copy-paste", *words]
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 0
    return open_picture(out).pixels[25:35, 30:50, :3], " ".join(capsys.readouterr().err.split())


SECONDS = {  # pixels, profile, how it looks in sRGB
    "other primaries": (flat(RED), SWAPPED, BLUE),
    "16 bit": (flat(RED, dtype=np.uint16), SWAPPED, BLUE),
    "transparent": (flat((*RED, 255)), SWAPPED, BLUE),
    "untagged": (flat(RED), None, RED),
    "untagged grey": (flat((120,)), None, (120,) * 3),
    "linear grey": (flat((55,)), grey_profile(1.0), (128,) * 3),
}


@pytest.mark.parametrize("case", SECONDS)
@pytest.mark.parametrize("icc", [None, SRGB, SWAPPED], ids=["untagged", "sRGB", "swapped"])
def test_what_is_pasted_keeps_its_colour(case, icc, tmp_path, monkeypatch, capsys):
    pixels, own, looks = SECONDS[case]
    first = saved(tmp_path / "first.png", flat((90, 90, 90)), icc)
    second = saved(tmp_path / "second.png", pixels, own)
    middle, said = pasted(tmp_path, monkeypatch, capsys, first, second)
    assert near(middle, looks[::-1] if icc == SWAPPED else looks) and "profile" not in said


def test_cmyk_is_pasted_as_it_looks(tmp_path, monkeypatch, capsys):
    first, second = saved(tmp_path / "first.png", flat((90, 90, 90)), SWAPPED), tmp_path / "second.jpg"
    PIL.Image.new("CMYK", (80, 60), (0, 255, 255, 0)).save(second, quality=95, icc_profile=BROKEN)
    middle, said = pasted(tmp_path, monkeypatch, capsys, first, second)
    assert middle[..., 2].min() > 200 > 60 > middle[..., :2].max(), "red, in numbers where red is blue"
    assert "CMYK converted to RGB, its broken colour profile left out" in said


@pytest.mark.parametrize("icc", [BROKEN, grey_profile(1.0), SRGB[:150]], ids=["no profile", "of grey", "cut off"])
def test_a_profile_that_cannot_be_used_is_told_of(icc, tmp_path, monkeypatch, capsys):
    plain, odd = saved(tmp_path / "plain.png", flat(RED)), saved(tmp_path / "odd.png", flat(RED), icc)
    for pair in ((plain, odd), (odd, plain)):
        assert near(pasted(tmp_path, monkeypatch, capsys, *pair)[0], RED)
    assert "profile cannot be used" in pasted(tmp_path, monkeypatch, capsys, plain, odd)[1]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_grey_first_picture_looks_the_same_in_rgb(dtype):
    photo = blend.in_colour(Picture(flat((55,), dtype=dtype), icc=grey_profile(1.0)))
    assert photo.icc is None and photo.pixels.dtype == dtype and near(photo.rgb, (128,) * 3, 2)
    steps = blend.in_colour(Picture(np.arange(256, dtype=np.uint8).reshape(16, 16, 1), icc=grey_profile(1.8))).rgb
    own = PIL.Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16))
    profile = ImageCms.ImageCmsProfile(io.BytesIO(grey_profile(1.8)))
    srgb = ImageCms.createProfile("sRGB")
    assert near(steps, np.array(ImageCms.profileToProfile(own, profile, srgb, outputMode="RGB")), 1)


def test_numbers_that_mean_the_same_are_not_touched():
    rgb = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
    for icc in (None, SRGB, SWAPPED, BROKEN):
        assert (convert(rgb, icc, icc)[0] == rgb).all()


def test_a_layer_has_the_colours_of_the_photo(tmp_path):
    path = saved(tmp_path / "second.png", flat(RED), SWAPPED)
    assert near(read_layer(path, (30, 40)), BLUE) and near(read_layer(path, (30, 40), SWAPPED), RED, 0)


@pytest.mark.parametrize("model", ["edgeconnect"])
def test_the_command_line_lends_a_picture_in_the_photos_colours(model, tmp_path):
    from inpaint.cli import terminal

    path = saved(tmp_path / "second.png", flat(RED), SWAPPED)
    photo = Picture(flat((90, 90, 90)), icc=SRGB)
    found, said = terminal.layers(model, {"borrow": str(path)}, photo)
    assert near(found["borrow"], BLUE) and not said
    saved(path, flat(RED), BROKEN)
    found, said = terminal.layers(model, {"borrow": str(path)}, photo)
    assert near(found["borrow"], RED) and "borrow: its colour profile cannot be used" in said[0]


def test_the_page_cuts_out_in_the_first_pictures_colours(tmp_path):
    pair = Pair()
    pair.take_second(saved(tmp_path / "second.png", flat(RED), SWAPPED))
    assert near(pair.cut(None)[0], BLUE)
    pair.take_first(saved(tmp_path / "first.png", flat((90, 90, 90)), SWAPPED), "first.png")
    assert near(pair.cut(None)[0], RED, 0) and not pair.notes
    pair.take_second(saved(tmp_path / "second.png", flat(RED), BROKEN))
    pair.cut(None)
    assert "cannot be used" in pair.notes[0]
    pair.close()


def test_the_page_shows_both_pictures_in_the_same_colours():
    cutout = np.full((20, 20, 4), 255, np.uint8)
    shown = to_placer(flat(RED), cutout, blend.Placement(), SWAPPED)
    for name in ("background", "cutout"):
        with PIL.Image.open(io.BytesIO(base64.b64decode(shown[name].partition(",")[2]))) as picture:
            assert picture.info["icc_profile"] == SWAPPED


def test_the_page_tells_of_a_lent_picture_without_a_usable_profile(tmp_path):
    session = Session()
    assert not session.borrow(saved(tmp_path / "good.png", flat(RED), SWAPPED))
    assert "cannot be used" in session.borrow(saved(tmp_path / "bad.png", flat(RED), BROKEN))[0]
    session.close()
