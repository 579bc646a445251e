"""A run's manifest: written, read, made again, and what is told when something is not as it was."""

import json
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as arrays

from inpaint import InpaintError, stream, zoo
from inpaint.checkpoints import store
from inpaint.lab import manifest, runlength


def made(image, mask, model="telea", layers=None, **options):
    *_, last = stream(image, mask, model, **options, **(layers or {}))
    return last, manifest.of(last, mask, layers)


def again(then, image, mask=None, **more):
    *_, last = manifest.rerun(then, image, mask, **more)
    now = manifest.of(last, then.mask if mask is None else mask, dict(then.strokes))
    return manifest.verdict(then, now)


# ---- masks as run lengths


@settings(deadline=None)
@given(arrays.arrays(bool, arrays.array_shapes(min_dims=2, max_dims=2, max_side=40)))
def test_a_mask_comes_back(mask):
    assert (runlength.decode_mask(runlength.encode_mask(mask), mask.shape) == mask).all()


def test_long_runs_come_back():
    mask = np.zeros((700, 900), bool)
    mask[300:600, 100:101] = True
    mask[650:] = True
    code = runlength.encode_mask(mask)
    assert (runlength.decode_mask(code, mask.shape) == mask).all()
    assert len(code) < 200, "small"


def test_the_code_is_what_it_says():
    """Known 300, missing 2, known 1: LEB128 of 300 is AC 02."""
    mask = np.zeros((3, 101), bool)
    mask.ravel()[300:302] = True
    packed = runlength.encode_mask(mask)
    assert runlength.unpack(packed, 100) == bytes([0xAC, 0x02, 2, 1])


def test_codes_that_are_wrong():
    code = runlength.encode_mask(np.ones((4, 5), bool))
    with pytest.raises(InpaintError, match="size"):
        runlength.decode_mask(code, (4, 6))
    with pytest.raises(InpaintError, match="damaged"):
        runlength.decode_mask(runlength.pack(bytes([0xFF] * 7)), (4, 5))
    with pytest.raises(InpaintError, match="damaged"):
        runlength.decode_mask(runlength.pack(bytes([0xFF] * 7 + [1])), (4, 5))
    with pytest.raises(InpaintError, match="too large"):
        runlength.decode_mask(runlength.pack(bytes(10_000_000)), (4, 5))


# ---- again


@pytest.mark.parametrize("name", zoo.MODELS)
def test_every_model_repeats_itself_to_the_bit(name, standins, image, mask):
    quick = {"iterations": 5} if name == "dip" else {}
    _, then = made(image, mask, name, seed=3, **quick)
    read = manifest.from_json(manifest.to_json(then))
    zoo.release()
    found = again(read, image)
    assert found.level == "bit-identical" and not found.changes, str(found)


def test_what_was_changed_is_told_by_name(image, mask):
    _, then = made(image, mask, "patchmatch", seed=3, patch=5)
    other = image.copy()
    other[3, 3] ^= 255
    found = again(then, other)
    assert found.level == "different" and [c.split()[0] for c in found.changes] == ["input"]
    assert "input sha256:" in str(found)
    larger = mask.copy()
    larger[41:44, 30:57] = True
    found = again(then, image, larger)
    assert found.level == "different" and [c.split()[0] for c in found.changes] == ["mask"]
    found = again(then, image, patch=9)
    assert "option patch 5 → 9" in found.changes and found.level == "different"
    found = again(then, image, seed=4)
    assert found.changes == ("seed 3 → 4",)


def test_another_weight_file_is_told_of(tmp_path, image, mask, monkeypatch):
    import standins

    files = [standins.make("glcic", tmp_path / str(w), width=w) for w in (8, 16) if not (tmp_path / str(w)).mkdir()]
    brought = {"glcic": (files[0],)}
    monkeypatch.setattr(store, "own", lambda: brought)
    _, then = made(image, mask, "glcic")
    assert then.weights == "own" and then.weights_digest.startswith("sha256:")
    brought["glcic"] = (files[1],)
    zoo.release()
    found = again(then, image)
    assert [c for c in found.changes if c.startswith("weight file sha256:")] and len(found.changes) == 1


