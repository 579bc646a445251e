"""MI-GAN: what goes into an ONNX file of its kind, and what is refused. The file here is a stand-in."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import inpaint
from inpaint import zoo
from inpaint.checkpoints import store
from inpaint.contract import InpaintError
from inpaint.lab import manifest
from inpaint.models import migan

COLOUR = 200, 30, 90


def stand_in(path, image=(1, 3, "h", "w"), mask=(1, 1, "h", "w"), kind=TensorProto.UINT8, turned=False, crop=False):
    """An ONNX file that keeps the known pixels (mask 255) and paints the others in one colour."""
    constants = {
        "known": np.uint8(255),
        "colour": np.array(COLOUR, np.uint8).reshape(1, 3, 1, 1),
        "from": np.array([0], np.int64),
        "to": np.array([8], np.int64),
        "axis": np.array([2], np.int64),
    }
    nodes = [
        helper.make_node("Cast", ["mask"], ["m"], to=TensorProto.UINT8),
        helper.make_node("Cast", ["image"], ["i"], to=TensorProto.UINT8),
        helper.make_node("Equal", ["m", "known"], ["is_known"]),
        helper.make_node("Where", ["is_known", "i", "colour"], ["filled"]),
        helper.make_node("Slice", ["filled", "from", "to", "axis"], ["result"])
        if crop
        else helper.make_node("Identity", ["filled"], ["result"]),
    ]
    inputs = [helper.make_tensor_value_info(n, kind, s) for n, s in (("image", image), ("mask", mask)) if s]
    out = [helper.make_tensor_value_info("result", TensorProto.UINT8, None)]
    initial = [numpy_helper.from_array(np.asarray(v), n) for n, v in constants.items()]
    if not mask:
        initial.append(numpy_helper.from_array(np.full((1, 1, 1, 1), 255, np.uint8), "mask"))
    graph = helper.make_graph(nodes, "stand-in", inputs[::-1] if turned else inputs, out, initial)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


@pytest.mark.parametrize("turned", [False, True])
def test_the_hole_is_filled_and_the_rest_is_known(tmp_path, image, mask, turned):
    before = image.copy()
    fill = migan.load("cpu", stand_in(tmp_path / "migan.onnx", turned=turned))
    (step,) = fill(image, mask)
    assert step.progress == 1 and step.image.dtype == np.uint8 and step.image.shape == image.shape
    assert (step.image[mask] == COLOUR).all()
    reach = migan.FADE + 1
    near = np.zeros_like(mask)
    near[20 - reach : 41 + reach, 30 - reach : 57 + reach] = True
    assert np.array_equal(step.image[~near], image[~near])
    assert (step.image[20 - migan.FADE, 30] == COLOUR).all()
    assert np.array_equal(image, before)


def test_no_gpu_of_onnxruntime_means_the_processor(tmp_path):
    assert migan.start("cuda", stand_in(tmp_path / "migan.onnx")).get_providers()[-1] == "CPUExecutionProvider"


@pytest.mark.parametrize("there", ["cpu", "cuda"])
def test_the_report_says_where_it_ran(tmp_path, image, mask, monkeypatch, there):
    """Asked to run on the GPU: only the session knows whether it does."""
    start = migan.start

    def elsewhere(device, file):
        session = start(device, file)
        if there == "cuda":
            monkeypatch.setattr(session, "get_providers", lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"])
        return session

    monkeypatch.setattr(migan, "start", elsewhere)
    monkeypatch.setattr(zoo, "pick_device", lambda name, wanted="auto": "cuda")
    monkeypatch.setattr(zoo, "RESIDENT", type(zoo.RESIDENT)())
    monkeypatch.setattr(store, "own", lambda: {"migan": (stand_in(tmp_path / "migan.onnx"),)})
    *_, fill = inpaint.stream(image, mask, "migan")
    assert fill.report.device == there and f"on {there}" in str(fill.report)
    assert manifest.of(fill, mask).device == there


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"mask": None}, r"image uint8 \(1, 3, h, w\)"),
        ({"mask": (1, 3, "h", "w")}, r"mask uint8 \(1, 3, h, w\)"),
        ({"image": (1, 3, 512, 512)}, r"image uint8 \(1, 3, 512, 512\)"),
        ({"kind": TensorProto.FLOAT}, r"image float"),
    ],
)
def test_a_file_with_other_inputs_is_refused(tmp_path, wrong, said):
    file = stand_in(tmp_path / "other.onnx", **wrong)
    with pytest.raises(InpaintError, match=rf"other.onnx takes .*{said}.* but MI-GAN takes image uint8") as refused:
        migan.load("cpu", file)
    assert str(refused.value).endswith(".")


def test_a_file_with_another_result_is_refused(tmp_path, image, mask):
    fill = migan.load("cpu", stand_in(tmp_path / "other.onnx", crop=True))
    with pytest.raises(InpaintError, match=r"gives uint8 \(1, 3, 8, 97\), but MI-GAN gives uint8"):
        list(fill(image, mask))


@pytest.mark.parametrize("content", [b"", b"not an ONNX file", None])
def test_a_broken_file_is_refused(tmp_path, content):
    file = tmp_path / "broken.onnx"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InpaintError, match=r"broken.onnx cannot be run"):
        migan.load("cpu", file)
