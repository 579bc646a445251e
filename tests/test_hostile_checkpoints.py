"""Checkpoint files that are broken, or meant to harm: refused by name and reason, and nothing of them is run."""

import json
import pickle
import struct
import zipfile

import pytest
import tiny
import torch

from inpaint import InpaintError
from inpaint.checkpoints import checkpoint, published

NETWORKS = {"net": "tiny:FAMILY"}


class Bomb:
    """A pickle that runs a command when it is read."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        import os

        return os.system, (f"touch {self.path}",)


@pytest.fixture(autouse=True)
def zoo_with_tiny(monkeypatch):
    tiny.put_into(monkeypatch, places=tiny.weights())


def refuse(path, words, layouts=None):
    """The file is refused wherever a file comes in, by its name and for this reason, in one sentence."""
    with pytest.raises(InpaintError, match=words) as caught:
        published.identify(NETWORKS, (path,))
    assert path.name in str(caught.value) and "\n" not in str(caught.value)


def put(path, what):
    torch.save(what, path)
    return path


@pytest.mark.parametrize("wrapped", ["bare", "in a checkpoint", "beside good tensors", "legacy"])
def test_code_in_a_pickle_is_not_run(tmp_path, wrapped):
    sign = tmp_path / "was-here"
    what = {"bare": Bomb(sign), "in a checkpoint": {"state_dict": {"a": Bomb(sign)}}}.get(
        wrapped, {**tiny.state(), "meta": Bomb(sign)}
    )
    path = tmp_path / "evil.pth"
    torch.save(what, path, _use_new_zipfile_serialization=wrapped != "legacy")
    refuse(path, "more than tensors.*system")
    assert not sign.exists()


def test_a_plain_pickle(tmp_path):
    sign, path = tmp_path / "was-here", tmp_path / "evil.pkl"
    path.write_bytes(pickle.dumps({"state_dict": Bomb(sign)}))
    refuse(path, r"evil\.pkl is refused")
    assert not sign.exists()


def test_a_program_is_not_run_unless_it_is_the_published_one(tmp_path):
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = torch.nn.Conv2d(3, 64, 3), torch.nn.Conv2d(64, 3, 3)

        def forward(self, x):
            return self.b(self.a(x))

    path = tmp_path / "program.pt"
    with pytest.warns(DeprecationWarning):
        program = torch.jit.script(Net())
    with pytest.warns(DeprecationWarning):
        torch.jit.save(program, str(path))
    refuse(path, "TorchScript program")
    part = published.convert(path, "tiny:FAMILY", trusted=True)  # its digest was checked against the card's
    assert part.state["first.weight"].shape == (64, 3, 3, 3)


WRONG = {
    "missing": ({"a.bias": None}, r"first\.bias \(64,\) is missing"),
    "extra": ({"c.weight": torch.zeros(2)}, r"c\.weight \(2,\) is not of this network"),
    "shape": ({"b.bias": torch.zeros(5)}, r"last\.bias is \(5,\), not \(3,\)"),
    "nan": ({"b.bias": torch.tensor([0, float("nan"), 0])}, r"last\.bias holds numbers that are not finite"),
    "inf": ({"b.bias": torch.tensor([0, float("inf"), 0])}, "not finite"),
    "sparse": ({"b.bias": torch.zeros(3).to_sparse()}, "is refused"),
    "huge view": ({"b.bias": torch.zeros(1).expand(1 << 40)}, r"last\.bias is \(1099511627776,\)"),
    "object": ({"b.bias": [1, 2, 3]}, r"last\.bias \(3,\) is missing"),
    "empty": (dict.fromkeys(tiny.state()), "is missing"),
}


@pytest.mark.parametrize("case", WRONG)
@pytest.mark.filterwarnings("ignore:Sparse invariant checks:UserWarning")
def test_tensors_that_do_not_fit(tmp_path, case):
    change, words = WRONG[case]
    state = {key: value for key, value in (tiny.state() | change).items() if value is not None}
    refuse(put(tmp_path / "file.pth", {"state_dict": state}), words)


@pytest.mark.parametrize("what", [[1, 2], "text", torch.zeros(3), 7, None], ids=str)
def test_what_is_no_checkpoint(tmp_path, what):
    refuse(put(tmp_path / "file.pth", what), "not tensors by name")


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"PK\3\4 nonsense", b"\x80\x02garbage", b"<html>404</html>"])
@pytest.mark.parametrize("name", ["file.pth", "file.safetensors"])
def test_noise(tmp_path, content, name):
    path = tmp_path / name
    path.write_bytes(content)
    refuse(path, "is refused")


def test_a_truncated_file(tmp_path):
    for part in (0.3, 0.9, 0.99):
        path = tmp_path / "half.pth"
        path.write_bytes(tiny.published()[: int(len(tiny.published()) * part)])
        refuse(path, r"half\.pth is refused")


HEADERS = {
    "longer than the file": (1 << 50, {}),
    "offsets past the end": (None, {"a": {"dtype": "F32", "shape": [1000], "data_offsets": [0, 4000]}}),
    "shape of another size": (None, {"a": {"dtype": "F32", "shape": [9], "data_offsets": [0, 8]}}),
    "a negative shape": (None, {"a": {"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]}}),
    "an unknown type": (None, {"a": {"dtype": "OBJECT", "shape": [2], "data_offsets": [0, 8]}}),
    "an overflow": (None, {"a": {"dtype": "F32", "shape": [1 << 62, 4], "data_offsets": [0, 8]}}),
    "overlapping": (
        None,
        {n: {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]} for n in "ab"},
    ),
    "no table": (None, [1, 2]),
}


@pytest.mark.parametrize("case", HEADERS)
def test_a_safetensors_header_that_lies(tmp_path, case):
    length, header = HEADERS[case]
    text = json.dumps(header).encode()
    path = tmp_path / "liar.safetensors"
    path.write_bytes(struct.pack("<Q", length or len(text)) + text + bytes(8))
    refuse(path, r"liar\.safetensors is refused")


def test_a_zip_bomb(tmp_path):
    path = tmp_path / "bomb.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02}.")
        archive.writestr("archive/data/0", bytes(1 << 28))
    assert path.stat().st_size < 1 << 20
    refuse(path, "unpack to far more than its size")


def test_a_zip_with_paths_that_lead_outside(tmp_path):
    path = tmp_path / "slip.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../../evil", b"x" * 100)
    refuse(path, r"slip\.pth is refused")
    assert not list(tmp_path.parent.glob("evil"))


# ---- canonical files


def canonical(tmp_path, config=None, networks=None, state=None):
    part = checkpoint.fit(tiny.state(), tiny.FAMILY)
    path = tmp_path / "file.safetensors"
    tensors = {f"net.{k}": v for k, v in (state or part.state).items()}
    said = {"model": "tiny", "networks": networks or {"net": {"layout": "published", "config": config}}}
    from safetensors.torch import save_file

    save_file(tensors, path, {checkpoint.FACTS: json.dumps(said)})
    return path


@pytest.mark.parametrize(
    "config, words",
    [
        ({"width": 10**9}, "too much"),
        ({"width": -1}, "too much"),
        ({"width": "64"}, "not an option"),
        ({"width": True}, "not an option"),
        ({"depth": 3}, "not an option"),
        ({"__class__": 3}, "not an option"),
        ([64], "not a table"),
        (None, "not a table"),
        ({"width": 32}, r"first\.weight is \(64, 3, 3, 3\), not \(32, 3, 3, 3\)"),
    ],
)
def test_a_config_that_is_none(tmp_path, config, words):
    with pytest.raises(InpaintError, match=words) as caught:
        checkpoint.load(canonical(tmp_path, config), NETWORKS)
    assert "file.safetensors" in str(caught.value)


@pytest.mark.parametrize("networks", [[], {"other": {}}, {"net": 3}, "net"])
def test_networks_that_are_none(tmp_path, networks):
    with pytest.raises(InpaintError, match=r"file\.safetensors is refused"):
        checkpoint.load(canonical(tmp_path, networks=networks or [1]), NETWORKS)


def test_a_canonical_file_with_numbers_that_are_not_finite(tmp_path):
    state = checkpoint.fit(tiny.state(), tiny.FAMILY).state
    state["last.bias"] = torch.full((3,), float("nan"))
    with pytest.raises(InpaintError, match="not finite"):
        checkpoint.load(canonical(tmp_path, {"width": 64}, state=state), NETWORKS)


def test_a_good_one(tmp_path):
    net = checkpoint.network(checkpoint.load(canonical(tmp_path, {"width": 64}), NETWORKS)["net"])
    assert net.first.weight.equal(tiny.state()["a.weight"]) and not net.training
    assert not net.first.weight.requires_grad


def test_a_file_saved_in_half_precision_is_read_in_full(tmp_path):
    state = {k: v.half() for k, v in checkpoint.fit(tiny.state(), tiny.FAMILY).state.items()}
    part = checkpoint.load(canonical(tmp_path, {"width": 64}, state=state), NETWORKS)["net"]
    assert checkpoint.network(part).first.weight.dtype == torch.float32


def test_saving_into_nowhere_leaves_nothing(tmp_path):
    part = checkpoint.fit(tiny.state(), tiny.FAMILY)
    with pytest.raises(InpaintError, match="cannot be written"):
        checkpoint.save({"net": part}, {}, tmp_path / "no" / "where.safetensors")
    assert not list(tmp_path.iterdir())


def test_a_pickle_that_calls_itself_safetensors(tmp_path):
    path = tmp_path / "file.safetensors"
    path.write_bytes(tiny.published())
    refuse(path, r"file\.safetensors is refused")
