"""Measuring: which picture goes with which mask, what is scored, what the table says, and what failure does."""

import json
import math
import os
import sys

import numpy as np
import PIL.Image
import pytest
import standins
from test_cli import run

from inpaint import InpaintError, inpaint
from inpaint.cli import app as cli
from inpaint.imaging import metrics
from inpaint.imaging.contact import GAP, HOLE, SIDE, TEXT, Tile, holed, sheet
from inpaint.imaging.picture import open_picture
from inpaint.lab import bench, blind, perceptual
from inpaint.lab.bench import Case, Row

SHARES = (0.05, 0.15, 0.25, 0.35, 0.45)


def save(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    PIL.Image.fromarray(array).save(path)


def square(share, shape=(72, 97)):
    """A hole of about that share, in the middle, as a picture file has it."""
    h, w = (round(n * math.sqrt(share)) for n in shape)
    mask = np.zeros(shape, np.uint8)
    top, left = (shape[0] - h) // 2, (shape[1] - w) // 2
    mask[top : top + h, left : left + w] = 255
    return mask


@pytest.fixture
def folders(tmp_path, image):
    """Two photos and two masks: of 5 % and of 15 %."""
    for k, share in enumerate(SHARES[:2]):
        save(tmp_path / "photos" / f"p{k}.png", np.roll(image, 9 * k, 1))
        save(tmp_path / "masks" / f"m{k}.png", square(share))
    return tmp_path / "photos", tmp_path / "masks"


@pytest.fixture
def published(tmp_path, image):
    """A folder of three cases: one with its truth, one that still shows the object, one with a blank hole."""
    folder = tmp_path / "cases"
    for name, file in (("a/whole", "image"), ("a/object", "image"), ("b/blank", "input_holed")):
        save(folder / name / f"{file}.png", image)
        save(folder / name / "mask.png", square(0.15))
    save(folder / "a/object/output_published.png", image[:40])
    save(folder / "a/whole/output_published.png", 255 - image)
    lines = (
        "set,case,task",
        "a,whole,reconstruction (with truth)",
        "a,object,object removal",
        "b,blank,reconstruction",
    )
    (folder / "cases.csv").write_text("\n".join(lines))
    return folder


# ---- cases


def test_the_first_photo_goes_with_the_first_mask(folders):
    found = bench.pairs(*folders)
    assert [(c.name, c.photo.name, c.mask.name) for c in found] == [
        ("p0", "p0.png", "m0.png"),
        ("p1", "p1.png", "m1.png"),
    ]
    assert all(case.truth and case.published is None for case in found)


def test_a_round_moves_the_masks_on_by_seven(tmp_path, image):
    for k in range(9):
        save(tmp_path / "photos" / f"p{k}.png", image)
        save(tmp_path / "masks" / f"m{k}.png", square(0.1))
    found = bench.pairs(tmp_path / "photos", tmp_path / "masks", 3)
    assert [case.name for case in found if case.photo.stem == "p4"] == ["p4 + m4", "p4 + m2", "p4 + m0"]
    assert len({case.name for case in found}) == 27
    assert len(set(bench.pairs(tmp_path / "photos", tmp_path / "masks", 9))) == 81, "every photo with every mask"
    with pytest.raises(InpaintError, match="1 to 9 rounds, not 10"):
        bench.pairs(tmp_path / "photos", tmp_path / "masks", 10)


def test_folders_that_cannot_be_paired(folders, tmp_path):
    photos, masks = folders
    with pytest.raises(InpaintError, match="is not a folder"):
        bench.pairs(photos, tmp_path / "none")
    (masks / "m1.png").unlink()
    with pytest.raises(InpaintError, match="2 photos but 1 masks"):
        bench.pairs(photos, masks)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InpaintError, match="0 photos"):
        bench.pairs(tmp_path / "empty", tmp_path / "empty")


