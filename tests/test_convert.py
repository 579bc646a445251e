"""Files of every published layout, with numbers from the recipe, through `weights convert` and `weights verify`."""

import pytest
import torch
from recipe import load_fixture, make_state
from typer.testing import CliRunner

from inpaint import InpaintError, zoo
from inpaint.checkpoints import checkpoint
from inpaint.checkpoints.published import convert
from inpaint.cli import app as cli

PUBLISHED = {  # model, layouts of its networks → fixture and what its trainer wraps around each
    ("deepfill_v1", "openmmlab"): [("deepfillv1_mmagic", "openmmlab")],
    ("deepfill_v1", "tf"): [("deepfillv1_tf_official", "")],
    ("deepfill_v2", "tf_official"): [("deepfillv2_tf_official", "G")],
    ("deepfill_v2", "pt_nipponjo"): [("deepfillv2_pt_nipponjo", "G")],
    ("deepfill_v2", "openmmlab"): [("deepfillv2_mmagic", "openmmlab")],
    ("deepfill_v2", "csqiangwen"): [("deepfillv2_csqiangwen", "")],
    ("crfill", "crfill"): [("crfill_baseconv", "baseg.")],
    ("pconv", "openmmlab"): [("pconv_mmagic", "openmmlab")],
    ("pconv", "naoto0804"): [("pconv_unet_naoto", "model")],
    ("edgeconnect", "official"): [("edgeconnect_edge", "generator"), ("edgeconnect_inpaint", "module.")],
    ("gmcnn", "official"): [("gmcnn", "")],
    ("glcic", "openmmlab"): [("gl_mmagic", "openmmlab")],
    ("aotgan", "official"): [("aotgan_official", "")],
    ("aotgan", "openmmlab"): [("aotgan_mmagic", "openmmlab")],
    ("lama", "big"): [("lama_big", "generator.")],
}


def published(fixture, wrapped):
    """A checkpoint as its trainer writes it."""
    manifest, _ = load_fixture(fixture)
    state = {k: torch.from_numpy(v) for k, v in make_state(manifest).items()}
    if wrapped == "openmmlab":
        inside = {f"generator.{k}": v for k, v in state.items()} | {"disc.conv.weight": torch.ones(3)}
        return {"meta": {"epoch": 10, "time": "2020"}, "state_dict": inside, "optimizer": {"state": {}}}
    if wrapped == "module.":
        return {"iteration": 2000000, "generator": {f"module.{k}": v for k, v in state.items()}}
    if wrapped.endswith("."):
        return {"state_dict": {f"{wrapped}{k}": v for k, v in state.items()}, "epoch": 3}
    return {wrapped: state, "n_iter": 5} if wrapped else state


@pytest.mark.parametrize("model, layout", PUBLISHED, ids=["-".join(key) for key in PUBLISHED])
def test_every_published_layout(model, layout, tmp_path):
    files = []
    for fixture, wrapped in PUBLISHED[model, layout]:
        files.append(tmp_path / f"{fixture}.pth")
        torch.save(published(fixture, wrapped), files[-1], _use_new_zipfile_serialization=wrapped != "openmmlab")
    out = tmp_path / "out.safetensors"
    for command in (["convert", model, *files, "-o", out], ["verify", out, *files]):
        result = CliRunner().invoke(cli.app, ["weights", *map(str, command)], env={"COLUMNS": "300"})
        assert result.exit_code == 0, result.exception
        assert "is good" in result.output and "equal to" in result.output
    parts = checkpoint.load(out, zoo.card(model).networks)
    assert {part.layout for part in parts.values()} == {layout}
    assert all(list(checkpoint.network(part).parameters()) for part in parts.values())


class Tree(torch.nn.Module):
    """Tensors under their dotted names, in a module that does nothing."""

    def __init__(self, state):
        super().__init__()
        for head in dict.fromkeys(key.partition(".")[0] for key in state):
            below = {k.removeprefix(f"{head}."): v for k, v in state.items() if k.startswith(f"{head}.")}
            if below:
                self.add_module(head, Tree(below))
            else:
                self.register_buffer(head, state[head])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_lama_as_the_program_it_is_published_as(tmp_path):
    state = {f"model.generator.{k}": v for k, v in published("lama_big", "").items()}
    path = tmp_path / "big-lama.pt"
    torch.jit.save(torch.jit.script(Tree(state)), str(path))
    with pytest.raises(InpaintError, match="TorchScript program"):
        convert(path, "lama:FAMILY")
    part = convert(path, "lama:FAMILY", trusted=True)
    plain = checkpoint.fit(published("lama_big", ""), part.family)
    checkpoint.same({"net": part}, {"net": plain}, path.name)


def test_no_layout_was_forgotten():
    offered = {
        (model, layout)
        for model in zoo.MODELS
        for place in zoo.card(model).networks.values()
        if ":" in place
        for layout in checkpoint.family(place).layouts
    }
    assert offered - PUBLISHED.keys() == {("deepfill_v2", "tf_nipponjo")}, "the same tensors as tf_official"


@pytest.mark.parametrize("model", [m for m in zoo.MODELS if zoo.card(m).weights])
def test_the_sources_are_facts(model):
    for tag, weights in zoo.card(model).weights.items():
        assert tag == tag.lower() and weights.title and weights.licence and weights.data
        if weights.shipped:  # tests/test_shipped.py
            assert not weights.parts and not weights.link
            continue
        assert weights.link.startswith("https://") and weights.commercial in (True, False, None)
        assert weights.parts.keys() == zoo.card(model).networks.keys() and weights.megabytes > 1
        for source in (s for sources in weights.parts.values() for s in sources):
            kind, _, value = source.digest.partition(":")
            assert source.address.startswith("https://")
            assert (kind, len(value)) in {("sha256", 64), ("sha256-prefix", 8), ("git-blob", 40)}
            assert int(value, 16)
            if kind == "git-blob":
                assert len(source.address.split("/")[5]) == 40, "a git blob wants its commit in the address"
