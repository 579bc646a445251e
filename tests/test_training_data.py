"""What networks are trained with: holes of every share, and photos from files that nobody vouches for."""

import gzip
import io
import os
import tarfile
import zlib

import cv2
import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from inpaint import InpaintError
from inpaint.training import data, masks
from inpaint.training.data import Photos

GENERATORS = {"box": masks.box, "stroke": masks.stroke, "blotch": masks.blotch, "mixed": masks.mixed}
SHAPES = [(32, 32), (17, 40), (40, 17), (64, 96)]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


# ---- holes


@pytest.fixture(scope="module")
def holes():
    """200 of them, as (the share that was asked for, the hole)."""
    return [(rng(seed).uniform(masks.LEAST, masks.MOST), masks.mixed(rng(seed), (64, 64))) for seed in range(200)]


def test_every_share_occurs(holes):
    counts, _ = np.histogram([hole.mean() for _, hole in holes], bins=[0.01, *np.arange(0.1, 0.7, 0.1)])
    assert counts.min() >= 18  # of 33 on average
    fine, _ = np.histogram([hole.mean() for _, hole in holes], bins=np.arange(0.01, 0.6, 0.05))
    assert fine.min() >= 1


def test_no_hole_is_empty_or_larger_than_meant(holes):
    for asked, hole in holes:
        assert 0 < hole.mean() <= 0.62
        assert abs(hole.mean() - asked) <= 0.02 + 1e-9


def test_the_smallest_pictures_have_holes_too():
    shares = [masks.mixed(rng(seed), (8, 8)).mean() for seed in range(100)]
    assert 0 < min(shares) <= max(shares) <= 0.62


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", GENERATORS)
def test_holes_of_any_shape(name, shape):
    for seed in range(20):
        hole = GENERATORS[name](rng(seed), shape)
        assert hole.shape == shape
        assert hole.dtype == bool
        assert hole.any()