def test_the_truth_is_known_only_where_it_is_said_to_be(published):
    found = {case.name: case for case in bench.cases(published)}
    assert {name: case.truth for name, case in found.items()} == {
        "a/whole": True,
        "a/object": False,
        "b/blank": False,
    }
    assert found["a/object"].published and found["b/blank"].published is None
    (published / "cases.csv").unlink()
    assert not any(case.truth for case in bench.cases(published))


def test_a_list_of_tasks_that_cannot_be_read(published, tmp_path):
    (published / "cases.csv").write_text("name,what\na,b\n")
    with pytest.raises(InpaintError, match="columns set, case and task"):
        bench.cases(published)
    (published / "cases.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InpaintError, match="columns set, case and task"):
        bench.cases(published)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InpaintError, match=r"no mask\.png"):
        bench.cases(tmp_path / "empty")


def test_what_cannot_be_read_is_told_by_name(folders, published):
    (folders[0] / "p1.png").write_bytes(b"not a picture")
    good, bad = bench.look(bench.pairs(*folders))
    assert [case.name for case in good] == ["p0"] and good[0].hole == pytest.approx(0.05, abs=0.005)
    assert [row.case for row in bad] == ["p1"] and "p1.png is not a picture" in bad[0].error

    (published / "b/blank/input_holed.png").unlink()
    (published / "a/whole/output_published.png").write_bytes(b"")
    save(published / "a/object/mask.png", square(0.15) * 0)
    good, bad = bench.look(bench.cases(published))
    assert not good
    assert bench.failures(bad) == [
        "a/object: The mask must leave a hole, and some of the picture to learn from.",
        "a/whole: output_published.png is empty (0 bytes).",
        f"b/blank: {bad[2].error}",
    ]
    assert "Cannot read image.png" in bad[2].error


@pytest.mark.parametrize(
    ("hole", "name"),
    [
        (0.01, "up to 1 %"),
        (0.0101, "1–10 %"),
        (0.1, "1–10 %"),
        (0.1001, "10–20 %"),
        (0.5, "40–50 %"),
        (0.6, "50–60 %"),
        (0.61, "above 60 %"),
        (1.0, "above 60 %"),
    ],
)
def test_a_bucket_has_its_upper_end(hole, name):
    assert bench.bucket(hole) == name


def test_the_sheet_shows_each_bucket(tmp_path):
    holes = (0.02, 0.03, 0.04, 0.05, 0.55, 0.15, 0.16)
    given = [Case(str(hole), tmp_path, tmp_path, hole=hole) for hole in holes]
    assert [case.hole for case in bench.spread(given, 3)] == [0.02, 0.15, 0.55]
    assert [case.hole for case in bench.spread(given, 5)] == [0.02, 0.03, 0.15, 0.16, 0.55]
    assert len(bench.spread(given, 99)) == len(given)


# ---- fills


def test_rows_hold_the_scores_of_the_composite(folders):
    given, bad = bench.look(bench.pairs(*folders))
    rows = list(bench.run(given, ["harmonic", "telea"], keep=given[:1], device="cpu"))
    assert not bad and [(row.model, row.case) for row in rows] == [
        ("harmonic", "p0"),
        ("harmonic", "p1"),
        ("telea", "p0"),
        ("telea", "p1"),
    ]
    for row, case in zip(rows, given * 2, strict=True):
        photo, hole = case.read()
        filled = inpaint(photo, hole, row.model)
        assert row.scores == {
            "psnr_hole": metrics.psnr(filled, photo, hole),
            "psnr": metrics.psnr(filled, photo),
            "ssim_hole": metrics.ssim(filled, photo, hole),
            "ssim": metrics.ssim(filled, photo),
            "l1_hole": metrics.l1(filled, photo, hole),
            "l1": metrics.l1(filled, photo),
            "gmsd_hole": metrics.gmsd(filled, photo, hole),
            "gmsd": metrics.gmsd(filled, photo),
            **perceptual.scores(filled, photo, hole),
        }
        assert (row.image is None) == (case is given[1])
        assert row.hole == case.hole and row.device == "cpu" and not row.error
        assert row.seconds > 0 and row.load > 0 and 0.01 < row.peak < 4


