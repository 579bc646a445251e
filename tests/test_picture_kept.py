"""Of every picture in every format: what is kept reads back equal, and what is lost is said."""

import io
import itertools
import struct
import threading
import warnings
import zlib

import numpy as np
import PIL.Image
import pytest
from PIL import ImageCms, PngImagePlugin

from inpaint import InpaintError
from inpaint.imaging import picture
from inpaint.imaging.picture import WRITES, Picture, open_picture

RGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
GREY = RGB[:16] + b"GRAY" + RGB[20:]
CHANNELS = {"grey": 1, "grey + alpha": 2, "rgb": 3, "rgba": 4}
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>'


def exif_block(**more):
    block = PIL.Image.Exif()
    block[0x010F], block[0x010E] = "Camera", "a house"
    block.get_ifd(0x8769)[0x829A] = 0.5  # exposure time
    block.get_ifd(0x8769)[0x9003] = "2020:01:02 03:04:05"
    block.get_ifd(0x8825)[1] = "N"
    for tag, value in more.items():
        block[int(tag, 16)] = value
    return block.tobytes()


def facts(exif):
    """An EXIF block as plain values, without where its parts lie."""
    block = PIL.Image.Exif()
    block.load(exif)
    parts = [dict(block), *(dict(block.get_ifd(tag)) for tag in (0x8769, 0x8825))]
    return [{k: v for k, v in part.items() if k not in (0x8769, 0x8825)} for part in parts]


def pixels_of(kind, depth):
    rng = np.random.default_rng(3)
    pixels = rng.integers(0, 2**depth, (11, 14, CHANNELS[kind]), np.uint16 if depth == 16 else np.uint8)
    if depth == 16:
        pixels[0, 0] = 12345  # not the same byte twice, so that 8 bits cannot hold it
    return pixels


def same(key, before, after):
    if key == "exif":
        return facts(before) == facts(after)
    return after == (pytest.approx(before, rel=0.02) if key == "dpi" else before)


@pytest.mark.parametrize("kind", CHANNELS)
@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("format", WRITES)
def test_kept_and_equal_or_lost_and_said(format, depth, kind):
    pixels = pixels_of(kind, depth)
    everything = {"icc": GREY if CHANNELS[kind] < 3 else RGB, "exif": exif_block(), "dpi": (300.0, 150.0)}
    for there in itertools.chain.from_iterable(itertools.combinations(everything, n) for n in range(4)):
        given = {key: everything[key] for key in there}
        data, notes = Picture(pixels, **given).encode(format)
        said, again = "; ".join(notes), open_picture(data)
        assert not again.notes, "what is written is read without a loss"
        assert all(
            key in picture.KEEPS[format] or name in said for key, name in picture.NAMES.items() if key in given
        )
        for key, name in picture.NAMES.items():
            back = getattr(again, key)
            if key not in given:  # some formats write a resolution where there is none
                assert (back is None or key == "dpi") and name not in said
            elif name not in said:
                assert same(key, given[key], back)
        assert ("16 bit reduced" in said) == (again.pixels.dtype != pixels.dtype)
        assert ("transparency" in said) == (CHANNELS[kind] in (2, 4) and again.alpha is None)
        assert ("grey written as RGB" in said) == (CHANNELS[kind] < 3 and again.pixels.shape[2] > 2)
        assert ("every pixel" in said) == (format == "JPEG")
        if not said.replace(" not kept", ""):
            assert again.pixels.shape == pixels.shape and (again.pixels == pixels).all()


@pytest.mark.parametrize("kind", CHANNELS)
def test_png_keeps_everything_in_16_bit_as_the_standard_has_it(kind):
    icc = GREY if CHANNELS[kind] < 3 else RGB
    data, notes = Picture(pixels_of(kind, 16), icc=icc, exif=exif_block(), dpi=(300, 300)).encode("PNG")
    found, at = {}, 8
    while at < len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + size]
        assert struct.unpack_from(">I", data, at + 8 + size)[0] == zlib.crc32(name + body)
        found[name], at = body, at + 12 + size
    assert found[b"IHDR"][8:10] == bytes([16, {1: 0, 2: 4, 3: 2, 4: 6}[CHANNELS[kind]]]), "depth and colour type"
    assert found[b"eXIf"][:4] in (b"MM\0*", b"II*\0"), "no head of a JPEG's segment"
    assert struct.unpack(">IIB", found[b"pHYs"]) == (11811, 11811, 1)
    assert zlib.decompress(found[b"iCCP"].split(b"\0", 1)[1][1:]) == icc and not notes


