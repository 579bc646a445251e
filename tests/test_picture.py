"""Picture files: nothing lost in silence, nothing trusted, written whole or not at all."""

import io
import subprocess
import sys
import zlib

import cv2
import numpy as np
import PIL.Image
import pytest
from PIL import ImageCms

from inpaint import InpaintError
from inpaint.imaging import picture
from inpaint.imaging.picture import open_picture, read_mask

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def encoded(image, format="PNG", **options):
    out = io.BytesIO()
    (image if isinstance(image, PIL.Image.Image) else PIL.Image.fromarray(image)).save(out, format, **options)
    return out.getvalue()


def roundtrip(data, hole, format="PNG"):
    """Open, fill the hole with 99, write, open again."""
    photo = open_picture(data)
    out, notes = photo.filled(np.full((*photo.shape, 3), 99, np.uint8), hole).encode(format)
    return photo, open_picture(out), notes


KINDS = {
    "grey": lambda rgb: rgb[..., 0],
    "grey + alpha": lambda rgb: rgb[..., :2],
    "rgb": lambda rgb: rgb,
    "rgba": lambda rgb: np.dstack([rgb, rgb[..., 0]]),
    "grey 16": lambda rgb: rgb[..., 0].astype(np.uint16) * 200 + 7,
}


@pytest.mark.parametrize(
    "kind, format", [*((k, f) for k in KINDS for f in ("PNG", "TIFF")), ("rgb", "WEBP"), ("rgba", "WEBP")]
)
def test_known_pixels_survive_in_their_own_depth(kind, format, image, mask):
    pixels = KINDS[kind](image)
    photo, again, notes = roundtrip(encoded(pixels), mask, format)
    expected = pixels if pixels.ndim == 3 else pixels[..., None]
    assert photo.pixels.shape == expected.shape and (photo.pixels == expected).all()
    assert (again.pixels[~mask] == expected[~mask]).all() and not notes
    colours = again.pixels[..., :1] if again.pixels.shape[2] < 3 else again.pixels[..., :3]
    assert (colours[mask] == (99 * 257 if pixels.dtype == np.uint16 else 99)).all()


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("source", [".png", ".tiff"])
def test_16_bit_colour_survives(channels, source, mask):
    pixels = np.random.default_rng(0).integers(0, 65536, (72, 97, channels), np.uint16)
    code = cv2.COLOR_RGBA2BGRA if channels == 4 else cv2.COLOR_RGB2BGR
    data = cv2.imencode(source, cv2.cvtColor(pixels, code))[1].tobytes()
    photo, again, notes = roundtrip(data, mask)
    assert photo.pixels.dtype == np.uint16 and (photo.pixels == pixels).all() and not notes
    assert (again.pixels[~mask] == pixels[~mask]).all() and (again.pixels[mask][:, :3] == 99 * 257).all()
    _, notes = photo.encode("JPEG")
    assert any("16 bit reduced" in note for note in notes)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_photos_are_turned_upright_without_loss(orientation, image):
    exif = PIL.Image.Exif()
    exif[0x0112], exif[0x010E] = orientation, "a house"
    data = encoded(image, exif=exif)
    photo = open_picture(data)
    from PIL import ImageOps

    expected = np.asarray(ImageOps.exif_transpose(PIL.Image.open(io.BytesIO(data))))
    assert (photo.pixels == expected).all()
    again = PIL.Image.open(io.BytesIO(photo.encode("PNG")[0])).getexif()
    assert again.get(0x010E) == "a house" and 0x0112 not in again
    assert bool(photo.notes) == (orientation > 1)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_profile_description_and_resolution_stay(format, image, mask):
    exif = PIL.Image.Exif()
    exif[0x010F] = "Camera"
    data = encoded(image, format, icc_profile=SRGB, exif=exif, dpi=(300, 300))
    photo, again, _ = roundtrip(data, mask, format)
    assert photo.format == again.format == format
    assert again.icc == SRGB
    assert PIL.Image.open(io.BytesIO(photo.encode("PNG")[0])).getexif()[0x010F] == "Camera"
    if format in ("PNG", "JPEG", "TIFF"):
        assert again.dpi == pytest.approx((300, 300), rel=1e-3)


def test_16_bit_colour_keeps_its_profile(mask):
    deep = np.zeros((72, 97, 3), np.uint16)
    data = cv2.imencodeWithMetadata(".png", deep, [cv2.IMAGE_METADATA_ICCP], [np.frombuffer(SRGB, np.uint8)[None]])
    photo, again, _ = roundtrip(data[1].tobytes(), mask)
    assert photo.icc == again.icc == SRGB


@pytest.mark.parametrize(
    "mode, words",
    [("P", "palette"), ("1", "1 converted to L"), ("CMYK", "CMYK")],
)
def test_conversions_are_told(mode, words, image):
    format = "TIFF" if mode == "CMYK" else "PNG"
    photo = open_picture(encoded(PIL.Image.fromarray(image).convert(mode), format))
    assert photo.pixels.dtype == np.uint8 and any(words in note for note in photo.notes)
    assert photo.rgb.shape == image.shape


