"""What a picture file says beside its pixels: what of it is kept, and the names of all that is not."""

import struct
from collections.abc import Iterable, Iterator

import PIL.Image
from PIL import ExifTags

ORIENTATION = 0x0112
DESCRIPTIVE = {0x010D, 0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x013C, 0x8298, 0x8769, 0x8825}
RESOLUTION = {0x011A, 0x011B, 0x0128}
LAYOUT = {  # how a TIFF file stores its pixels: another file stores them otherwise
    *(0x00FE, 0x00FF, 0x0100, 0x0101, 0x0102, 0x0103, 0x0106, 0x010A, 0x0111, 0x0115, 0x0116, 0x0117),
    *(0x0118, 0x0119, 0x011C, 0x013D, 0x0140, 0x0142, 0x0143, 0x0144, 0x0145, 0x0152, 0x0153, 0x015B),
    *(0x0211, 0x0212, 0x0213, 0x0214),
}
PROFILE = 0x8773
NAMED = {0x02BC: "XMP", 0x83BB: "IPTC", 0x8649: "Photoshop data"}
PNG_KEPT = {"IHDR", "PLTE", "tRNS", "IDAT", "IEND", "iCCP", "pHYs", "eXIf"}
PNG_OF_THE_FILE = {"sRGB", "bKGD", "hIST", "sBIT", "sPLT", "tIME"}  # of no account once it is written anew
PNG_TEXT = {"tEXt", "zTXt", "iTXt"}
JPEG_SEGMENTS = {  # what a segment begins with, and what is lost with it; "": nothing
    "APP0": {b"": ""},
    "APP1": {b"Exif\0": "", b"http://ns.adobe.com/": "XMP"},
    "APP2": {b"ICC_PROFILE\0": "", b"MPF\0": ""},
    "APP13": {b"Photoshop": "Photoshop data"},
    "APP14": {b"Adobe": ""},
    "COM": {b"": "text"},
}
MOST = 8  # names in a note
SRGB = 45455  # the gamma of sRGB as PNG writes it: what a file without a profile is taken for


def exif(im: PIL.Image.Image) -> tuple[bytes | None, int, list[str]]:
    """The EXIF block without orientation and thumbnail, the orientation, 1 to 8, and what was left out of it."""
    try:
        found = im.getexif()
        orientation = int(found.pop(ORIENTATION, 1))
        lost, own = [], DESCRIPTIVE if im.format == "TIFF" else set(found) - LAYOUT
        for tag in set(found) - own:
            lost += [] if tag in LAYOUT | RESOLUTION | {PROFILE} else [_named(tag)]
            del found[tag]
        return (found.tobytes() if len(found) else None), orientation, _few(sorted(lost))
    except Exception:  # a broken block counts as none
        return None, 1, ["EXIF, which is damaged,"]


def _named(tag: int) -> str:
    return NAMED.get(tag) or ExifTags.TAGS.get(tag) or f"tag {tag}"


def lost(im: PIL.Image.Image, data: bytes) -> list[str]:
    """What else the file holds that a picture does not keep, by name."""
    if im.format == "PNG":
        return _few(_lost_of_png(data))
    if im.format in ("JPEG", "MPO"):
        return _few(_lost_of_jpeg(im))
    names = {"xmp": "XMP", "comment": "text"}
    return [name for key, name in names.items() if im.info.get(key) and im.format != "TIFF"]


def _few(names: Iterable[str]) -> list[str]:
    """Each name once, as it can be shown, and no more than a reader takes in: a file may hold any number."""
    once = list(dict.fromkeys("".join(filter(str.isprintable, name)) for name in names))
    return once if len(once) <= MOST else [*once[:MOST], f"and {len(once) - MOST} more"]


def _lost_of_png(data: bytes) -> Iterator[str]:
    chunks = list(png_chunks(data))
    kinds = {kind for kind, _ in chunks}
    for kind, body in chunks:
        if kind in PNG_TEXT:
            key = body.split(b"\0", 1)[0].decode("latin-1")[:79]
            yield "XMP" if key == "XML:com.adobe.xmp" else f"text “{key}”"
        elif kind == "pHYs" and len(body) == 9 and body[8] != 1 and body[:4] != body[4:8]:
            yield "pixel proportions"
        elif kind in ("gAMA", "cHRM"):  # a profile, or sRGB's name, counts before them
            if not {"iCCP", "sRGB"} & kinds and not (kind == "gAMA" and body == struct.pack(">I", SRGB)):
                yield {"gAMA": "gamma", "cHRM": "primary colours"}[kind]
        elif kind not in PNG_KEPT | PNG_OF_THE_FILE:
            yield f"chunk {kind}"


def png_chunks(data: bytes) -> Iterator[tuple[str, bytes]]:
    """The chunks of a PNG file as far as they are whole: what each is, and its bytes."""
    at = 8
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        yield kind.decode("latin-1"), data[at + 8 : at + 8 + size] if kind != b"IDAT" else b""
        at += 12 + size


def _lost_of_jpeg(im: PIL.Image.Image) -> Iterator[str]:
    for marker, body in getattr(im, "applist", ()):
        heads = JPEG_SEGMENTS.get(marker, {})
        name = next((name for head, name in heads.items() if body.startswith(head)), f"segment {marker}")
        if name:
            yield name