def saved(mode, format, **options):
    out = io.BytesIO()
    rgb = PIL.Image.fromarray(pixels_of("rgb", 8))
    (PIL.Image.fromarray(pixels_of("grey", 16)[..., 0]) if mode == "I;16" else rgb.convert(mode)).save(
        out, format, **options
    )
    return out.getvalue()


MODES = {
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "JPEG": ("L", "RGB", "CMYK"),
    "WEBP": ("RGB", "RGBA"),
    "TIFF": ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"),
    "BMP": ("1", "L", "P", "RGB"),
}
READ = [(format, mode) for format, modes in MODES.items() for mode in modes]


@pytest.mark.parametrize("format, mode", READ)
def test_what_a_file_holds_is_kept_or_said(format, mode):
    """Whatever it was read from, written as PNG."""
    given = {"exif": exif_block(), "dpi": (300, 150), "icc_profile": GREY if mode in "1 LA I;16" else RGB}
    photo = open_picture(saved(mode, format, **(given if mode != "CMYK" else given | {"icc_profile": None})))
    for key in picture.KEEPS[format]:
        if (key, mode) == ("icc", "CMYK"):
            continue  # a profile of CMYK is used up by the conversion
        assert same(key, given["icc_profile" if key == "icc" else key], getattr(photo, key)), key
    again = open_picture(photo.encode("PNG")[0])
    assert (again.pixels == photo.pixels).all()
    for key in picture.NAMES:
        assert getattr(photo, key) is None or same(key, getattr(photo, key), getattr(again, key))


def text(**words):
    info = PngImagePlugin.PngInfo()
    for key, value in words.items():
        info.add_text(key, value)
    return info


def chunked(*chunks):
    info = PngImagePlugin.PngInfo()
    for kind, body in chunks:
        info.add(kind, body)
    return {"pnginfo": info}


LOST = {
    "xmp in png": ("PNG", lambda: {"pnginfo": text(**{"XML:com.adobe.xmp": "<x/>"})}, "XMP not kept"),
    "xmp in jpeg": ("JPEG", lambda: {"xmp": XMP}, "XMP not kept"),
    "xmp in webp": ("WEBP", lambda: {"xmp": XMP}, "XMP not kept"),
    "xmp in tiff": ("TIFF", lambda: {"tiffinfo": {700: XMP}}, "XMP not kept"),
    "xmp in avif": ("AVIF", lambda: {"xmp": XMP}, "XMP not kept"),
    "text in png": ("PNG", lambda: {"pnginfo": text(Title="a", B="b")}, "text “Title”, text “B” not kept"),
    "text in jpeg": ("JPEG", lambda: {"comment": b"hello"}, "text not kept"),
    "text in gif": ("GIF", lambda: {"comment": b"hello"}, "text not kept"),
    "gamma": ("PNG", lambda: chunked((b"gAMA", struct.pack(">I", 100000))), "gamma not kept"),
    "primaries": ("PNG", lambda: chunked((b"cHRM", bytes(32))), "primary colours not kept"),
    "colour code": ("PNG", lambda: chunked((b"cICP", bytes([9, 16, 0, 1]))), "chunk cICP not kept"),
    "provenance": ("PNG", lambda: chunked((b"caBX", b"manifest")), "chunk caBX not kept"),
    "photoshop": ("TIFF", lambda: {"tiffinfo": {0x8649: b"8BIM"}}, "Photoshop data not kept"),
    "private": ("TIFF", lambda: {"tiffinfo": {65000: "mine"}}, "tag 65000 not kept"),
}


@pytest.mark.parametrize(
    "case, deep", [(case, deep) for case in LOST for deep in (False, True) if not deep or LOST[case][0] == "PNG"]
)
def test_what_is_not_kept_is_said_on_reading(case, deep):
    format, options, words = LOST[case]
    data = saved("RGB", format, **options())
    if deep:  # the same chunks before the pixels of 16 bit
        body = Picture(pixels_of("rgb", 16)).encode("PNG")[0]
        data = body[:33] + data[33 : data.index(b"IDAT") - 4] + body[33:]
    assert open_picture(data).notes[-1] == words


