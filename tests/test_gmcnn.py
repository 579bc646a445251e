"""GMCNN has no weights of its own: it runs on a file that is brought, and on nothing else."""

import numpy as np
import PIL.Image
import pytest
import torch
from parity import DEVICE, load
from recipe import fill_state, load_fixture
from typer.testing import CliRunner

import inpaint
from inpaint import InpaintError, zoo
from inpaint.checkpoints import store
from inpaint.cli import app as cli
from inpaint.cli.models import markdown
from inpaint.nets import colour

MANIFEST = load_fixture("gmcnn")[0]


@pytest.fixture
def nothing_brought(monkeypatch):
    monkeypatch.setattr(store, "own", dict)
    monkeypatch.setattr(zoo, "RESIDENT", type(zoo.RESIDENT)())


@pytest.fixture
def file(tmp_path):
    """A checkpoint as the authors write it."""
    state = {k: torch.from_numpy(v) for k, v in fill_state(MANIFEST["state"], **MANIFEST["recipe"]).items()}
    torch.save(state, tmp_path / "mine_GM.pth")
    return tmp_path / "mine_GM.pth"


def command(*words):
    return CliRunner().invoke(cli.app, [*map(str, words)], env={"COLUMNS": "300"})


def test_without_a_file_it_never_runs(nothing_brought, image, mask):
    for use in (lambda: inpaint.stream(image, mask, "gmcnn"), lambda: zoo.load("gmcnn")):
        with pytest.raises(InpaintError, match=r"GMCNN comes without weights: bring a file .*--weights FILE"):
            use()
    assert not zoo.ready("gmcnn") and not zoo.tags("gmcnn") and not zoo.RESIDENT


def test_the_lists_say_what_to_bring(nothing_brought):
    row = next(line for line in command("models").output.splitlines() if line.startswith("gmcnn"))
    assert "no weights: bring a file, --weights FILE" in row and "depends on the weights" in row
    assert "| bring a file of your own |" in next(line for line in markdown().splitlines() if "`gmcnn`" in line)
    assert "gmcnn" not in command("weights", "list").output
    pulled = command("weights", "pull", "gmcnn")
    assert pulled.exit_code and "bring a file" in str(pulled.exception)


def test_the_page_offers_it_once_there_is_a_file(nothing_brought, monkeypatch, file):
    words = pytest.importorskip("inpaint.page.words")
    assert "gmcnn" not in [name for _, name in words.methods()]
    monkeypatch.setattr(store, "own", lambda: {"gmcnn": (file,)})
    assert ("GMCNN", "gmcnn") in words.methods()


def test_a_file_of_the_authors_fills_as_their_network_does(nothing_brought, monkeypatch, file):
    monkeypatch.setattr(store, "own", lambda: {"gmcnn": (file,)})
    image = np.random.default_rng(0).integers(0, 256, (200, 260, 3), np.uint8)
    mask = np.zeros((200, 260), bool)
    mask[60:130, 80:170] = True
    *_, fill = inpaint.stream(image, mask, "gmcnn", context=4, working_size=512, device=DEVICE)
    assert fill.report.weights == "own" and fill.report.crops == ((0, 0, 260, 200),)
    blank = torch.from_numpy(np.where(mask[..., None], np.uint8(0), image))
    want, *_ = colour.complete(load("gmcnn", "gmcnn:FAMILY", "official")[2].float(), blank, torch.from_numpy(mask))
    assert np.abs(fill.image[mask].astype(int) - want.numpy()[mask]).max() <= 1
    assert (fill.image[~mask] == image[~mask]).all()


def test_on_the_command_line(nothing_brought, monkeypatch, tmp_path, file, image, mask):
    brought = {}
    monkeypatch.setattr(store, "own", lambda: brought)
    PIL.Image.fromarray(image).save(tmp_path / "photo.png")
    PIL.Image.fromarray(np.where(mask, 255, 0).astype(np.uint8)).save(tmp_path / "mask.png")
    words = ("fill", tmp_path / "photo.png", tmp_path / "mask.png", "-o", tmp_path / "out.png", "-m", "gmcnn")
    bare = command(*words)
    assert bare.exit_code and "bring a file" in str(bare.exception) and not (tmp_path / "out.png").exists()
    done = command(*words, "--weights", file)
    assert done.exit_code == 0, done.exception
    out = np.asarray(PIL.Image.open(tmp_path / "out.png"))
    assert (out[~mask] == image[~mask]).all() and (out[mask] != image[mask]).any()
