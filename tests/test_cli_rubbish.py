"""Every option that takes text, with rubbish: one sentence and exit status 2, never a traceback."""

import sys

import numpy as np
import PIL.Image
import pytest

from inpaint import stream
from inpaint.cli import app as cli
from inpaint.lab import manifest

WORDS = ("abc", "", "-1", "0", "nan", "inf", "1e999", "9" * 400, "²", "1,,x")
PHOTO, MASK, OUT = "{}/photo.png", "{}/mask.png", "{}/out.png"
FILL = ("fill", PHOTO, MASK, "-o", OUT, "-m", "telea")
EXTEND = ("extend", PHOTO, "-o", OUT, "-m", "telea", "--left", "3")
BLEND = ("blend", PHOTO, "{}/second.png", "-o", OUT)
COMPARE = ("compare", PHOTO, MASK, "-o", "{}/folder", "--models", "telea")
VARY = ("sensitivity", PHOTO, MASK, "-o", "{}/folder", "-m", "telea", "--vary", "feather")
BENCH = ("bench", "--photos", "{}/photos", "--masks", "{}/masks", "--models", "telea")
TRAIN = ("train", "pconv", "--data", "{}/photos", "--steps", "1", "-o", "{}/run")
SPEED = ("speed", "--models", "pconv", "--sizes", "64")
RERUN = ("rerun", "{}/run.json", PHOTO)
SLOW = set(WORDS) - {"abc", "nan", "-1"}  # a run may begin before the last of them is refused
# a command that works, an option of it, and the words that are no rubbish to it
OPTIONS = [
    (("fill", MASK, "-o", OUT, "-m", "telea"), "", set()),
    (("blend", PHOTO, "-o", OUT), "", set()),
    (("compare", PHOTO, "-o", "{}/folder"), "", set()),
    (("sensitivity", PHOTO, "-o", "{}/folder"), "", set()),
    (("extend", "-o", OUT, "--left", "3"), "", set()),
    (("rerun", "{}/run.json"), "", set()),
    (("votes",), "", set()),
    (("weights", "convert", "pconv", "-o", "{}/w.safetensors"), "", set()),
    (RERUN, "--seed", {"0"}),
    (RERUN, "--option", set()),
    (RERUN, "--device", {""}),
    (RERUN, "--weights", {""}),
    (RERUN, "--mask", set()),
    (FILL, "-m", {""}),
    (FILL, "--weights", {""}),
    (FILL, "--option", set()),
    (FILL, "--device", set()),
    (FILL, "--precision", set()),
    (FILL, "--seed", {"0"}),
    (FILL, "--out", set()),
    (FILL, "--views", set(WORDS) - {"9" * 400}),
    (EXTEND, "--left", set()),
    (EXTEND, "--bottom", {"0"}),
    (EXTEND, "--all", {""}),
    (EXTEND, "--ratio", {""}),
    (EXTEND, "--anchor", set()),
    (EXTEND, "--beyond", set()),
    (EXTEND, "--step", set()),
    (EXTEND, "--seed", {"0"}),
    (EXTEND, "--device", set()),
    (EXTEND, "--option", set()),
    (EXTEND, "-m", {""}),
    (BLEND, "--x", {"0"}),
    (BLEND, "--y", {"0"}),
    (BLEND, "--scale", set()),
    (BLEND, "--angle", {"0", "-1"}),
    (BLEND, "--method", set()),
    (BLEND, "--option", set()),
    (BLEND, "-m", {""}),
    (BLEND, "--mask", set()),
    (BLEND, "--sheet", set()),
    (COMPARE, "--models", {""}),
    (COMPARE, "--trial", set()),
    (COMPARE, "--seed", {"0"}),
    (COMPARE, "--device", set()),
    (VARY, "-m", {""}),
    (VARY, "--weights", {""}),
    (VARY, "--option", set()),
    (VARY, "--seed", {"0"}),
    (VARY, "--vary", set()),
    (VARY, "--device", set()),
    (BENCH, "--models", {""}),
    (BENCH, "--rounds", set()),
    (BENCH, "--sheet-rows", {"9" * 400}),
    (BENCH, "--option", set()),
    (BENCH, "--device", set()),
    (BENCH, "--seed", {"0"}),
    (SPEED, "--models", {""}),
    (SPEED, "--sizes", set()),
    (SPEED, "--device", set()),
    (SPEED, "--precision", set()),
    (("serve",), "--port", set()),
    (("serve",), "--host", {"", "0"}),
    (("votes", "{}/votes.sqlite"), "--ratings", set()),
    *((TRAIN, option, SLOW) for option in ("--size", "--steps", "--budget", "--batch", "--set", "--seed")),
    *((TRAIN, option, SLOW) for option in ("--device", "--precision", "--threads", "--save-every")),
    (TRAIN[:4] + TRAIN[6:], "--minutes", SLOW),
    (("weights", "pull"), "", set()),
    (("weights", "verify"), "", set()),
]


@pytest.fixture
def files(tmp_path, image, mask):
    drawn = PIL.Image.fromarray(np.where(mask, 255, 0).astype(np.uint8))
    for name in ("photo", "second", "photos/a", "photos/b"):
        (tmp_path / f"{name}.png").parent.mkdir(exist_ok=True)
        PIL.Image.fromarray(image).save(tmp_path / f"{name}.png")
    for name in ("mask", "masks/a", "masks/b"):
        (tmp_path / f"{name}.png").parent.mkdir(exist_ok=True)
        drawn.save(tmp_path / f"{name}.png")
    *_, fill = stream(image, mask, "telea")
    (tmp_path / "run.json").write_text(manifest.to_json(manifest.of(fill, mask)))
    return tmp_path


@pytest.mark.parametrize(("command", "option", "fine"), OPTIONS, ids=[f"{c[0]} {o}" for c, o, _ in OPTIONS])
def test_rubbish_is_told_of_in_a_sentence(command, option, fine, files, monkeypatch, capsys):
    monkeypatch.chdir(files)
    for word in WORDS:
        if word in fine:
            continue
        typed = [part.format(files) for part in command] + ([f"{option}={word}"] if option[:2] == "--" else [])
        typed += [option, word] if len(option) == 2 else [word] if not option else []
        monkeypatch.setattr(sys, "argv", ["inpaint", *typed])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr().err
        assert ended.value.code == 2, f"{word!r}: {said}"
        assert said.strip() and "Traceback" not in said
        errors = [line for line in said.splitlines() if "error:" in line]
        assert len(errors) <= 1 and all(said.strip().endswith(line) and len(line) < 1000 for line in errors), said