def test_ordinary_files_are_read_without_a_word():
    for format in WRITES:
        assert not open_picture(saved("RGB", format)).notes
    plain = saved("RGB", "PNG", **chunked((b"gAMA", struct.pack(">I", 45455)), (b"tIME", bytes(7))))
    assert not open_picture(plain).notes


@pytest.mark.parametrize("channels", [1, 3])
def test_a_transparent_colour_of_16_bit_becomes_alpha(channels):
    pixels = pixels_of("grey" if channels == 1 else "rgb", 16)
    data = Picture(pixels).encode("PNG")[0]
    body = b"tRNS" + pixels[2, 3].astype(">u2").tobytes()
    data = data[:33] + struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body)) + data[33:]
    photo = open_picture(data)
    assert photo.pixels.shape[2] == channels + 1 and (photo.pixels[..., :-1] == pixels).all()
    assert photo.alpha[2, 3] == 0 and (photo.alpha == 0).sum() == 1
    assert any("transparent colour" in note for note in photo.notes)


def test_a_file_full_of_words_is_told_of_in_few():
    (note,) = open_picture(saved("RGB", "PNG", pnginfo=text(**{f"key\x07{n}": "x" for n in range(500)}))).notes
    assert note.endswith("text “key7”, and 492 more not kept") and note.isprintable()


def test_proportions_of_pixels_are_said():
    data, body = saved("RGB", "PNG"), b"pHYs" + struct.pack(">IIB", 3, 4, 0)
    data = data[:33] + struct.pack(">I", 9) + body + struct.pack(">I", zlib.crc32(body)) + data[33:]
    assert open_picture(data).notes == ("pixel proportions not kept",)


def test_a_file_that_stores_its_size_in_exif_is_written_as_tiff():
    exif = exif_block(**{"0x0100": 4000, "0x0101": 3000, "0x0103": 6})
    photo = open_picture(saved("RGB", "JPEG", exif=exif))
    again = open_picture(photo.encode("TIFF")[0])
    assert again.shape == photo.shape and (again.pixels == photo.pixels).all()
    assert facts(again.exif)[0] == {0x010F: "Camera", 0x010E: "a house"}


def test_exif_that_is_too_long_for_a_jpeg_is_said():
    exif = exif_block(**{"0x010E": "x" * 70000})
    data, notes = Picture(pixels_of("rgb", 8), exif=exif).encode("JPEG")
    assert open_picture(data).exif is None and "EXIF not kept by JPEG" in notes


def test_damaged_exif_is_said():
    photo = open_picture(saved("RGB", "PNG", exif=b"Exif\0\0" + b"junk" * 9))
    assert photo.exif is None and any("EXIF" in note for note in photo.notes)


def test_grey_with_transparency_on_white_stays_grey_with_its_profile():
    data, _ = Picture(pixels_of("grey + alpha", 8), icc=GREY).encode("JPEG")
    again = open_picture(data)
    assert again.pixels.shape[2] == 1 and again.icc == GREY


@pytest.mark.parametrize("format, side", [("WEBP", 16384), ("JPEG", 65536)])
def test_a_side_too_long_for_the_format_is_explained(format, side):
    with pytest.raises(InpaintError, match=f"cannot be written as {format}.*PNG"):
        Picture(np.zeros((1, side, 3), np.uint8)).encode(format)


def test_colours_of_more_than_8_bit_that_are_read_in_8_are_said():
    photo = open_picture(b"P6 2 1 65535\n" + bytes(range(12)))
    assert photo.notes == ("16 bit reduced to 8",)
    assert not open_picture(b"P6 2 1 255\n" + bytes(range(6))).notes


def test_reading_hides_no_warning_of_another_thread(monkeypatch):
    decode = picture._decode

    def meanwhile(*given):
        thread = threading.Thread(target=warnings.warn, args=("of another",))
        thread.start()
        thread.join()
        return decode(*given)

    monkeypatch.setattr(picture, "_decode", meanwhile)
    with pytest.warns(UserWarning, match="of another"):
        open_picture(saved("RGB", "PNG"))


def test_remarks_on_broken_metadata_are_no_errors():
    broken = saved("RGB", "JPEG", exif=exif_block())
    at = broken.index(b"Exif\0\0") + 6
    broken = broken[: at + 10] + b"\xff" * 12 + broken[at + 22 :]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert open_picture(broken).shape == (11, 14)
