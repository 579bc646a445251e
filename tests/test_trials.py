"""Several fills of one hole: their grammar, their scores, what failure and Stop do, what is taken away."""

import csv
import io
import json
import math
import zipfile

import numpy as np
import PIL.Image
import pytest

import inpaint as package
from inpaint import InpaintError, inpaint, stream, zoo
from inpaint.imaging import metrics
from inpaint.imaging.picture import Picture
from inpaint.lab import bench, consistency, export, manifest, maps, sensitivity, trials
from inpaint.lab.trials import Cell, Trial, parse


def ran(image, mask, *words, **settings):
    *_, cells = trials.run(image, mask, [parse(word) for word in words], **settings)
    return cells


# ---- words


def test_a_trial_in_words_comes_back():
    trial = parse("patchmatch:patch=5, context=2,seed=7")
    assert trial == Trial("patchmatch", "", 7, {"patch": "5", "context": "2"})
    assert parse(str(trial)) == trial
    assert parse("pconv@lite") == Trial("pconv", "lite") and str(parse("pconv@lite")) == "pconv@lite"
    assert trial.title == "PatchMatch (patch 5, context 2, seed 7)"
    assert parse("patchmatch:patch=7").title == "PatchMatch", "what is the default anyway is not named"


@pytest.mark.parametrize(
    "text", ["", "nonsense", "telea:radius", "telea:=3", "telea:seed=x", "telea:seed=-1", "telea:device=cuda"]
)
def test_words_that_are_no_trial(text):
    with pytest.raises(InpaintError):
        parse(text)


# ---- runs


def test_fills_and_scores_are_those_of_a_single_fill(image, mask):
    cells = ran(image, mask, "telea", "patchmatch:patch=5,seed=2", intact=True, whole=True)
    for cell, settings in zip(cells, ({}, {"patch": 5, "seed": 2}), strict=True):
        alone = inpaint(image, mask, cell.trial.model, **settings)
        assert cell.state == "done" and (cell.fill.image == alone).all()
        assert cell.scores == metrics.local(alone, image, mask) | bench.scored(alone, image, mask)


def test_without_a_truth_there_is_the_seam(image, mask):
    (cell,) = ran(image, mask, "telea")
    assert cell.scores == {"seam": metrics.seam(cell.fill.image, mask)}


def test_one_that_fails_does_not_stop_the_rest(image, mask, monkeypatch):
    def broken(image, mask, model, **settings):
        if model == "harmonic":
            raise RuntimeError("solver\nfell over")
        if model == "navier_stokes":
            raise MemoryError
        yield from stream(image, mask, model, **settings)

    monkeypatch.setattr(package, "stream", broken)
    cells = ran(image, mask, "harmonic", "telea:radius=999", "navier_stokes", "telea")
    assert [cell.state for cell in cells] == ["failed", "failed", "failed", "done"]
    assert cells[0].note == "RuntimeError: solver" and "between 1 and 20" in cells[1].note
    assert "memory" in cells[2].note


def test_every_move_is_told_and_progress_does_not_fall(image, mask):
    told = list(trials.run(image, mask, [parse("patchmatch"), parse("telea")]))
    for k in range(2):
        states = [cells[k].state for cells in told]
        order = [("waiting", "running", "done").index(state) for state in states]
        assert order == sorted(order) and states[-1] == "done"
        progress = [cells[k].progress for cells in told]
        assert progress == sorted(progress) and progress[-1] == 1


def test_stop_keeps_what_is_done(image, mask):
    seen = []
    names = [parse(name) for name in ("telea", "dip", "harmonic")]
    for cells in trials.run(image, mask, names, stopping=lambda: "running" in seen):
        seen.append(cells[1].state)
    assert [cell.state for cell in cells] == ["done", "stopped", "stopped"]
    assert cells[0].fill is not None and cells[1].fill is None and "stopped at" in cells[1].note


def test_a_hole_of_its_own_is_scored_where_all_share_one(image, mask):
    own = mask.copy()
    own[20:44, 30:60] = True
    (cell,) = trials_of(image, mask, Trial("telea", mask=own), intact=True)
    assert (cell.fill.image == inpaint(image, own, "telea")).all()
    assert cell.scores["psnr_hole"] == metrics.psnr(cell.fill.image, image, mask)


