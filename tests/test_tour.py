"""Guided tours and how to choose: words against what the methods do, figures against the file they are from."""

import copy
import json
import re
from dataclasses import replace
from statistics import mean

import numpy as np
import pytest
from test_models import cheap

import inpaint
from inpaint import InpaintError, zoo
from inpaint.fill import pipeline
from inpaint.fill.groups import group
from inpaint.fill.patch import cut
from inpaint.imaging import metrics
from inpaint.lab import choose, tour

every_model = pytest.mark.parametrize("name", zoo.MODELS)
NAMED = re.compile("“([^”]+)”")


# ---- tours


@every_model
def test_a_tour_is_short_and_shows_examples_that_are_there(name):
    words = zoo.card(name).tour
    for text in (words.sees, words.does, words.fails):
        assert 1 <= len(re.findall(r"[.?!](?=\s|$)", text)) <= 3 and text[0].isupper() and text.endswith(".")
    assert words.good != words.bad
    for example in (words.good, words.bad):
        shown = tour.example(example)
        assert shown.hole.shape == shown.photo.shape[:2] and shown.hole.any() and not shown.hole.all()


@every_model
def test_a_tour_is_run_with_options_that_the_method_has(name):
    card = zoo.card(name)
    assert pipeline.settings(card, card.tour.options).items() >= dict(card.tour.options).items()


@every_model
def test_what_a_tour_names_is_what_the_method_shows(name, standins):
    shown = tour.example(zoo.card(name).tour.good)
    rows, columns = np.nonzero(shown.hole)
    top, left = max(int(rows[0]) - 30, 0), max(int(columns[0]) - 30, 0)
    part = np.s_[top : top + 96, left : left + 96]
    *_, fill = inpaint.stream(shown.photo[part], shown.hole[part], name, **cheap(name))
    assert set(NAMED.findall(zoo.card(name).tour.does)) == fill.views.keys()


def test_it_is_known_of_which_examples_the_truth_is_there():
    said = (tour.EXAMPLES / "README.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| [^|]+ \| (yes|no) \|", said, re.M))
    assert {name for name, truth in rows.items() if truth == "yes"} == tour.TRUTH
    assert rows.keys() == {path.name.removesuffix(".mask.png") for path in tour.EXAMPLES.glob("*.mask.png")}


def frames(name, **quicker):
    sights = list(tour.walk(name, **quicker))
    progress = [sight.progress for sight in sights]
    assert progress == sorted(progress) and progress[0] == 0 and progress[-1] == 1
    return [sight.frame for sight in sights if sight.frame]


def test_a_tour_goes_from_the_hole_to_the_truth():
    found, words = frames("telea"), zoo.card("telea").tour
    order = (tour.SEES, tour.DOES, tour.WELL, tour.FAILS)
    assert [order.index(frame.part) for frame in found] == sorted(order.index(frame.part) for frame in found)
    assert words.good in found[0].says and words.bad in next(f for f in found if f.part == tour.FAILS).says
    for frame in found:
        assert frame.says and frame.image.dtype == np.uint8 and frame.image.ndim == 3
    bad = tour.example(words.bad)
    result = inpaint.inpaint(bad.photo, bad.hole, "telea")
    *_, last, truth = found
    assert (last.image == result[tour.around(bad.hole)]).all() and (
        truth.image == bad.photo[tour.around(bad.hole)]
    ).all()
    assert f"{metrics.psnr(result, bad.photo, bad.hole):.2f} dB" in last.says and truth.says == "the truth"


def test_what_it_sees_is_the_patch_itself(standins):
    card, (hole, given, mask, *_) = zoo.card("pconv"), frames("pconv")
    shown, size = tour.example(card.tour.good), replace(card.size, maximum=card.size.usual)
    patch = cut(shown.photo, shown.hole, group(shown.hole, card.context, size)[0], size)
    assert (given.image == patch.padded).all() and (mask.image[..., 0] > 0).tolist() == patch.padded_hole.tolist()
    assert not given.image[patch.padded_hole].any(), "the hole is blank"
    h, w = patch.inner
    assert f"shrunk to {w} × {h}" in given.says and "to {1} × {0};".format(*patch.padded.shape) in given.says
    assert (hole.image[~shown.hole] == shown.photo[~shown.hole]).all()


def test_a_crop_in_full_size_is_said_so():
    given = frames("harmonic")[1]
    h, w = given.image.shape[:2]
    assert f"{w} × {h} of " in given.says and "shrunk" not in given.says and "mirrored" not in given.says


