"""compare, sensitivity, rerun, extend, blend and votes, as a person types them."""

import csv
import json
import zipfile

import numpy as np
import PIL.Image
import pytest

from inpaint import inpaint
from inpaint.cli import app as cli
from inpaint.imaging import metrics
from inpaint.lab.elo import Entry
from inpaint.lab.vote import Ballot, Pair


@pytest.fixture
def files(tmp_path, image, mask):
    PIL.Image.fromarray(image).save(tmp_path / "photo.png")
    PIL.Image.fromarray(np.where(mask, 255, 0).astype(np.uint8)).save(tmp_path / "mask.png")
    return tmp_path


@pytest.fixture
def typed(monkeypatch, capsys):
    """Runs a command: (exit status, stdout, stderr)."""

    def run(*words):
        monkeypatch.setattr("sys.argv", ["inpaint", *map(str, words)])
        monkeypatch.setenv("COLUMNS", "200")
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return ended.value.code, said.out, said.err

    return run


def table_of(folder):
    with open(folder / "scores.csv", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def pixels(path):
    with PIL.Image.open(path) as picture:
        return np.asarray(picture)


def test_compare(files, typed, image, mask):
    words = ("--models", "telea,harmonic", "--trial", "patchmatch:patch=5,seed=2", "--intact")
    status, out, _ = typed("compare", files / "photo.png", files / "mask.png", "-o", files / "out", *words)
    assert status == 0 and "PatchMatch (patch 5, seed 2)" in out and "★" in out
    table = table_of(files / "out")
    assert [line["model"] for line in table] == ["telea", "harmonic", "patchmatch"]
    assert float(table[0]["psnr"]) == metrics.psnr(inpaint(image, mask, "telea"), image)
    with zipfile.ZipFile(files / "out" / "fills.zip") as archive:
        assert {"01-telea.png", "01-telea.json", "scores.csv", "sheet.png"} <= set(archive.namelist())
    assert pixels(files / "out" / "sheet.png").ndim == 3


def test_compare_folders_and_one_that_fails(files, typed, image):
    for name in ("photos", "masks"):
        (files / name).mkdir()
    for k in range(2):
        PIL.Image.fromarray(np.roll(image, k, 1)).save(files / "photos" / f"p{k}.png")
        PIL.Image.open(files / "mask.png").save(files / "masks" / f"m{k}.png")
    words = ("--models", "telea", "--trial", "telea:radius=99", "--consistency")
    status, _, err = typed("compare", files / "photos", files / "masks", "-o", files / "out", *words)
    assert status == 2 and "failed: Telea (fast marching) (radius 99) on p0" in err
    table = table_of(files / "out")
    assert [(line["picture"], line["state"]) for line in table] == [
        ("p0", "done"),
        ("p0", "failed"),
        ("p1", "done"),
        ("p1", "failed"),
    ]
    assert float(table[0]["consistency"]) > 0 and float(table[0]["seam"]) > 0
    assert pixels(files / "out" / "sheet.png").shape[1] == 3 * 264 + 8, "a row for each picture"
    with zipfile.ZipFile(files / "out" / "fills.zip") as archive:
        assert {"p0/01-telea.png", "p1/01-telea.json"} <= set(archive.namelist())


def test_sensitivity(files, typed):
    words = ("-m", "telea", "--vary", "grow,context", "--intact", "--option", "radius=4")
    status, out, _ = typed("sensitivity", files / "photo.png", files / "mask.png", "-o", files / "out", *words)
    assert status == 0 and "grow: " in out and "levels off" in out
    assert typed("sensitivity", files, files, "-o", files / "bad")[0] == 2
    labels = [line["method"] for line in table_of(files / "out")]
    assert labels[:3] == ["as it is", "hole shrunk by 4 px", "hole grown by 4 px"]
    assert all(json.loads(line["options"])["radius"] == 4 for line in table_of(files / "out"))


def test_rerun(files, typed, image):
    photo, run, out = files / "photo.png", files / "out.json", files / "out.png"
    words = ("-m", "patchmatch", "--option", "patch=5", "--seed", 3, "--manifest")
    assert typed("fill", photo, files / "mask.png", "-o", out, *words)[0] == 0
    status, said, _ = typed("rerun", run, photo, "-o", files / "again.png")
    assert status == 0 and said.startswith("bit-identical") and (pixels(files / "again.png") == pixels(out)).all()
    status, said, _ = typed("rerun", run, photo, "--option", "patch=9")
    assert status == 1 and said.startswith("different") and "option patch 5 → 9" in said
    status, said, _ = typed("rerun", run, photo, "--seed", 4)
    assert "seed 3 → 4" in said
    other = image.copy()
    other[0, 0] ^= 128
    PIL.Image.fromarray(other).save(files / "other.png")
    status, said, _ = typed("rerun", run, files / "other.png")
    assert status == 1 and "input sha256:" in said
    PIL.Image.fromarray(pixels(files / "mask.png")[:, ::-1]).save(files / "other-mask.png")
    assert "mask sha256:" in typed("rerun", run, photo, "--mask", files / "other-mask.png")[1]
    assert typed("rerun", files / "nowhere.json", photo)[0] == 2
    assert typed("rerun", run, photo, "-o", photo)[0] == 2, "never over the input"


def test_rerun_with_other_weights(files, typed, tmp_path):
    import standins

    made = [
        standins.make("glcic", tmp_path / f"w{w}", width=w) for w in (8, 16) if not (tmp_path / f"w{w}").mkdir()
    ]
    photo, run = files / "photo.png", files / "out.json"
    words = ("-m", "glcic", "-w", made[0], "--manifest")
    assert typed("fill", photo, files / "mask.png", "-o", files / "out.png", *words)[0] == 0
    assert typed("rerun", run, photo, "-w", made[0])[1].startswith("bit-identical")
    status, said, _ = typed("rerun", run, photo, "-w", made[1])
    assert status == 1 and "weight file sha256:" in said


def test_extend(files, typed, image):
    status, _, err = typed(
        "extend", files / "photo.png", "-o", files / "out.png", "--left", "25%", "--top", 7, "-m", "telea"
    )
    assert status == 0 and "extended by left 24, top 7" in err
    out = pixels(files / "out.png")
    assert out.shape == (79, 121, 3) and (out[7:, 24:] == image).all()
    words = ("--ratio", "16:9", "--anchor", "left", "-m", "harmonic", "--beyond", "nothing")
    assert typed("extend", files / "photo.png", "-o", files / "wide.png", *words)[0] == 0
    assert pixels(files / "wide.png").shape == (72, 128, 3)
    for words in (("--left", "x"), ("--left", "-3"), ("--all", "nan%"), ("--ratio", "0:1"), ()):
        status, _, err = typed("extend", files / "photo.png", "-o", files / "bad.png", *words)
        assert status == 2 and "error:" in err and not (files / "bad.png").exists()


def test_blend(files, typed, image):
    second = np.full((30, 40, 4), (200, 30, 90, 255), np.uint8)
    second[:, 20:, 3] = 0
    PIL.Image.fromarray(second).save(files / "second.png")
    where = ("--x", 0.5, "--y", 0.5, "--scale", 0.3, "--sheet", files / "sheet.png")
    pair = (files / "photo.png", files / "second.png")
    assert typed("blend", *pair, "-o", files / "out.png", "--method", "copy-paste", *where)[0] == 0
    out = pixels(files / "out.png")
    changed = (out != image).any(-1)
    assert 0.05 < changed.mean() < 0.3 and (out[changed] == (200, 30, 90)).all()
    assert pixels(files / "sheet.png").shape[1] > 700
    assert typed("blend", *pair, "-o", files / "gp.png", "--option", "guide=fill", "-m", "telea")[0] == 0
    for words in (("--scale", "nan"), ("--method", "magic"), ("--option", "colour=-1"), ("--x", "7")):
        assert typed("blend", *pair, "-o", files / "bad.png", *words)[0] == 2
    assert typed("blend", *pair, "-o", pair[0])[0] == 2


def test_votes(files, typed):
    ballot = Ballot(files / "votes.sqlite")
    for k in range(12):
        ballot.add(f"page{k}", Pair(Entry("patchmatch"), Entry("telea"), "small"), "a")
    words = ("--ratings", files / "ratings.csv", "--raw", files / "raw.csv")
    status, out, _ = typed("votes", files / "votes.sqlite", *words)
    assert status == 0 and out.index("patchmatch") < out.index("telea")
    with open(files / "ratings.csv", encoding="utf-8") as lines:
        assert {line["model"] for line in csv.DictReader(lines)} == {"patchmatch", "telea"}
    assert len((files / "raw.csv").read_text().splitlines()) == 13
    assert typed("votes", files / "photo.png")[0] == 2
    assert typed("votes", files / "none.sqlite")[0] == 2 and not (files / "none.sqlite").exists()
