"""The weights that come with the project: small, verified, telling what they are, and good at filling holes."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

import inpaint
from inpaint import zoo
from inpaint.checkpoints import checkpoint, store
from inpaint.imaging import made_up, masks, picture

EXAMPLES = Path(__file__).parent.parent / "examples"
LITE = {name: zoo.card(name).weights["lite"] for name in zoo.MODELS if "lite" in zoo.card(name).weights}
MODELS = sorted(LITE)


def file(name: str):
    return store.SHIPPED / f"{name}.lite.safetensors"


def test_four_models_have_some_and_nothing_else_lies_there():
    assert MODELS == ["deepfill_v1", "deepfill_v2", "edgeconnect", "pconv"]
    assert sorted(store.SHIPPED.glob("*.safetensors")) == sorted(map(file, MODELS))


def test_they_are_small_together():
    assert sum(file(name).stat().st_size for name in MODELS) <= 20e6
    for name, facts in LITE.items():
        assert facts.megabytes == pytest.approx(file(name).stat().st_size / 1e6, abs=0.06)


@pytest.mark.parametrize("name", MODELS)
def test_they_are_the_default_and_ready(name, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert zoo.offer(name).tag == "lite" and zoo.offer(name).present
    assert "good" in zoo.offer(name).verify()


def test_none_of_them_is_what_the_page_begins_with():
    """By the eye PatchMatch is better, whatever the PSNR."""
    assert zoo.default() == "patchmatch"


@pytest.mark.parametrize("name", MODELS)
def test_half_precision(name):
    with safe_open(file(name), "pt") as tensors:
        kinds = {tensors.get_tensor(key).dtype for key in tensors.keys()}  # noqa: SIM118
    assert kinds <= {torch.float16, torch.int64}


@pytest.mark.parametrize("name", MODELS)
def test_a_file_tells_how_it_was_made_and_what_it_may_be_used_for(name):
    facts = checkpoint.facts(file(name))
    assert facts["commercial"] is False and "non-commercial" in facts["licence"]
    made = facts["trained"]
    assert made["step"] > 0 and made["pictures seen"] > 0 and made["minutes"] > 0
    assert re.fullmatch(r"[0-9a-f]{7,40}", made["commit"]) and made["data"].startswith("sha256:")
    assert {"recipe", "seed", "size", "batch", "photos", "hardware", "precision"} <= made.keys()
    assert not re.search(r"/(home|tmp|root|work|Users)\b", json.dumps(facts))


def test_who_wants_only_commercial_use_does_not_get_them(monkeypatch):
    monkeypatch.setenv("INPAINT_COMMERCIAL_ONLY", "1")
    assert not any("lite" in zoo.tags(name) for name in MODELS)
    assert zoo.default() not in MODELS


@pytest.mark.parametrize("name", MODELS)
def test_they_fill_better_than_a_flat_colour(name):
    truth = picture.open_picture(EXAMPLES / "lighthouse.png").rgb[:256, :256]
    mask = made_up.random_freeform(truth.shape[:2], 3)
    made = inpaint.inpaint(truth, mask, name)
    flat = np.median(truth[masks.grow(mask, 8) & ~mask], 0)

    def error(colours):
        return np.abs(np.asarray(colours, float) - truth[mask]).mean()

    assert error(made[mask]) < 0.8 * error(flat)
    assert (made[~mask] == truth[~mask]).all()