def trials_of(image, mask, *given, **settings):
    *_, cells = trials.run(image, mask, given, **settings)
    return cells


def test_input_that_cannot_be_used(image, mask):
    with pytest.raises(InpaintError, match="at least one"):
        next(trials.run(image, mask, []))
    with pytest.raises(InpaintError, match="too many"):
        next(trials.run(image, mask, [Trial("telea")] * 33))
    with pytest.raises(InpaintError, match="no hole"):
        next(trials.run(image, mask & False, [Trial("telea")]))


def test_memory_is_that_of_each_fill(image, mask, monkeypatch):
    held = []

    def hungry(image, mask, model, **settings):
        if not held:
            block = np.ones(300_000_000, np.uint8)
            held.append(int(block[::4096].sum()))
            del block
        yield from stream(image, mask, model, **settings)

    monkeypatch.setattr(package, "stream", hungry)
    cells = ran(image, mask, "telea", "telea:radius=4")
    if cells[0].peak is None:
        pytest.skip("this system cannot forget a peak of memory")
    assert cells[0].peak > cells[1].peak + 0.2
    assert ran(image, mask, "telea", measure=False)[0].peak is None


def test_the_best_are_known():
    cells = [
        Cell(
            Trial("telea"), "done", scores={"psnr_hole": 20.0, "gmsd_hole": 0.1, "seam": math.nan, "ssim_hole": 0.5}
        ),
        Cell(Trial("dip"), "done", scores={"psnr_hole": 21.0, "gmsd_hole": 0.2, "seam": 1.5, "ssim_hole": 0.5}),
        Cell(Trial("harmonic"), "failed"),
    ]
    assert trials.best(cells) == {"psnr_hole": 21.0, "gmsd_hole": 0.1}


# ---- hidden places


@pytest.mark.parametrize("share", [0.02, 0.2, 0.45, 0.7])
def test_probes_are_known_places_of_the_shape(share):
    shape = (140, 190)
    hole = np.zeros(shape, bool)
    side = int(math.sqrt(share * shape[0] * shape[1]))
    hole[5 : 5 + min(side, 130), 3 : 3 + min(side, 180)] = True
    found = consistency.probes(hole)
    assert 1 <= len(found) <= 4
    for probe in found:
        assert probe.shape == shape and probe.any() and not (probe & hole).any()
        assert probe.sum() <= 1.05 * min(hole.sum(), consistency.SHARE * (~hole).sum())
    assert all((a == b).all() for a, b in zip(found, consistency.probes(hole), strict=True)), "the same each time"
    if share < 0.1:
        assert all(abs(int(probe.sum()) - int(hole.sum())) <= 0.2 * hole.sum() for probe in found)
        assert not any((a & b).sum() > 0.6 * a.sum() for i, a in enumerate(found) for b in found[:i])


def test_a_hole_that_leaves_no_room():
    with pytest.raises(InpaintError, match="no room"):
        consistency.probes(np.ones((40, 40), bool))


def test_the_score_is_how_hidden_places_come_out(image, mask):
    places = consistency.probes(mask, 2)
    (cell,) = ran(image, mask, "telea", probes=places)
    expected = [metrics.psnr(inpaint(image, mask | place, "telea"), image, place) for place in places]
    assert cell.scores["consistency"] == pytest.approx(sum(expected) / 2)
    assert (cell.fill.image == inpaint(image, mask, "telea")).all(), "the fill is that of the hole alone"


def test_a_fill_is_kept_where_its_hidden_places_are_stopped_or_fail(image, mask, monkeypatch):
    places, seen = consistency.probes(mask, 2), []
    for cells in trials.run(
        image,
        mask,
        [Trial("dip", options={"iterations": 30})],
        probes=places,
        stopping=lambda: "hidden place 1 of 2" in seen,
    ):
        seen.append(cells[0].note)
        assert "hidden" not in seen[-1] or cells[0].fill is not None, "it can be looked at meanwhile"
    assert cells[0].state == "done" and cells[0].fill is not None and "consistency" not in cells[0].scores

    def once(image, hole, model, **settings):
        if (hole & ~mask).any():
            raise MemoryError("no more")
        yield from stream(image, hole, model, **settings)

    monkeypatch.setattr(package, "stream", once)
    (cell,) = ran(image, mask, "telea", probes=places)
    assert cell.state == "done" and "consistency" not in cell.scores and "MemoryError" in cell.note