def test_what_has_no_truth_is_filled_but_not_scored(published):
    given, _ = bench.look(bench.cases(published))
    rows = {row.case: row for row in bench.run(given, ["telea"], keep=given)}
    assert {name for name, row in rows.items() if row.scores} == {"a/whole"}
    assert all(row.image is not None for row in rows.values())
    drawn = bench.contact(given, list(rows.values()))
    assert drawn.shape[1] == GAP + 4 * (SIDE + GAP), "hole, truth, published, telea"


def test_a_model_that_fails_does_not_stop_the_rest(folders):
    given, _ = bench.look(bench.pairs(*folders))
    rows = list(bench.run(given, ["harmonic", "nobody", "telea"], radius=4))
    assert [(row.model, row.case) for row in rows] == [
        ("harmonic", ""),
        ("nobody", ""),
        ("telea", "p0"),
        ("telea", "p1"),
    ]
    assert "no option radius" in rows[0].error and "no model 'nobody'" in rows[1].error
    assert rows[2].scores and not rows[2].error


def ends(*_):
    os._exit(3)


def breaks(*_):
    raise RuntimeError("the sums do not add up\nand more")


def test_a_process_that_ends_is_a_model_that_failed(folders, monkeypatch):
    given, _ = bench.look(bench.pairs(*folders))
    monkeypatch.setattr(bench, "fill", ends)
    rows = list(bench.run(given, ["telea"]))
    assert bench.failures(rows) == ["telea: its process ended, perhaps for want of memory"]
    monkeypatch.setattr(bench, "fill", breaks)
    rows = list(bench.run(given, ["telea"]))
    assert bench.failures(rows) == [f"telea on p{k}: RuntimeError: the sums do not add up" for k in (0, 1)]


# ---- what came out


def rows_of(model, shares, value):
    """A row for each share of hole, all scores `value` times the share."""
    names = [name for scores, _ in bench.TABLED.values() for name in scores if name != "seconds"]
    return [
        Row(
            model,
            f"{model}{k}",
            share,
            dict.fromkeys(names, value * share),
            seconds=2 * share,
            load=0.5,
            peak=k,
            device="cpu",
        )
        for k, share in enumerate(shares)
    ]


def test_means_are_of_buckets_not_of_pictures():
    rows = rows_of("a", (*SHARES, 0.19), 100)
    found = bench.aggregates(rows)["a"]
    assert found["psnr"]["1–10 %"] == pytest.approx(5)
    assert found["psnr"]["10–20 %"] == pytest.approx(17)
    assert found["psnr"][bench.MEAN] == pytest.approx((17 + 25 + 35 + 45) / 4)
    assert found["seconds"]["20–30 %"] == pytest.approx(0.5)
    assert bench.MEAN not in bench.aggregates(rows_of("a", SHARES[:3], 100))["a"]["psnr"], "of four buckets or none"


def test_table():
    rows = [*rows_of("a", SHARES, 100), *rows_of("b", SHARES[:1], 10), Row("c", "", error="no")]
    lines = bench.table(rows).splitlines()
    titles = [line.split(" | ")[0].strip("| ") for line in lines[2::2]]
    assert titles == list(bench.TABLED), "those first that agree with the eye"
    assert lines[0] == "| score | model | 1–10 % | 10–20 % | 20–30 % | 30–40 % | 40–50 % | mean 10–50 % |"
    (line,) = [line for line in lines if line.startswith("| PSNR, dB ↑ | `a`")]
    assert line.startswith("| PSNR, dB ↑ | `a` | 5.00 / 5.00 | 15.00 / 15.00 |")
    assert line.endswith("| 30.00 / 30.00 |")
    assert "| GMSD ↓ | `b` | 0.5000 / 0.5000 | – / – | – / – | – / – | – / – | – / – |" in lines
    assert len(lines) == 2 + 2 * len(bench.TABLED) and len({line.count("|") for line in lines}) == 1
    assert bench.costs(rows).splitlines()[2:] == [
        "| `a` | – | cpu | 0.50 | 0.5 | 4.00 |",
        "| `b` | – | cpu | 0.50 | 0.1 | 0.00 |",
    ]