@pytest.mark.parametrize("name", GENERATORS)
def test_the_seed_says_which_hole(name):
    first, again, other = (GENERATORS[name](rng(seed), (48, 64)) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_box_is_one_and_up_to_an_eighth_shorter():
    sides, places = set(), set()
    for seed in range(300):
        rows, columns = np.nonzero(masks.box(rng(seed), (256, 256)))
        size = (int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1)
        assert len(rows) == size[0] * size[1]
        sides |= set(size)
        places.add((rows.min(), columns.min()))
    assert (min(sides), max(sides)) == (112, 128)
    assert len(places) > 250


def test_strokes_go_up_and_down_by_turns():
    """Those that always went one way would end at the border."""
    ends = [hole[0].any() or hole[-1].any() for hole in (masks.stroke(rng(seed), (256, 256)) for seed in range(60))]
    assert 10 < sum(ends) < 40


def test_a_box_fits_whatever_its_side():
    shares = [masks.box(rng(seed), (64, 64), 256).mean() for seed in range(60)]
    assert 0.76 < min(shares) < max(shares) == 1


def test_a_stroke_is_in_one_piece_and_as_wide_as_the_brush():
    for seed in range(30):
        stroke = masks.stroke(rng(seed), (256, 256)).astype(np.uint8)
        assert cv2.connectedComponents(stroke)[0] == 2  # the known and the stroke
        assert cv2.erode(stroke, np.ones((7, 7), np.uint8)).any()  # 12 pixels or more
    assert {masks.stroke(rng(seed), (256, 256))[:128].mean() > 0.1 for seed in range(30)} == {True, False}


# ---- photos


def png(pixels, mode=None, **saved) -> bytes:
    picture = pixels if isinstance(pixels, Pillow.Image) else Pillow.fromarray(pixels)
    file = io.BytesIO()
    (picture.convert(mode) if mode else picture).save(file, saved.pop("format", "PNG"), **saved)
    return file.getvalue()


def plain(value: int, shape=(30, 40)) -> np.ndarray:
    return np.full((*shape, 3), value, np.uint8)


def noise(seed: int, shape=(30, 40)) -> np.ndarray:
    return rng(seed).integers(0, 256, (*shape, 3), np.uint8)


def write(folder, files: dict[str, bytes]):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def pack(path, files: dict[str, bytes]):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as shard:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            shard.addfile(member, io.BytesIO(content))
    return path.parent


@pytest.fixture
def shades(tmp_path):
    """Ten photos, each of one grey value, which a crop of it has too."""
    write(tmp_path / "shades", {f"{value:03}.png": png(plain(value)) for value in range(0, 100, 10)})
    return Photos(tmp_path / "shades")


def test_a_folder_and_tar_shards_give_the_same(tmp_path):
    files = {f"{i}.png": png(noise(i)) for i in range(6)}
    loose = Photos(write(tmp_path / "loose", files | {"notes.txt": b"no picture"}))
    names = sorted(files)
    for number in range(2):
        pack(tmp_path / f"packed/shard-{number}.tar", {name: files[name] for name in names[number * 3 :][:3]})
    packed = Photos(tmp_path / "packed")
    assert len(loose) == len(packed) == 6
    for i in range(6):
        np.testing.assert_array_equal(loose[i], noise(i))
        np.testing.assert_array_equal(packed[i], noise(i))
    for a, b in zip(data.batch(loose, 3, range(6), 16), data.batch(packed, 3, range(6), 16), strict=True):
        assert torch.equal(a, b)
    assert loose.digest() == packed.digest()


def test_subfolders_count(tmp_path):
    write(tmp_path, {"a/b.png": png(plain(1)), "c.JPG": png(plain(2), format="JPEG")})
    pack(tmp_path / "d/e.tar", {"f.png": png(plain(3))})
    assert [p.name for p in Photos(tmp_path).places] == ["a/b.png", "c.JPG", "f.png"]


def test_the_digest_is_of_names_and_sizes(tmp_path):
    photos = [Photos(write(tmp_path / n, {n: png(plain(1))})) for n in ("a.png", "b.png")]
    assert photos[0].digest() != photos[1].digest()
    assert photos[0].digest() == Photos(photos[0].folder).digest()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_what_is_kept_for_validation(tmp_path, encoding):
    write(tmp_path, {f"{i}.png": png(plain(i)) for i in range(4)})
    pack(tmp_path / "s.tar", {f"s{i}.png": png(plain(100 + i)) for i in range(2)})
    rows = "file,split\n0.png,train\n1.png,val\n2.png,\ns1.png,val\ngone.png,val\n"
    (tmp_path / "manifest.csv").write_text(rows, encoding)
    assert [p.name for p in Photos(tmp_path, "train").places] == ["0.png", "2.png", "3.png", "s0.png"]
    held = Photos(tmp_path, "val")
    assert [int(held[i][0, 0, 0]) for i in range(len(held))] == [1, 101]


def test_without_a_manifest_nothing_is_kept(shades):
    assert len(shades) == 10
    assert len(Photos(shades.folder, "val")) == 0


@pytest.mark.parametrize("content", [b"file,split\n\xff\xfe,val\n", b'file,split\n"' + b"a" * 200_000 + b'",val\n'])
def test_a_manifest_that_is_no_table(tmp_path, content):
    write(tmp_path, {"0.png": png(plain(0)), "manifest.csv": content})
    with pytest.raises(InpaintError, match=r"manifest\.csv"):
        Photos(tmp_path)


def test_folders_without_pictures(tmp_path):
    with pytest.raises(InpaintError, match="is not a folder"):
        Photos(tmp_path / "gone")
    with pytest.raises(InpaintError, match="no pictures to train on"):
        Photos(tmp_path)
    write(tmp_path, {"0.png": png(plain(0)), "manifest.csv": b"file,split\n0.png,val\n"})
    with pytest.raises(InpaintError, match="no pictures to train on"):
        Photos(tmp_path)


# ---- photos that nobody vouches for

WHOLE = png(noise(0, (64, 64)))


def bomb() -> bytes:
    """A PNG that says it has 60000 × 60000 pixels."""
    head = bytearray(WHOLE)
    head[16:24] = (60000).to_bytes(4, "big") * 2
    head[29:33] = zlib.crc32(head[12:29]).to_bytes(4, "big")
    return bytes(head)


BROKEN = {
    "cut": WHOLE[: len(WHOLE) // 2],
    "text": b"not a picture",
    "empty": b"",
    "bomb": bomb(),
    "webp": b"RIFF\xff\xff\xff\xffWEBPVP8 " + b"\0" * 40,
    "tiff": b"II*\0\x08\0\0\0\xff\xff" + b"\xff" * 60,
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_picture_is_passed_over_and_told_of(tmp_path, name):
    write(tmp_path, {f"{name}.png": BROKEN[name], "whole.png": png(plain(77))})
    photos = Photos(tmp_path)
    at = [place.name for place in photos.places].index(f"{name}.png")
    with pytest.raises(InpaintError, match=rf"^{name}\.png cannot be read"):
        photos[at]
    assert photos.broken == {f"{name}.png"}
    again = Photos(tmp_path)
    batch = data.batch(again, 0, range(4), 8)
    assert torch.equal(batch.photo, torch.full_like(batch.photo, 77 / 255))
    assert again.broken == {f"{name}.png"}


def test_nothing_but_broken_pictures(tmp_path):
    photos = Photos(write(tmp_path, {f"{name}.png": content for name, content in BROKEN.items()}))
    with pytest.raises(InpaintError, match="cannot be read"):
        data.sample(photos, 0, 0, 16)
    assert len(photos.broken) == len(BROKEN)


def test_what_replaces_a_broken_picture_is_always_the_same(tmp_path):
    files = {f"{i}.png": png(plain(i)) for i in range(0, 60, 10)} | {"x.png": b"broken", "y.png": b"broken"}
    write(tmp_path, files)
    first = [data.sample(Photos(tmp_path), 5, number, 8) for number in range(16)]
    photos = Photos(tmp_path)
    for number in reversed(range(16)):
        for a, b in zip(first[number], data.sample(photos, 5, number, 8), strict=True):
            np.testing.assert_array_equal(a, b)


def negative() -> bytes:
    """After its second member comes the second again."""
    first, second = tarfile.TarInfo("a.png"), tarfile.TarInfo("b.png")
    second.size = -512
    return first.tobuf() + second.tobuf(tarfile.GNU_FORMAT) + bytes(1024)


def packed(tmp_path) -> bytes:
    pack(tmp_path / "elsewhere/a.tar", {"a.png": WHOLE, "b.png": WHOLE})
    return (tmp_path / "elsewhere/a.tar").read_bytes()


@pytest.mark.parametrize(
    "spoil",
    [
        gzip.compress,
        lambda tar: tar[: len(WHOLE) // 2],
        lambda tar: b"not a tar file" * 100,
        lambda tar: b"",
        lambda tar: negative(),
    ],
    ids=["compressed", "cut", "text", "empty", "negative"],
)
def test_a_tar_that_cannot_be_used(tmp_path, spoil):
    write(tmp_path / "data", {"s.tar": spoil(packed(tmp_path)), "a.png": WHOLE})
    with pytest.raises(InpaintError, match=r"s\.tar is not an uncompressed tar file"):
        Photos(tmp_path / "data")


def test_a_tar_is_read_in_place(tmp_path):
    (tmp_path / "secret.png").write_bytes(png(plain(9)))
    path = tmp_path / "deep/er/s.tar"
    pack(path, {"../../x.png": png(plain(1)), "/abs.png": png(plain(2)), "../../secret.png": png(plain(3))})
    with tarfile.open(path, "a") as shard:
        for kind, name in (
            (tarfile.SYMTYPE, "soft.png"),
            (tarfile.LNKTYPE, "hard.png"),
            (tarfile.DIRTYPE, "d.png"),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, str(tmp_path / "secret.png")
            shard.addfile(member)
    before = sorted(tmp_path.rglob("*"))
    photos = Photos(path.parent)
    assert [p.name for p in photos.places] == ["../../x.png", "/abs.png", "../../secret.png"]
    assert [int(photos[i][0, 0, 0]) for i in range(3)] == [1, 2, 3]
    assert sorted(tmp_path.rglob("*")) == before
    assert not os.path.exists("/abs.png")


def test_only_files_are_opened(tmp_path):
    write(tmp_path, {"folder.tar/a.png": png(plain(1)), "folder.png/b.png": png(plain(2))})
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.tar")  # opening it would wait for ever
        os.mkfifo(tmp_path / "pipe.png")
    assert [p.name for p in Photos(tmp_path).places] == ["folder.png/b.png", "folder.tar/a.png"]


# ---- pictures of every kind


def only(tmp_path, content: bytes, suffix="png") -> np.ndarray:
    return Photos(write(tmp_path, {f"a.{suffix}": content}))[0]


def test_transparency_is_laid_on_white(tmp_path):
    pixels = np.zeros((2, 3, 4), np.uint8)
    pixels[..., 0] = 200
    pixels[:, 1, 3], pixels[:, 2, 3] = 255, 102
    found = only(tmp_path, png(pixels))
    assert found.dtype == np.uint8
    assert found[0].tolist() == [[255, 255, 255], [200, 0, 0], [233, 153, 153]]


def test_palettes(tmp_path):
    picture = Pillow.new("P", (3, 2))
    picture.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    picture.putdata([0, 1, 2] * 2)
    assert only(tmp_path, png(picture))[0].tolist() == [[10, 20, 30], [40, 50, 60], [70, 80, 90]]
    holed = png(picture, transparency=bytes([255, 0, 255]))
    assert only(tmp_path, holed)[0].tolist() == [[10, 20, 30], [255, 255, 255], [70, 80, 90]]


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bits_of_grey_become_8(tmp_path, suffix):
    grey = np.array([[0, 257, 0x80FF, 0xFFFF]], np.uint16)
    content = png(grey, format={"png": "PNG", "tif": "TIFF"}[suffix])
    assert only(tmp_path, content, suffix)[0].tolist() == [[v] * 3 for v in (0, 1, 128, 255)]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "CMYK"])
def test_other_kinds_have_three_channels(tmp_path, mode):
    content = png(plain(255), mode, format="TIFF")
    np.testing.assert_array_equal(only(tmp_path, content, "tif"), plain(255))


@pytest.mark.parametrize(("kind", "suffix"), [("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp")])
def test_pictures_are_upright(tmp_path, kind, suffix):
    """Stored on its side: the sky is on the left, as a camera held upright writes it with orientation 6."""
    stored = plain(0, (32, 64))
    stored[:, :32] = 255
    exif = Pillow.Exif()
    exif[0x0112] = 6
    found = only(tmp_path, png(stored, format=kind, exif=exif), suffix)
    assert found.shape == (64, 32, 3)
    assert found[:24].min() > 240
    assert found[-24:].max() < 15


def test_large_photos_are_read_small_enough(tmp_path):
    found = only(tmp_path, png(plain(50, (2400, 3200)), format="JPEG"), "jpg")
    assert 512 <= min(found.shape[:2]) < 1024


@pytest.mark.parametrize("size", [64, 256, 500])
@pytest.mark.parametrize("side", [500, 1100])
def test_jpegs_are_as_sharp_as_pngs(tmp_path, size, side):
    """Whatever the size that is asked for: fine detail is neither enlarged nor lost on the way."""
    pixels = noise(0, (side, side))
    kinds = {"png": {"format": "PNG"}, "jpg": {"format": "JPEG", "quality": 100, "subsampling": 0}}
    steps = []
    for suffix, saved in kinds.items():
        folder = write(tmp_path / suffix, {f"a.{suffix}": png(pixels, **saved)})
        photo = data.batch(Photos(folder), 0, range(3), size).photo
        steps.append((photo[..., 1:] - photo[..., :-1]).abs().mean().item())
    assert steps[1] == pytest.approx(steps[0], rel=0.02)


def test_a_crop_is_never_enlarged_from_less_than_the_photo_has(tmp_path, monkeypatch):
    folder = write(tmp_path, {"a.jpg": png(plain(50, (2400, 3200)), format="JPEG")})
    seen, crop = [], data.crop
    monkeypatch.setattr(data, "crop", lambda rng, photo, size: seen.append(photo.shape) or crop(rng, photo, size))
    for size in (64, 128, 512, 1024):
        data.sample(Photos(folder), 0, 0, size)
        assert min(seen[-1][:2]) >= min(2400, 2 * size)
        assert min(seen[-1][:2]) <= max(300, 4 * size)  # and no larger than it takes


# ---- samples


def shade(sample) -> int:
    photo, _ = sample
    assert photo.min() == photo.max()
    return int(photo[0, 0, 0])


def test_every_photo_once_in_each_round_in_another_order(shades):
    drawn = [shade(data.sample(shades, 1, number, 8)) for number in range(40)]
    rounds = [tuple(drawn[at : at + 10]) for at in range(0, 40, 10)]
    assert all(sorted(one) == list(range(0, 100, 10)) for one in rounds)
    assert len(set(rounds)) == 4


def test_a_sample_depends_on_seed_and_number_alone(tmp_path):
    write(tmp_path, {f"{i}.png": png(noise(i)) for i in range(5)})
    photos = Photos(tmp_path)
    forwards = [data.sample(photos, 7, number, 16) for number in range(12)]
    backwards = [data.sample(Photos(tmp_path), 7, number, 16) for number in reversed(range(12))][::-1]
    for one, other in zip(forwards, backwards, strict=True):
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[1], other[1])
    assert len({photo.tobytes() for photo, _ in forwards}) == 12
    assert len({mask.tobytes() for _, mask in forwards}) == 12
    different = data.sample(photos, 8, 0, 16)
    assert not np.array_equal(different[0], forwards[0][0])
    assert not np.array_equal(different[1], forwards[0][1])


def test_two_halves_are_one_batch(shades):
    whole = data.batch(shades, 2, range(4, 12), 16)
    halves = [data.batch(shades, 2, numbers, 16) for numbers in (range(4, 8), range(8, 12))]
    for part in range(2):
        assert torch.equal(whole[part], torch.cat([half[part] for half in halves]))


def test_a_batch_is_what_networks_take(tmp_path):
    photos = Photos(write(tmp_path, {"a.png": png(noise(0))}))
    batch = data.batch(photos, 0, range(3), 24).to("cpu")
    assert batch.photo.shape == (3, 3, 24, 24)
    assert batch.mask.shape == (3, 1, 24, 24)
    assert batch.photo.dtype == batch.mask.dtype == torch.float32
    assert batch.photo.min() >= 0
    assert 0.5 < batch.photo.max() <= 1
    assert batch.mask.unique().tolist() == [0, 1]
    pixels, mask = data.sample(photos, 0, 1, 24)
    np.testing.assert_array_equal((batch.photo[1] * 255).round().permute(1, 2, 0).numpy(), pixels)
    np.testing.assert_array_equal(batch.mask[1, 0].numpy() == 1, mask)


def test_what_is_pinned_goes_to_the_device_while_the_host_goes_on(shades, monkeypatch):
    asked = []
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor: asked.append("pin") or tensor)
    monkeypatch.setattr(torch.Tensor, "is_pinned", lambda tensor: "pin" in asked)
    monkeypatch.setattr(
        torch.Tensor, "to", lambda tensor, device, non_blocking=False: asked.append(non_blocking) or tensor
    )
    batch = data.batch(shades, 0, range(2), 8)
    batch.to("cuda")
    assert asked == [False] * 4
    asked.clear()
    batch.pinned().to("cuda")
    assert asked == ["pin"] * 4 + [True] * 4


@pytest.mark.parametrize("size", [8, 33, 64])
@pytest.mark.parametrize("shape", [(200, 100), (100, 200), (40, 40), (20, 30), (1, 1), (3, 50)], ids=str)
def test_crops_have_the_size_asked_for(shape, size):
    photo = noise(0, shape)
    before = photo.copy()
    for seed in range(5):
        found = data.crop(rng(seed), photo, size)
        assert found.shape == (size, size, 3)
        assert found.dtype == np.uint8
    assert np.array_equal(photo, before)


def test_crops_are_squares_of_the_photo_and_mirrored_half_of_the_time():
    photo = np.zeros((100, 160, 3), np.uint8)
    photo[..., 0], photo[..., 1] = np.arange(160), np.arange(100)[:, None]
    mirrored, sides = 0, []
    for seed in range(200):
        found = data.crop(rng(seed), photo, 50).astype(int)
        across, down = found[:, -1, 0] - found[:, 0, 0], found[-1, :, 1] - found[0, :, 1]
        mirrored += across.mean() < 0
        sides.append(abs(across.mean()) * 50 / 49)
        assert down.mean() * 50 / 49 == pytest.approx(sides[-1], abs=2.5)  # upright, and as high as wide
    assert 70 < mirrored < 130
    assert min(sides) == pytest.approx(65, abs=3)
    assert max(sides) == pytest.approx(100, abs=3)
