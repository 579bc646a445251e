"""MI-GAN: a small network for phones, run from its authors' ONNX file, which crops, fills and pastes by itself."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..contract import Card, Hub, Image, Inpainter, InpaintError, Mask, Size, Step, Tour, Weights

TAKES = "image uint8 (1, 3, any, any), mask uint8 (1, 1, any, any)"
GIVES = "uint8 (1, 3, height, width)"
FADE = 3  # pixels over which the graph fades its own result into what it was given, inwards from the hole's rim


def load(device: str, file: Path) -> Inpainter:
    """The inpainter of an ONNX file. Raises InpaintError when the file is not of this kind."""
    session = start(device, file)
    picture_input, mask_input = roles(session, file.name)

    def fill(image: Image, mask: Mask) -> Iterator[Step]:
        hole = cv2.dilate(mask.astype(np.uint8), np.ones((2 * FADE + 1,) * 2, np.uint8))  # so `mask` is all result
        given = {
            picture_input: np.ascontiguousarray(image.transpose(2, 0, 1)[None]),
            mask_input: (255 * (1 - hole))[None, None],  # 255 = known
        }
        out = session.run(None, given)[0]
        if out.dtype != np.uint8 or out.shape != given[picture_input].shape:
            raise InpaintError(f"{file.name} gives {out.dtype} {out.shape}, but MI-GAN gives {GIVES}.")
        yield Step(np.ascontiguousarray(out[0].transpose(1, 2, 0)))

    fill.device = "cuda" if "CUDAExecutionProvider" in session.get_providers() else "cpu"
    return fill


def start(device: str, file: Path) -> Any:
    """The session of onnxruntime: on the GPU if that is meant and onnxruntime has it, else on all cores."""
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = cores()
    settings.log_severity_level = 3
    providers = ["CPUExecutionProvider"]
    if device.startswith("cuda") and "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        providers.insert(0, "CUDAExecutionProvider")
    try:
        return onnxruntime.InferenceSession(str(file), settings, providers=providers)
    except Exception as error:  # onnxruntime has one type of error for each way a file can be broken
        line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InpaintError(f"{file.name} cannot be run as an ONNX file ({line[:160]}).") from None


def cores() -> int:
    """The processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def roles(session: Any, name: str) -> tuple[str, str]:
    """The names of the inputs for picture and mask, told by their channels. Raises InpaintError."""
    inputs = session.get_inputs()
    fits = len(inputs) == 2 and all(
        i.type == "tensor(uint8)" and len(i.shape) == 4 and not {int} & set(map(type, i.shape[2:])) for i in inputs
    )
    found = {i.shape[1]: i.name for i in inputs} if fits else {}
    if found.keys() != {3, 1} or not session.get_outputs():
        said = ", ".join(f"{i.name} {i.type[7:-1]} ({', '.join(map(str, i.shape))})" for i in inputs)
        raise InpaintError(f"{name} takes {said or 'nothing'}, but MI-GAN takes {TAKES}.")
    return found[3], found[1]


SHA = "sha256:6f1f3530a1a2324b19752018ce756088b07973cda8d7d890034ace5c8a48c40b"

CARD = Card(
    title="MI-GAN",
    line="Objects and blemishes in photos; small, made for phones",
    summary="A small, fast network made for phones, good for objects and blemishes in photos. Runs the authors' "
    "ONNX file, which the makers of this program have not run themselves; its inputs are as its authors "
    "document them.",
    paper="A. Sargsyan, S. Navasardyan, X. Xu, H. Shi, “MI-GAN: A Simple Baseline for Image Inpainting on Mobile "
    "Devices”, ICCV 2023",
    link="https://github.com/Picsart-AI-Research/MI-GAN",
    licence="own code around the authors' file; weights: see each tag",
    commercial=True,
    speed="not measured",
    tour=Tour(
        sees="The authors' file is given the crop at 512 pixels or more, and the mask. It crops once more around "
        "the hole and works at 512 × 512.",
        does="One pass through a small network that was made for phones, and the result is pasted back. Of what "
        "happens inside the file shows nothing.",
        fails="It has one size and little room to remember: joints that blur, or do not meet across the hole, are "
        "to be expected.",
        good="spoon",
        bad="bricks",
        looked=False,
    ),
    load=load,
    size=Size(minimum=512, maximum=2048, usual=512),
    context=1.0,
    gpu=True,
    networks={"file": "onnx"},
    weights={
        "places2": Weights(
            title="Places2 at 512 × 512, by the authors",
            parts={
                "file": (
                    Hub(
                        "andraniksargsyan/migan",
                        "migan_pipeline_v2.onnx",
                        SHA,
                        "406830d0fa60666da0071c342ad2fbc8f30c5c64",
                    ),
                    Hub("karanjakhar/migan", "migan_pipeline_v2.onnx", SHA),
                )
            },
            megabytes=28.1,
            licence="MIT",
            commercial=True,
            data="Places2, whose pictures are offered for research and education only",
            link="https://github.com/Picsart-AI-Research/MI-GAN",
        )
    },
)