def test_a_method_of_many_steps_is_shown_on_the_way():
    found = [frame.says for frame in frames("patchmatch", iterations=1) if frame.part == tour.DOES]
    assert found[0].endswith("level 1 of 5") and found[-2:] == ["“offsets”", "“sources”"]
    assert 1 < sum("on the way" in says for says in found) <= len(tour.STAGES)


def test_nothing_is_scored_or_called_true_where_nobody_knows():
    said = [frame.says for frame in frames("harmonic") if frame.part == tour.WELL]
    assert zoo.card("harmonic").tour.good not in tour.TRUTH
    assert not any("dB" in says or "truth" in says for says in said)


def test_no_tour_is_begun_that_cannot_be_shown(monkeypatch):
    monkeypatch.setattr(zoo, "ready", lambda name: False)
    with pytest.raises(InpaintError, match="weights of LaMa"):
        tour.walk("lama")
    with pytest.raises(InpaintError, match="no example"):
        tour.example("no-such-example")


# ---- how to choose


@pytest.fixture(scope="module")
def raw():
    return json.loads(choose.BENCH.read_text("utf-8"))


def over(raw, model, score, shares):
    return mean(raw["aggregates"][model][score][share] for share in shares)


def named(bench):
    return {bench.title(model): model for model in bench.means}


BY_SHARE = re.compile(
    r"Holes of (\d+)–(\d+) % of the picture: (.+) has the best PSNR, ([\d.]+) dB; (.+) is ([\d.]+) dB behind"
)


def test_the_advice_has_the_figures_of_the_file(raw):
    bench = choose.read()
    models, covered = named(bench), []
    for line in choose.advice(bench):
        if found := BY_SHARE.match(line):
            low, high, best, psnr, rival, behind = found.groups()
            shares = [s for s in bench.shares if int(low) <= int(s.split("–")[0]) < int(high)]
            covered += shares
            top = over(raw, models[best], "psnr_hole", shares)
            assert f"{top:.2f}" == psnr and f"{top - over(raw, models[rival], 'psnr_hole', shares):.2f}" == behind
            for share in shares:
                column = {model: scores["psnr_hole"][share] for model, scores in raw["aggregates"].items()}
                assert max(column, key=column.get) == models[best]
    assert covered == list(bench.shares)


def test_the_advice_names_whom_each_score_prefers(raw):
    bench = choose.read()
    line = next(line for line in choose.advice(bench) if line.startswith("Over all holes"))
    for name, model, figure in re.findall(r"(\w+) prefers ([^(]+(?:\([^)]+\) lite)?) \(([\d.]+)", line):
        key = next(key for key, score in choose.SCORES.items() if score.name == name)
        assert format(over(raw, named(bench)[model], key, bench.shares), choose.SCORES[key].form) == figure
    assert line.count("prefers") == len(bench.scores) - 1


def test_no_lite_network_is_recommended_for_its_looks(raw, tmp_path):
    bench = choose.read()
    lite = {bench.title(model) for model in bench.means if bench.lite(model)}
    assert lite and all(title.endswith("lite") for title in lite)
    lines = choose.advice(bench)
    praised = [line for line in lines if (found := BY_SHARE.match(line)) and lite & {found[3], found[5]}]
    assert praised and all(line.endswith("That is PSNR, not looks.") for line in praised)
    (looks,) = [line for line in lines if line.startswith("To look at, take PatchMatch rather than")]
    assert all(title in looks for title in lite) and f"{choose.BLIND} times to none" in looks
    others = {model: scores for model, scores in raw["aggregates"].items() if model not in ("patchmatch",)}
    lines = choose.advice(choose.read(written(tmp_path, raw | {"aggregates": others})))
    assert not any("look" in line for line in lines), "nobody to be preferred"


def test_the_advice_follows_the_figures(raw, tmp_path):
    turned = copy.deepcopy(raw)
    for share in turned["aggregates"]["telea"]["psnr_hole"]:
        turned["aggregates"]["telea"]["psnr_hole"][share] = 50.0
        turned["aggregates"]["telea"]["seconds"][share] = 90.0
    lines = choose.advice(choose.read(written(tmp_path, turned)))
    assert lines[0].startswith("Holes of 1–60 % of the picture: Telea (fast marching) has the best PSNR, 50.00 dB")
    assert "slowest is Telea (fast marching), 90 s" in "".join(lines)