def test_palette_transparency_becomes_alpha(image):
    data = encoded(PIL.Image.fromarray(image).convert("P"), transparency=3)
    assert open_picture(data).pixels.shape[2] == 4


def test_transparency_is_seen_as_white_and_kept(image, mask):
    pixels = np.dstack([image, np.zeros((72, 97), np.uint8)])
    photo, again, _ = roundtrip(encoded(pixels), mask)
    assert (photo.rgb == 255).all() and (again.alpha == 0).all() and (again.pixels[~mask] == pixels[~mask]).all()
    _, notes = photo.encode("JPEG")
    assert any("transparency" in note for note in notes)


def png(width, height, data=b"", depth=8, colour=2):
    """A PNG of those dimensions with whatever pixels."""

    def chunk(kind, body):
        return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")

    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([depth, colour, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


def animated(image):
    frames = [PIL.Image.fromarray(np.roll(image, k, 0)) for k in range(3)]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    return out.getvalue()


HOSTILE = {
    "empty": (lambda i: b"", "empty"),
    "text": (lambda i: b"hello there", "not a picture"),
    "html": (lambda i: b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture"),
    "truncated png": (lambda i: encoded(i)[: len(encoded(i)) // 2], "damaged"),
    "truncated jpeg": (lambda i: encoded(i, "JPEG")[:700], "damaged"),
    "bomb": (lambda i: png(60000, 60000), "million pixels"),
    "bomb beyond Pillow's guard": (lambda i: png(2**31 - 1, 2**31 - 1), "million pixels|damaged"),
    "no pixels behind the head": (lambda i: png(64, 64), "damaged"),
    "16 bit without pixels": (lambda i: png(64, 64, b"", 16), "damaged"),
    "animated gif": (animated, "3 frames"),
    "eps": (lambda i: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a picture"),
    "float tiff": (lambda i: encoded(i[..., 0].astype(np.float32), "TIFF"), "not supported"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_files_are_explained(case, image):
    make, words = HOSTILE[case]
    with pytest.raises(InpaintError, match=words) as caught:
        open_picture(make(image))
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 250


def test_missing_files_and_folders_are_explained(tmp_path):
    for path in (tmp_path / "no.png", tmp_path, tmp_path / ("x" * 300), "a\0b"):
        with pytest.raises(InpaintError):
            open_picture(path)


def test_a_photo_with_its_own_preview_is_not_an_animation(image):
    out = io.BytesIO()
    PIL.Image.fromarray(image).save(out, "MPO", save_all=True, append_images=[PIL.Image.fromarray(image[:9, :9])])
    photo = open_picture(out.getvalue())
    assert photo.shape == image.shape[:2] and photo.format == "JPEG"


def test_masks_say_how_they_were_read(mask):
    white = np.where(mask, 255, 0).astype(np.uint8)
    read, said = read_mask(encoded(white), mask.shape)
    assert (read == mask).all() and not said
    read, said = read_mask(encoded(np.where(mask, 180, 90).astype(np.uint8)), mask.shape)
    assert (read == mask).all() and "above 127" in said[0]
    painted = np.dstack([white * 0, white * 0, white * 0, np.where(mask, 127, 0).astype(np.uint8)])
    read, said = read_mask(encoded(painted), mask.shape)
    assert (read == mask).all() and "transparency" in said[0]
    read, said = read_mask(encoded(np.kron(white, np.ones((3, 3), np.uint8))), mask.shape)
    assert (read == mask).all() and "resized from 291 × 216" in said[0]
    with pytest.raises(InpaintError, match="97 × 72"):
        read_mask(encoded(white.T.copy()), mask.shape)


def test_files_are_written_whole_or_not_at_all(tmp_path, image):
    photo = open_picture(encoded(image))
    for path in (tmp_path / "no" / "out.png", tmp_path, tmp_path / "out.xyz", tmp_path / "out"):
        with pytest.raises(InpaintError):
            photo.save(path)
    (tmp_path / "out.png").write_bytes(b"former")
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000));"
        "from pathlib import Path; from inpaint import InpaintError; from inpaint.imaging import files\n"
        "try: files.write(Path(sys.argv[1]), b'x' * 5000)\n"
        "except InpaintError as error: print(error)"
    )
    said = subprocess.check_output([sys.executable, "-c", code, str(tmp_path / "out.png")], text=True)
    assert "cannot be written" in said
    assert (tmp_path / "out.png").read_bytes() == b"former"
    assert [p.name for p in tmp_path.iterdir()] == ["out.png"], "a part file was left behind"
    photo.save(tmp_path / "out.png")
    assert (open_picture(tmp_path / "out.png").pixels == image).all()


def test_the_limit_is_the_one_stated(image, monkeypatch):
    monkeypatch.setattr(picture, "MAX_MEGAPIXELS", 0.001)
    with pytest.raises(InpaintError, match=r"97 × 72; the limit is 0\.001 million"):
        open_picture(encoded(image))
