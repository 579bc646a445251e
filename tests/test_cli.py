"""The command line as a person uses it: files in, files out, one sentence and exit status 2 for bad input."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from inpaint import zoo
from inpaint.cli import app as cli
from inpaint.cli.models import markdown

ROOT = Path(__file__).parent.parent


@pytest.fixture
def files(tmp_path, image, mask):
    PIL.Image.fromarray(image).save(tmp_path / "photo.png")
    PIL.Image.fromarray(np.where(mask, 255, 0).astype(np.uint8)).save(tmp_path / "mask.png")
    return tmp_path


def run(*args, **env):
    """(exit status, stdout, stderr) of a real process."""
    done = subprocess.run(
        [sys.executable, "-m", "inpaint", *map(str, args)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"COLUMNS": "200"} | env,
        timeout=120,
    )
    return done.returncode, done.stdout, done.stderr


def test_fill(files, image, mask):
    status, _, said = run("fill", files / "photo.png", files / "mask.png", "-o", files / "out.png", "-m", "telea")
    assert status == 0 and "Telea" in said and "crop" in said
    out = np.asarray(PIL.Image.open(files / "out.png"))
    assert (out[~mask] == image[~mask]).all() and (out[mask] != image[mask]).any()


def test_fill_with_options_views_and_truth(files):
    status, _, said = run(
        *("fill", files / "photo.png", files / "mask.png", "-o", files / "out.png", "-m", "patchmatch"),
        *("--option", "context=2", "--option", "feather=2", "--seed", 3, "--views", files / "views", "--intact"),
    )
    assert status == 0 and "dB in the hole" in said and "seed 3" in said
    assert {p.name for p in (files / "views").iterdir()} >= {"out.offsets.png", "out.sources.png"}


def test_a_precision_that_the_method_does_not_bear(files):
    status, _, said = run(
        *("fill", files / "photo.png", files / "mask.png", "-o", files / "out.png", "-m", "telea"),
        *("--precision", "float16", "--manifest"),
    )
    assert status == 2 and "Telea (fast marching) does not work in float16; it works in float32." in said
    assert not (files / "out.png").exists() and not (files / "out.json").exists()


def test_two_folders_fill_a_batch(files, image):
    photos, masks = files / "photos", files / "masks"
    photos.mkdir()
    masks.mkdir()
    for name in ("a", "b", "c"):
        PIL.Image.fromarray(image).save(photos / f"{name}.png")
    PIL.Image.open(files / "mask.png").save(masks / "a.png")
    (masks / "b.png").write_bytes(b"not a picture")
    PIL.Image.open(files / "mask.png").save(masks / "c.mask.png")
    status, _, said = run("fill", photos, masks, "-o", files / "out", "-m", "telea")
    assert status == 2 and "2 of 3 filled; failed: b.png" in said and "b.png: failed" in said
    assert {p.name for p in (files / "out").iterdir()} == {"a.png", "c.png"}


def test_one_folder_may_hold_pictures_and_masks(files, image):
    folder = files / "both"
    folder.mkdir()
    PIL.Image.fromarray(image).save(folder / "a.jpg")
    PIL.Image.fromarray(image).save(folder / "a.png")
    (folder / "README.md").write_text("words")
    PIL.Image.open(files / "mask.png").save(folder / "a.mask.png")
    status, _, said = run("fill", folder, folder, "-o", files / "out", "-m", "telea")
    assert status == 0 and "2 of 2 filled" in said
    assert len(list((files / "out").iterdir())) == 2, "pictures of one name must not overwrite each other"


def test_models():
    status, out, _ = run("models")
    assert status == 0 and all(name in out for name in zoo.names())
    status, out, _ = run("models", "--json")
    cards = {card["name"]: card for card in json.loads(out)}
    assert list(cards) == list(zoo.names())
    assert all(card["licence"] and isinstance(card["commercial"], bool) for card in cards.values())


def test_the_readme_shows_the_table_of_models():
    assert markdown() in (ROOT / "README.md").read_text("utf-8")


def test_a_command_is_a_file_and_a_line():
    files = {file.stem for file in (ROOT / "inpaint" / "cli").glob("*.py")}
    assert files - {"__init__", "app", "terminal"} == set(cli.COMMANDS)
    status, out, _ = run("--help")
    assert status == 0 and all(f" {name} " in out for name in cli.COMMANDS)


BAD = {
    "no such file": (["fill", "{}/no.png", "{}/mask.png", "-o", "{}/o.png"], "Cannot read no.png"),
    "unknown model": (["fill", "{}/photo.png", "{}/mask.png", "-o", "{}/o.png", "-m", "x"], "no model 'x'"),
    "unknown device": (["fill", "{}/photo.png", "{}/mask.png", "-o", "{}/o.png", "--device", "tpu"], "device"),
    "unknown option": (["fill", "{}/photo.png", "{}/mask.png", "-o", "{}/o.png", "--option", "q=1"], "no option q"),
    "no value": (["fill", "{}/photo.png", "{}/mask.png", "-o", "{}/o.png", "--option", "q"], "key=value"),
    "out of range": (
        ["fill", "{}/photo.png", "{}/mask.png", "-o", "{}/o.png", "-m", "telea", "--option", "radius=99"],
        "between 1 and 20",
    ),
    "a setting as option": (
        ["fill", "{}/photo.png", "{}/mask.png", "-o", "{}/o.png", "--option", "seed=1"],
        "--seed",
    ),
    "negative seed": (
        ["fill", "{}/photo.png", "{}/mask.png", "-o", "{}/o.png", "-m", "patchmatch", "--seed", "-1"],
        "seed",
    ),
    "no hole": (["fill", "{}/photo.png", "{}/black.png", "-o", "{}/o.png"], "no hole"),
    "all hole": (["fill", "{}/photo.png", "{}/white.png", "-o", "{}/o.png"], "whole picture"),
    "other size": (["fill", "{}/photo.png", "{}/small.png", "-o", "{}/o.png"], "same size"),
    "no suffix": (["fill", "{}/photo.png", "{}/mask.png", "-o", "{}/o"], "end the name in"),
    "no folder": (["fill", "{}/photo.png", "{}/mask.png", "-o", "{}/no/o.png", "-m", "telea"], "cannot be written"),
    "over the input": (["fill", "{}/photo.png", "{}/mask.png", "-o", "{}/photo.png"], "overwrite"),
    "folder and file": (["fill", "{}", "{}/mask.png", "-o", "{}/o"], "must be a folder"),
    "views over a file": (
        ["fill", "{}/photo.png", "{}/mask.png", "-o", "{}/o.png", "--views", "{}/mask.png"],
        "Cannot make the folder",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_sentence(case, files, monkeypatch, capsys):
    for name, value, size in (("black", 0, (97, 72)), ("white", 255, (97, 72)), ("small", 255, (20, 72))):
        PIL.Image.new("L", size, value).save(files / f"{name}.png")
    before = sorted(files.rglob("*"))
    args, words = BAD[case]
    monkeypatch.setattr(sys, "argv", ["inpaint", *(arg.format(files) for arg in args)])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    said = capsys.readouterr().err
    assert stopped.value.code == 2 and words in said and "Traceback" not in said
    assert len(said.strip().splitlines()) == 1
    assert sorted(files.rglob("*")) == before, "something was left behind"


def test_usage_errors_have_status_2():
    for args in (["fill"], ["fill", "a", "b"], ["paint"], ["fill", "a", "b", "-o", "c", "--seed", "x"]):
        status, _, said = run(*args)
        assert status == 2 and "Traceback" not in said


def test_a_port_that_is_taken_is_explained():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        status, _, said = run("serve", "--port", taken.getsockname()[1])
    assert status == 2 and "cannot be served" in said and "Traceback" not in said


def test_a_folder_takes_options_that_are_pictures(files, monkeypatch, standins):
    """Strokes that are drawn into every photo's edges."""
    folder = files / "photos"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / f"{name}.png").write_bytes((files / "photo.png").read_bytes())
        (folder / f"{name}.mask.png").write_bytes((files / "mask.png").read_bytes())
    strokes = f"draw={files / 'mask.png'}"
    args = ["fill", str(folder), str(folder), "-o", str(files / "out"), "-m", "edgeconnect", "--option", strokes]
    monkeypatch.setattr(sys, "argv", ["inpaint", *args])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert not ended.value.code and {path.name for path in (files / "out").iterdir()} == {"a.png", "b.png"}