def test_the_advice_says_what_was_not_measured(raw, tmp_path):
    only = {"telea": raw["aggregates"]["telea"]}
    lines = choose.advice(choose.read(written(tmp_path, raw | {"aggregates": only})))
    assert "LaMa" in lines[-1] and "PatchMatch" in lines[-1] and "Telea" not in lines[-1]
    assert "behind" not in lines[0], "there is nobody to compare with"


@pytest.mark.parametrize("score", choose.read().scores)
def test_the_table_has_the_figures_of_the_file_and_marks_the_best(raw, score):
    bench, form = choose.read(), choose.SCORES[score].form
    found = choose.table(bench, score)
    assert list(found) == [name for name in zoo.MODELS if name in raw["aggregates"]]
    for k, column in enumerate(bench.columns):
        figures = {model: raw["aggregates"][model][score][column] for model in found}
        assert {model: cells[k].text for model, cells in found.items()} == {
            model: format(figure, form) for model, figure in figures.items()
        }
        top = (max if choose.SCORES[score].more else min)(figures.values())
        assert {model for model, cells in found.items() if cells[k].best} == {
            model for model, figure in figures.items() if format(figure, form) == format(top, form)
        }


def test_the_table_as_markdown():
    head, rule, *lines = choose.markdown("gmsd").splitlines()
    assert len(lines) == len(choose.read().means) and head.count("|") == rule.count("|") == lines[0].count("|")
    assert any("**" in line for line in lines)


def written(folder, whole):
    path = folder / "bench.json"
    path.write_text(whole if isinstance(whole, str) else json.dumps(whole), "utf-8")
    return path


BROKEN = {
    "empty": lambda raw: "",
    "cut short": lambda raw: json.dumps(raw)[:-200],
    "a list": lambda raw: [raw],
    "no means": lambda raw: {k: v for k, v in raw.items() if k != "aggregates"},
    "no models": lambda raw: raw | {"aggregates": {}},
    "a score left out": lambda raw: raw | {"aggregates": {"telea": {"psnr_hole": {"1–10 %": 20.0}}}},
    "not finite": lambda raw: json.dumps(raw).replace(str(raw["aggregates"]["telea"]["gmsd"]["1–10 %"]), "NaN"),
    "words": lambda raw: raw | {"aggregates": {"telea": {score: {"1–10 %": "good"} for score in choose.SCORES}}},
    "no costs": lambda raw: raw | {"costs": None},
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_file_is_said_to_be_broken(raw, tmp_path, how):
    with pytest.raises(InpaintError, match="cannot be read"):
        choose.read(written(tmp_path, BROKEN[how](raw)))


def test_a_missing_file_is_said_to_be_missing(tmp_path):
    with pytest.raises(InpaintError, match="No such file"):
        choose.read(tmp_path / "bench.json")


def run(model, seconds=(1.0, 3.0), protocol="as ever"):
    about = {"model": model, "weights": "", "device": "cpu", "load": 0.5, "case": "/photos/a.png"}
    rows = [about | {"seconds": s, "peak": s} for s in seconds]
    means = {score: {"1–10 %": 1 / 3} for score in choose.SCORES}
    cases = [{"photo": "/photos/a.png"}]
    return {"protocol": {"cost": protocol}, "cases": cases, "rows": rows, "aggregates": {model: means}}


def test_outputs_of_the_bench_are_trimmed_to_what_is_read(tmp_path):
    kept = choose.trim([run("telea"), run("harmonic", (0.1,))], timed="alone")
    assert kept["costs"]["telea"] == {"weights": "", "device": "cpu", "load": 0.5, "seconds": 2.0, "peak": 3.0}
    assert kept["protocol"] == {"cost": "as ever", "timed": "alone"} and "/photos" not in json.dumps(kept)
    bench = choose.read(written(tmp_path, kept))
    assert list(bench.means) == ["telea", "harmonic"] and bench.means["telea"]["gmsd"] == {"1–10 %": 0.3333}
    with pytest.raises(InpaintError, match="same way"):
        choose.trim([run("telea"), run("harmonic", protocol="otherwise")])


def test_the_file_says_how_it_was_made_and_names_no_place(raw):
    assert set(raw) == {"protocol", "aggregates", "costs"} and set(raw["costs"]) == set(raw["aggregates"])
    assert "inpaint" in raw["protocol"]["made with"] and "cores" in raw["protocol"]["made with"]
    assert not re.search(r"(?<!\w)/\w+/", json.dumps(raw))