def test_the_table_is_in_the_order_of_the_eye():
    def row(model, **scores):
        return Row(model, "x", 0.15, {"psnr_hole": 20.0, "gmsd": 0.1} | scores)

    rows = [row("a", perceptual=2.0, psnr_hole=30.0), row("b", perceptual=1.0, gmsd=0.2), row("c", perceptual=3.0)]
    assert list(bench.ranked(bench.aggregates(rows))) == ["b", "a", "c"]
    assert list(bench.ranked(bench.aggregates([*rows[:2], row("d", gmsd=0.05)]))) == ["d", "a", "b"], "GMSD instead"
    assert "perceptual" not in bench.table([row("a")])


def test_the_protocol_counts_what_is_scored(tmp_path):
    given = [Case(str(k), tmp_path, tmp_path, k != 0, hole=hole) for k, hole in enumerate((0.05, 0.06, 0.3, 0.3))]
    words = bench.protocol(given)
    assert words["cases"] == "3 with a known truth, by share of hole: 1–10 %: 1, 20–30 %: 2; 1 without, not scored"
    assert f"numpy {np.__version__}" in words["made with"]


def test_an_endless_score_is_null(tmp_path):
    rows = rows_of("a", [0.05], math.inf)
    found = json.loads(bench.as_json([Case("x", tmp_path, tmp_path, hole=0.05)], rows, {"seed": 1}))
    assert found["rows"][0]["scores"]["psnr"] is None and found["rows"][0]["seconds"] == 0.1
    assert found["aggregates"]["a"]["psnr"] == {"1–10 %": None} and found["settings"] == {"seed": 1}


