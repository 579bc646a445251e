"""Small weights for models that need some: the real networks, narrow, with numbers from the recipe.

They fill holes with nonsense, which is all that tests of everything but the networks need.
"""

import dataclasses
import shlex
from pathlib import Path

import torch
from recipe import fill_state

from inpaint import zoo
from inpaint.checkpoints import checkpoint, store

WIDTH = 8


def make(name: str, folder: Path, layout: str = "", width: int = WIDTH) -> Path:
    """A canonical file for a model of the zoo, in `folder`."""
    parts = {}
    for part, place in zoo.card(name).networks.items():
        family = checkpoint.family(place)
        chosen = layout or next(iter(family.layouts))
        config = dataclasses.replace(family.layouts[chosen].config, width=width)
        shapes = [[k, list(v.shape)] for k, v in checkpoint.blank(family, config).state_dict().items()]
        state = {k: torch.from_numpy(v) for k, v in fill_state(shapes).items()}
        parts[part] = checkpoint.Part(family, chosen, config, state)
    path = folder / f"{name}.safetensors"
    checkpoint.save(parts, {"model": name, "tag": "narrow", "title": "random numbers"}, path)
    return path


def everything(folder: Path) -> dict[str, Path]:
    """Model → file, for every model that needs weights."""
    wanted = [name for name in zoo.MODELS if zoo.card(name).networks]
    return {name: make(name, folder) if store.is_converted(zoo.card(name)) else onnx(folder) for name in wanted}


def onnx(folder: Path) -> Path:
    """A file for the one model that takes ONNX: it paints the hole in one colour."""
    from test_migan import stand_in

    return stand_in(folder / "migan.onnx")


def variable(files: dict[str, Path]) -> str:
    """INPAINT_WEIGHTS for these files."""
    return " ".join(f"{name}={shlex.quote(str(file))}" for name, file in files.items())