def test_progress_counts_the_hidden_places(image, mask):
    places = consistency.probes(mask, 2)
    told = [cells[0].progress for cells in trials.run(image, mask, [Trial("patchmatch")], probes=places)]
    assert told == sorted(told) and told[-1] == 1 and any(0.3 < share < 0.9 for share in told)


TINY = {"strip": (5, 60), "column": (60, 4), "line": (1, 40), "few pixels": (3, 3), "window": (11, 11)}


@pytest.mark.parametrize("shape", TINY.values(), ids=TINY)
@pytest.mark.parametrize("where", ["one pixel", "corner", "all but one"])
@pytest.mark.parametrize("intact", [True, False], ids=["truth", "no truth"])
def test_a_score_that_cannot_be_had_is_left_out(shape, where, intact):
    photo = np.random.default_rng(1).integers(0, 256, (*shape, 3), np.uint8)
    hole = np.zeros(shape, bool)
    hole[
        {"one pixel": np.s_[-1:, -1:], "corner": np.s_[: -(-shape[0] // 2), : shape[1] // 2], "all but one": ...}[
            where
        ]
    ] = True
    hole[0, -1] &= where == "one pixel"
    try:
        places = consistency.probes(hole, 2)
    except InpaintError:
        places = []
    (cell,) = ran(photo, hole, "telea", intact=intact, whole=intact, probes=places)
    assert cell.state == "done" and not cell.note and not any(map(math.isnan, cell.scores.values()))
    if intact:
        assert {"psnr_hole", "psnr_rim", "gmsd_hole", "delta_e_hole", "psnr"} <= cell.scores.keys()
        assert ("ssim_hole" in cell.scores) == ("ssim" in cell.scores) == (min(shape) >= 11)
    rows = export.rows(export.Compared(Picture(photo), hole, [cell], intact))
    assert (
        "done" in export.as_csv(rows)
        and export.contact(export.Compared(Picture(photo), hole, [cell], intact)).any()
    )


def test_scores_that_fail_do_not_cost_the_fill(image, mask, monkeypatch):
    def short(*_):
        raise MemoryError("no more")

    monkeypatch.setattr(metrics, "local", short)
    (cell,) = ran(image, mask, "telea", intact=True)
    assert cell.state == "done" and cell.fill and not cell.scores and "MemoryError" in cell.note


# ---- where fills differ


def test_spread_is_the_deviation_over_the_fills(image, mask):
    cells = ran(image, mask, "telea", "harmonic", "navier_stokes")
    found = maps.spread([cell.fill for cell in cells])
    stack = np.stack([cell.fill.image for cell in cells]).astype(float)
    assert np.allclose(found, stack.std(0).mean(-1), atol=1e-3)
    assert not found[~mask].any() and found[mask].any()
    drawn = maps.heat(found, image, mask)
    assert drawn.shape == image.shape and drawn.dtype == np.uint8
    assert (np.ptp(drawn[~mask].astype(int), axis=1) == 0).all(), "grey outside the hole"


def test_the_map_of_differences_is_made_once(image, mask, tmp_path, monkeypatch):
    cells = ran(image, mask, "telea", "harmonic")
    made, real = [], maps.spread
    monkeypatch.setattr(maps, "spread", lambda fills: made.append(True) or real(fills))
    compared = export.Compared(Picture(image), mask, cells, False)
    with export.Archive(tmp_path / "fills.zip") as archive:
        archive.add(compared)
    export.contact(compared)
    assert (compared.difference()[0] == compared.difference()[0]).all() and len(made) == 1


def test_memory_of_the_map_does_not_grow_with_the_fills():
    import tracemalloc

    photo = np.zeros((300, 400, 3), np.uint8)
    hole = np.zeros(photo.shape[:2], bool)
    hole[20:280, 20:380] = True
    *_, fill = stream(photo, hole, "telea", radius=1)

    def held(count):
        tracemalloc.start()
        maps.spread([fill] * count)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    assert held(40) < 1.2 * held(3)


# ---- sensitivity


def test_variations_change_one_thing_each(image, mask):
    base = Trial("patchmatch", seed=5, options={"context": "1"})
    found = sensitivity.variations(base, mask, list(sensitivity.KINDS))
    kinds = [kind for kind, _ in found]
    assert kinds[0] == sensitivity.ASIS and set(kinds) == {sensitivity.ASIS, *sensitivity.KINDS}
    assert (found[0][1].mask == mask).all()
    for kind, trial in found[1:]:
        same_mask = trial.mask.shape == mask.shape and (trial.mask == mask).all()
        assert same_mask == (kind not in ("grow", "shift"))
        assert (trial.seed != 5) == (kind == "seed")
        assert (dict(trial.options) != dict(base.options)) == (kind in ("feather", "context", "working size"))
    labels = [trial.title for _, trial in found]
    assert len(set(labels)) == len(labels)
    shared = sensitivity.common(found)
    assert shared.any() and not (shared & ~mask).any()


def test_what_a_model_cannot_vary_is_left_out(mask):
    found = sensitivity.variations(Trial("telea"), mask, ["seed", "working size"])
    assert [kind for kind, _ in found] == [sensitivity.ASIS]
    with pytest.raises(InpaintError, match="no variation weather"):
        sensitivity.variations(Trial("telea"), mask, ["weather"])


def test_thin_holes_cannot_be_shrunk(image):
    thin = np.zeros((72, 97), bool)
    thin[30:32, 10:80] = True
    found = sensitivity.variations(Trial("telea"), thin, ["grow"])
    assert all("shrunk" not in trial.title for _, trial in found)
    shifted = sensitivity.variations(Trial("telea"), thin, ["shift"])
    assert [trial.title for _, trial in shifted[1:]] == ["hole 8 px left", "hole 8 px right"]
    assert sensitivity.common(shifted).any()
    assert sensitivity.left_out(shifted, ["shift"]).startswith("Left out: 2 of 4 of shift;")


SHAPES = [(30, 2048), (2048, 30), (1, 300), (300, 1), (1, 2), (2, 2), (3, 5), (40, 40)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("where", ["corner", "middle", "almost all", "one pixel"])
def test_pictures_and_holes_of_any_shape_can_be_varied(shape, where):
    h, w = shape
    hole = np.zeros(shape, bool)
    box = {
        "corner": np.s_[: -(-h // 3), : -(-w // 3)],
        "middle": np.s_[h // 3 : h // 3 + -(-h // 3), w // 3 : w // 3 + -(-w // 3)],
        "almost all": np.s_[:, :],
        "one pixel": np.s_[h // 2 : h // 2 + 1, w // 2 : w // 2 + 1],
    }[where]
    hole[box] = True
    hole[-1, -1] &= where != "almost all"
    kinds = list(sensitivity.KINDS)
    found = sensitivity.variations(Trial("patchmatch"), hole, kinds)
    assert sensitivity.common(found).any() and all(trial.mask.shape == shape for _, trial in found)
    assert all(trial.mask.any() and not trial.mask.all() for _, trial in found)
    missing = sum(sensitivity.MOST.values()) - len(found[1:])
    assert bool(missing) == bool(sensitivity.left_out(found, kinds))


def test_a_strip_is_varied_to_its_end():
    strip = np.random.default_rng(0).integers(0, 256, (30, 2048, 3), np.uint8)
    hole = np.zeros(strip.shape[:2], bool)
    hole[10:20, 1000:1100] = True
    found = sensitivity.variations(Trial("telea"), hole, ["shift", "grow"])
    cells = trials_of(strip, sensitivity.common(found), *(trial for _, trial in found))
    assert len(cells) > 3 and {cell.state for cell in cells} == {"done"}


def test_there_is_something_to_vary(mask):
    for hole, kinds in ((mask & False, ["grow"]), (mask, [])):
        with pytest.raises(InpaintError):
            sensitivity.variations(Trial("telea"), hole, kinds)


def test_influence_is_the_distance_from_the_fill_as_it_is(image, mask):
    found = sensitivity.variations(Trial("telea"), mask, ["grow", "feather"])
    shared = sensitivity.common(found)
    cells = trials_of(image, shared, *(trial for _, trial in found))
    off = sensitivity.influence([kind for kind, _ in found], cells, shared)
    base = cells[0].fill.image.astype(float)
    grown = [
        np.sqrt(((cell.fill.image[shared] - base[shared]) ** 2).mean())
        for (kind, _), cell in zip(found, cells, strict=True)
        if kind == "grow"
    ]
    assert off["grow"] == pytest.approx(np.mean(grown)) and off["grow"] > 0


# ---- taken away


@pytest.fixture
def compared(image, mask):
    cells = ran(image, mask, "telea", "patchmatch:patch=99", "harmonic", intact=True)
    return export.Compared(Picture(image), mask, cells, True, "photo")


def test_the_archive_holds_everything(compared, tmp_path, image, mask):
    with export.Archive(tmp_path / "all.zip") as archive:
        archive.add(compared)
    with zipfile.ZipFile(tmp_path / "all.zip") as found:
        assert found.testzip() is None
        names = ["01-telea.png", "01-telea.json", "02-harmonic.png", "02-harmonic.json"]
        assert found.namelist() == [*names, "mask.png", "difference.png", "scores.csv", "sheet.png"]
        png = np.asarray(PIL.Image.open(io.BytesIO(found.read("01-telea.png"))))
        assert (png == compared.cells[0].fill.image).all()
        run = manifest.from_json(found.read("02-harmonic.json"))
        table = list(csv.DictReader(io.StringIO(found.read("scores.csv").decode())))
    assert run.model == "harmonic" and (run.mask == mask).all() and not run.edited
    assert [line["state"] for line in table] == ["done", "failed", "done"]
    for line, cell in zip(table, compared.cells, strict=True):
        assert all(float(line[name]) == value for name, value in cell.scores.items()), "every digit"
    assert json.loads(table[0]["options"])["radius"] == 3 and table[0]["commercial use"] == "yes"
    assert "between 3 and 15" in table[1]["note"]


def test_a_spreadsheet_finds_no_formula():
    text = export.as_csv([{"picture": '=HYPERLINK("x")', "psnr_hole": -1.5, "note": "+1"}])
    (line,) = csv.DictReader(io.StringIO(text))
    assert line["picture"].startswith("'=") and line["note"] == "'+1" and line["psnr_hole"] == "-1.5"


def test_the_sheet_has_a_place_for_each(compared):
    tiles = export.tiled(compared)
    words = [tile.words[0] for tile in tiles]
    assert words == [
        "photo",
        "truth",
        "Telea (fast marching)",
        "PatchMatch (patch 99)",
        zoo.card("harmonic").title,
        "where they differ",
    ]
    assert tiles[3].image is None and tiles[3].words[1] == "failed"
    assert any("★" in line for tile in tiles for line in tile.words)
    assert export.contact(compared).shape[1] == 4 * 264 + 8, "four across"


def test_scores_are_named_and_written():
    assert export.named("psnr_rim") == ("PSNR", "rim") and export.named("psnr") == ("PSNR", "whole")
    assert export.named("delta_e_hole") == ("ΔE2000", "hole") and export.named("seam") == ("seam", "")
    assert export.written("delta_e_hole", 1.234) == "1.23" and export.written("psnr_hole", math.inf) == "inf dB"


# ---- the same numbers as bench


def test_scores_equal_those_of_bench(tmp_path, image, mask):
    for name, array in (("photos", image), ("masks", np.where(mask, 255, 0).astype(np.uint8))):
        (tmp_path / name).mkdir()
        PIL.Image.fromarray(array).save(tmp_path / name / "a.png")
    given, _ = bench.look(bench.pairs(tmp_path / "photos", tmp_path / "masks"))
    rows = {row.model: row.scores for row in bench.run(given, ["telea", "patchmatch"])}
    for cell in ran(image, mask, "telea", "patchmatch", intact=True, whole=True):
        assert {name: cell.scores[name] for name in rows[cell.trial.model]} == rows[cell.trial.model]


def test_a_comparison_ends_when_its_time_is_up(image, mask, monkeypatch):
    """One press holds the lane no longer than five fills may."""
    now = [0.0]
    monkeypatch.setattr(trials.time, "monotonic", lambda: now[0])
    monkeypatch.setenv("INPAINT_MAX_SECONDS", "10")
    chosen = [Trial("telea", options={"radius": radius}) for radius in range(1, 8)]
    told = []
    for cells in trials.run(image, mask, chosen, measure=False):
        told.append(cells)
        now[0] += 7
    states = [cell.state for cell in told[-1]]
    assert states[0] == "done" and states[-1] == "stopped" and "not begun" in told[-1][-1].note