def test_sheet():
    wide, small = np.full((300, 600, 3), 7, np.uint8), np.full((20, 30, 3), 9, np.uint8)
    drawn = sheet(
        [[Tile(wide, ("a", "b")), Tile(small)], [Tile(None, ("x" * 99,)), Tile(small), Tile(small, ("c",))]]
    )
    rows = (128 + GAP // 2 + 2 * TEXT + GAP, 20 + GAP // 2 + TEXT + GAP)
    assert drawn.shape == (GAP + sum(rows), GAP + 3 * (SIDE + GAP), 3) and drawn.dtype == np.uint8
    assert (drawn[GAP : GAP + 128, GAP : GAP + SIDE] == 7).all()
    assert (drawn[GAP : GAP + 20, 2 * GAP + SIDE :][:, :30] == 9).all(), "a small picture stays as it is"
    words = drawn[GAP + 128 : GAP + rows[0], GAP : GAP + SIDE]
    assert (words.max(-1) < 100).any(), "no words under the picture"
    gap = drawn[GAP + rows[0] :, GAP + SIDE : 2 * GAP + SIDE]
    assert (gap == gap[0, 0]).all(), "long words run into the next picture"


def test_the_hole_is_shown_and_the_picture_kept(image, mask):
    before = image.copy()
    shown = holed(image, mask)
    assert (shown[mask] == HOLE).all() and (shown[~mask] == image[~mask]).all() and (image == before).all()


# ---- the command


def command(monkeypatch, *args):
    """Exit status."""
    monkeypatch.setattr(sys, "argv", ["inpaint", "bench", *map(str, args)])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    return stopped.value.code


def test_command(folders, tmp_path, monkeypatch, capsys):
    photos, masks = folders
    out = tmp_path / "scores.json", tmp_path / "sheet.png"
    args = (
        "--photos",
        photos,
        "--masks",
        masks,
        "--models",
        "telea",
        "--rounds",
        2,
        "--json",
        out[0],
        "--sheet",
        out[1],
    )
    assert command(monkeypatch, *args, "--sheet-rows", 3) == 0
    said = capsys.readouterr()
    assert "| PSNR, dB ↑ | `telea` |" in said.out and "Gaussian window 11" in said.out and "failed" not in said.out
    found = json.loads(out[0].read_text("utf-8"))
    assert found.keys() == {"protocol", "settings", "cases", "rows", "aggregates", "failures"}
    assert len(found["cases"]) == len(found["rows"]) == 4 and found["failures"] == []
    mean = np.mean([row["scores"]["gmsd"] for row in found["rows"] if row["hole"] <= 0.1])
    assert found["aggregates"]["telea"]["gmsd"]["1–10 %"] == pytest.approx(mean)
    row = 72 + GAP // 2 + 2 * TEXT + GAP
    assert open_picture(out[1]).shape[::-1] == (GAP + 3 * (SIDE + GAP), GAP + 3 * row)


def test_command_tells_what_failed_and_does_the_rest(folders, tmp_path, monkeypatch, capsys):
    photos, masks = folders
    (photos / "p0.png").write_bytes(b"not a picture")
    args = ("--photos", photos, "--masks", masks, "--models", "nobody,telea", "--json", tmp_path / "scores.json")
    assert command(monkeypatch, *args) == 2
    said = capsys.readouterr()
    assert "p0: p0.png is not a picture" in said.err and "nobody: There is no model" in said.err
    assert "failed: p0" in said.out and "| `telea` |" in said.out
    found = json.loads((tmp_path / "scores.json").read_text("utf-8"))
    assert [row["case"] for row in found["rows"]] == ["p1"] and len(found["failures"]) == 2


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ([], "either --photos and --masks, or --cases"),
        (["--photos", "{}"], "either --photos and --masks, or --cases"),
        (["--photos", "{}", "--masks", "{}", "--cases", "{}"], "either --photos and --masks, or --cases"),
        (["--cases", "{}/none"], "is not a folder"),
        (["--cases", "{}", "--sheet", "{}/sheet.txt"], "end the name in"),
        (["--cases", "{}", "--json", "{}/none/scores.json"], "there is no folder"),
        (["--cases", "{}", "--option", "radius"], "key=value"),
    ],
)
def test_bad_words_are_refused_before_the_work(args, words, tmp_path, monkeypatch, capsys):
    assert command(monkeypatch, *(arg.format(tmp_path) for arg in args)) == 2
    said = capsys.readouterr().err
    assert words in said and len(said.strip().splitlines()) == 1 and not list(tmp_path.iterdir())


def test_a_network_in_a_process_of_its_own(folders, tmp_path):
    weights = standins.variable({"crfill": standins.make("crfill", tmp_path)})
    args = ("--photos", folders[0], "--masks", folders[1], "--models", "crfill", "--json", tmp_path / "scores.json")
    status, said, _ = run("bench", *args, INPAINT_WEIGHTS=weights)
    assert status == 0 and "| `crfill` | own | " in said
    rows = json.loads((tmp_path / "scores.json").read_text("utf-8"))["rows"]
    assert [row["weights"] for row in rows] == ["own"] * 2 and all(row["peak"] > 0.1 for row in rows)


def test_small_pictures_count_where_they_have_a_score():
    rows = [
        bench.Row("telea", "a", 0.15, {"psnr_hole": 20.0, "psnr": 30.0}, seconds=1.0),
        bench.Row(
            "telea", "b", 0.15, {name: 0.5 for names, _ in bench.TABLED.values() for name in names}, seconds=2.0
        ),
    ]
    found = bench.aggregates(rows)["telea"]
    assert found["psnr_hole"]["10–20 %"] == 10.25 and found["ssim_hole"]["10–20 %"] == 0.5
    assert "ssim_hole" not in rows[0].scores and "20" in bench.report([], rows)


# ---- judged blind


def judged(folder, **ranks):
    (folder / "ranks.json").write_text(json.dumps(ranks))
    return blind.ranks(folder)