def test_nearly_equal_is_told_with_how_nearly(image, mask):
    last, then = made(image, mask)
    off = last.image.copy()
    off[mask] = np.clip(off[mask].astype(int) + np.where(np.arange(mask.sum()) % 3 == 0, 2, 0)[:, None], 0, 255)
    patch = ((slice(0, 72), slice(0, 97)), off, mask)
    now = manifest.of(type(last)(last.source, (patch,), 1.0, "", {}, last.report), mask)
    found = manifest.verdict(then, now)
    assert found.level == "equal within 2 levels" and found.same and found.recorded == mask.sum()
    off[mask] = 255 - off[mask]
    now = manifest.of(type(last)(last.source, (patch,), 1.0, "", {}, last.report), mask)
    assert not manifest.verdict(then, now).same


def test_an_edit_of_the_file_is_noticed_by_name(image, mask):
    _, then = made(image, mask, "patchmatch", patch=5)
    plain = json.loads(manifest.to_json(then))
    plain["options"]["patch"] = 9
    plain["seed"] = 12
    read = manifest.from_json(json.dumps(plain))
    assert set(read.edited) == {"option patch", "seed"}
    assert "option patch was edited in the manifest" in str(again(read, image))
    plain["mask"] = runlength.encode_mask(~mask)
    assert "mask" in manifest.from_json(json.dumps(plain)).edited


def test_strokes_go_into_it(standins, image, mask):
    draw = np.zeros_like(mask)
    draw[30, 32:50] = True
    _, then = made(image, mask, "edgeconnect", {"draw": draw})
    read = manifest.from_json(manifest.to_json(then))
    assert (read.strokes["draw"] == draw).all() and "draw" not in read.options
    assert again(read, image).level == "bit-identical"


def test_a_borrowed_picture_is_only_named(standins, image, mask):
    _, then = made(image, mask, "edgeconnect", {"borrow": image[::-1].copy()})
    read = manifest.from_json(manifest.to_json(then))
    assert read.lent["borrow"].startswith("sha256:")
    with pytest.raises(InpaintError, match="give it as borrow"):
        next(manifest.rerun(read, image))
    *_, last = manifest.rerun(read, image, lent={"borrow": image[::-1].copy()})
    now = manifest.of(last, mask, {"borrow": image[::-1].copy()})
    assert manifest.verdict(read, now).level == "bit-identical"


def test_another_size_is_refused(image, mask):
    _, then = made(image, mask)
    with pytest.raises(InpaintError, match="97 × 72"):
        next(manifest.rerun(then, image[:50]))


# ---- links, and files that are none


def test_a_link_holds_the_settings_and_no_outcome(image, mask):
    _, then = made(image, mask, "patchmatch", seed=3, patch=5)
    link = manifest.to_link(then)
    assert link.startswith("run=") and len(link) < 1000 and link.isascii() and not set(link) & set("#/+ ")
    read = manifest.from_link("#" + link)
    assert (read.mask == mask).all() and read.input == then.input and read.model == "patchmatch"
    assert read.options["patch"] == 5 and read.seed == 3 and not read.output and read.sample is None


@pytest.mark.parametrize("change", ["model", "options", "size", "seed", "lent", "sample", "format", "mask"])
def test_hostile_manifests(change, image, mask):
    _, then = made(image, mask)
    plain = json.loads(manifest.to_json(then))
    hostile = {
        "model": {"model": "../../etc/passwd"},
        "options": {"options": {"radius": 1e9}},
        "size": {"input": plain["input"] | {"width": 10**9}},
        "seed": {"seed": True},
        "lent": {"lent": {"__class__": "x"}},
        "sample": {"output": {"digest": "x", "sample": runlength.pack(bytes(10**6))}},
        "format": {"inpaint_run": 99},
        "mask": {"mask": ["x"]},
    }
    with pytest.raises(InpaintError):
        manifest.from_json(json.dumps(plain | hostile[change]))


@pytest.mark.parametrize("text", ["", "[]", "null", "{}", "\x00", "[" * 100_000, '{"inpaint_run": 1}', "9" * 5000])
def test_files_that_are_no_manifest(text):
    with pytest.raises(InpaintError):
        manifest.from_json(text)


@pytest.mark.parametrize("text", ["", "run=", "run=AAAA", "run=ü", "run=" + "A" * 9])
def test_links_that_are_none(text):
    with pytest.raises(InpaintError):
        manifest.from_link(text)


def test_a_link_that_inflates_without_end():
    import base64

    bomb = base64.urlsafe_b64encode(zlib.compress(b" " * 50_000_000)).decode()
    with pytest.raises(InpaintError, match="too large"):
        manifest.from_link("run=" + bomb)
