"""Find and load models. A model is a file in `models/`; its name is the file's name."""

from functools import lru_cache
from importlib import import_module

from .contract import Card, Inpainter, InpaintError

MODELS = (  # the order of the drop-down; the first is the default
    "patchmatch",
    "dip",
    "navier_stokes",
    "telea",
    "harmonic",
)


def names() -> tuple[str, ...]:
    """Every model, in the order the page shows them."""
    return MODELS


def card(name: str) -> Card:
    """What is known about a model before it is loaded. Brings in neither torch nor numba."""
    if name not in MODELS:
        raise InpaintError(f"There is no model {name!r}; choose one of {', '.join(MODELS)}.")
    return import_module(f"{__package__}.models.{name}").CARD


@lru_cache(maxsize=2)
def load(name: str, device: str = "cpu") -> Inpainter:
    """The model, ready to fill on a device that `pick_device` gave. The two used last stay in memory."""
    return card(name).load(device)


def pick_device(name: str, wanted: str = "auto") -> str:
    """Where a model will run: "cpu", "cuda" or "mps". A model that cannot use a GPU always gets "cpu".

    Raises InpaintError for an unknown device, or one this machine does not have.
    """
    if wanted not in ("auto", "cpu", "cuda", "mps"):
        raise InpaintError(f"There is no device {wanted!r}; choose auto, cpu, cuda or mps.")
    if wanted == "cpu" or not card(name).gpu:
        return "cpu"
    import torch  # only for models that can use it

    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    have = [device for device, ready in there.items() if ready]
    if wanted == "auto":
        return (*have, "cpu")[0]
    if wanted not in have:
        raise InpaintError(f"This machine has no {wanted} device; use auto or cpu.")
    return wanted