@pytest.fixture
def sheets(published):
    """Three cases; two of three have what was published, one of them of another size than its photo."""
    given, _ = bench.look(bench.cases(published))
    found = blind.Sheets(given)
    for case in given:
        photo, hole = case.read()
        for model, value in (("telea", 10), ("harmonic", 250)):
            found.add(Row(model, case.name, image=np.where(hole[..., None], value, photo).astype(np.uint8)))
    found.add(Row("dip", given[0].name, error="no"))
    return found


def test_blind_sheets_and_what_comes_of_them(sheets, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        folder.mkdir()
        assert sheets.write(folder, seed=5) == 3
    assert {path.name for path in one.iterdir()} == {"sheets", "key.json", "ranks.json", "HOW.txt"}
    assert [path.name for path in sorted((one / "sheets").iterdir())] == ["01.png", "02.png", "03.png"]
    assert (one / "key.json").read_text() == (two / "key.json").read_text(), "the same seed, the same letters"
    key = json.loads((one / "key.json").read_text())
    assert [len(sheet["fills"]) for sheet in key.values()] == [2, 3, 2]
    assert set(key["02"]["fills"].values()) == {"published", "telea", "harmonic"} and key["02"]["case"] == "a/whole"
    letter = {n: {who: letter for letter, who in sheet["fills"].items()} for n, sheet in key.items()}
    drawn = open_picture(one / "sheets" / "02.png").rgb
    left = GAP + (1 + "ABC".index(letter["02"]["telea"])) * (blind.SIDE + GAP)
    assert (drawn[GAP:, left : left + blind.SIDE][130:150, 180:200] == 10).all(), "the letter's place has its fill"

    with pytest.raises(InpaintError, match="No sheet is judged yet"):
        blind.ranks(one)
    orders = judged(
        one,
        **{
            "01": "".join(letter["01"][who] for who in ("telea", "harmonic")),
            "02": " > ".join(letter["02"][who] for who in ("telea", "published", "harmonic")).lower(),
            "03": "".join(letter["03"][who] for who in ("harmonic", "telea")),
        },
    )
    assert orders == [["telea", "harmonic"], ["telea", "published", "harmonic"], ["harmonic", "telea"]]
    assert blind.report(orders).splitlines()[::2] == [
        "| method | sheets | pairs won | mean rank | telea | published | harmonic |",
        "| telea | 3 | 75% | 1.33 |  | 1–0 | 2–1 |",
        "| harmonic | 3 | 25% | 2.00 | 1–2 | 0–1 |  |",
    ]


@pytest.mark.parametrize(
    ("ranks", "words"),
    [
        ({"02": "AB"}, "Sheet 02: C is missing; name each of ABC once"),
        ({"02": "ABD"}, "Sheet 02: there is no fill 'D'; its letters are ABC"),
        ({"02": "ABA"}, "Sheet 02: A stands there twice"),
        ({"02": 3}, "Sheet 02: the rank must be letters"),
        ({"09": "AB"}, "speaks of a sheet '09'"),
    ],
)
def test_bad_ranks_are_refused(sheets, tmp_path, ranks, words):
    sheets.write(tmp_path)
    with pytest.raises(InpaintError, match=words):
        judged(tmp_path, **ranks)
    with pytest.raises(InpaintError, match="has sheets already"):
        blind.check(tmp_path, ["telea"])


def test_the_command_for_blind_sheets(published, tmp_path, monkeypatch, capsys):
    out = tmp_path / "blind"
    assert command(monkeypatch, "--cases", published, "--models", "telea,harmonic", "--blind", out) == 0
    assert "3 sheets are written" in capsys.readouterr().err
    assert command(monkeypatch, "--score", out) == 2
    (out / "ranks.json").write_text('{"01": "AB", "02": "", "03": "BA"}')
    assert command(monkeypatch, "--score", out) == 0 and "| telea | 2 |" in capsys.readouterr().out
    for args in (["--score", tmp_path], ["--score", out, "--cases", published]):
        assert command(monkeypatch, *args) == 2
    said = capsys.readouterr().err
    assert "key.json cannot be read" in said and "--score stands alone" in said
