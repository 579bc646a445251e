"""Find and load models. A model is a file in `models/`; its name is the file's name."""

import ctypes
import gc
import sys
import threading
from collections import OrderedDict
from collections.abc import Iterator
from importlib import import_module
from os import environ
from pathlib import Path
from typing import Any

from .checkpoints import checkpoint, store
from .checkpoints.store import Download
from .contract import PRECISIONS, Card, Inpainter, InpaintError, Weights

MODELS = (  # the order of the drop-down; the first that is ready is the default
    "lama",
    "migan",
    "pconv",
    "deepfill_v2",
    "edgeconnect",
    "aotgan",
    "deepfill_v1",
    "crfill",
    "glcic",
    "gmcnn",
    "patchmatch",
    "dip",
    "navier_stokes",
    "telea",
    "harmonic",
)
LOCK = threading.RLock()
RESIDENT: "OrderedDict[tuple[str, str, str, str], Inpainter]" = OrderedDict()


def names() -> tuple[str, ...]:
    """Every model that may be offered, in the order the page shows them."""
    if not store.commercial_only():
        return MODELS
    return tuple(name for name in MODELS if _commercial(card(name)))


def _commercial(card: Card) -> bool:
    return card.commercial and (not card.networks or any(w.commercial for w in card.weights.values()))


def card(name: str) -> Card:
    """What is known about a model before it is loaded. Brings in neither torch nor numba."""
    if name not in MODELS:
        raise InpaintError(f"There is no model {name!r}; choose one of {', '.join(MODELS)}.")
    return import_module(f"{__package__}.models.{name}").CARD


# ---- weights


def tags(name: str) -> tuple[str, ...]:
    """The weights on offer for a model, the default first; empty for a model that needs none."""
    return store.tags(name, card(name))


def pick_tag(name: str, wanted: str = "") -> str:
    """Which weights a model will use: those asked for, else the first that are here, else the first.

    "" for a model that needs none. Raises InpaintError where there are none, or not those.
    """
    known = card(name)
    if not known.networks:
        if wanted:
            raise InpaintError(f"{known.title} works without weights; there are none to choose.")
        return ""
    if wanted:
        store.weights(name, known, wanted)
        return wanted
    there = tags(name)
    if not there and not known.weights:
        raise InpaintError(
            f"{known.title} comes without weights: bring a file of its own with --weights FILE, or with "
            f"INPAINT_WEIGHTS={name}=FILE. {_ready_instead()}"
        )
    if not there:
        raise InpaintError(f"{known.title} has no weights that may be used here. {_ready_instead()}")
    return next((tag for tag in there if store.present(name, known, tag)), there[0])


def weights(name: str, tag: str) -> Weights:
    """The facts about one of the model's weights."""
    return store.weights(name, card(name), tag)


def terms(name: str, tag: str) -> tuple[str, bool | None]:
    """The licence of a model's code and weights, and whether results may be made for money; None: unclear."""
    known, facts = card(name), weights(name, tag) if tag else None
    code = known.licence.removesuffix("; weights: see each tag")
    if not facts:
        return code, known.commercial
    return f"{code}; weights: {facts.licence}", known.commercial and facts.commercial


def use(name: str, tag: str) -> str:
    """Whether results may be made for money, as far as code and weights go, in words."""
    words = {True: "commercial use allowed", False: "no commercial use", None: "licence unclear: no commercial use"}
    return words[terms(name, tag)[1]]


def ready(name: str, tag: str = "") -> bool:
    """Whether the model runs without a download. A model that needs no weights always does."""
    known = card(name)
    if not known.networks:
        return True
    return bool(tags(name)) and store.present(name, known, pick_tag(name, tag))


def file_and_facts(name: str, tag: str) -> tuple[Path, dict[str, Any]]:
    """The file of weights that are on this machine, and what there is to say of it. Raises InpaintError."""
    return store.file_and_facts(name, card(name), tag)


def digest(name: str, tag: str) -> str:
    """ "sha256:…" of the weights' file on this machine; "" for a model without weights. Raises InpaintError."""
    return store.digest(name, card(name), tag) if tag else ""


def verify(name: str, tag: str) -> str:
    """What was checked of weights that are on this machine. Raises InpaintError for whatever is wrong."""
    return store.verify(name, card(name), tag)


def default() -> str:
    """The first model that is ready."""
    return next(name for name in names() if ready(name))


def _ready_instead() -> str:
    return f"Ready without a download: {', '.join(card(n).title for n in names() if ready(n))}."


def fetch(name: str, tag: str = "") -> Iterator[Download]:
    """Get the model's weights here, telling how far it is; nothing to tell when they are. Raises InpaintError."""
    if tag := pick_tag(name, tag):
        try:
            yield from store.fetch(name, card(name), tag)
        except InpaintError as error:
            raise InpaintError(f"{error} {_ready_instead()}") from None


# ---- models in memory


def load(name: str, device: str = "cpu", tag: str = "", precision: str = "float32") -> Inpainter:
    """The model, ready to fill on a device that `pick_device` gave, with weights as `pick_tag` takes them.

    The ones used last stay in memory, as many as INPAINT_RESIDENT says (2). Raises InpaintError.
    """
    precision = pick_precision(name, precision)
    tag = pick_tag(name, tag)
    key = (name, device, tag, precision)
    if key not in RESIDENT:
        for _ in fetch(name, tag):  # outside the lock: others go on while it downloads
            pass
    with LOCK:
        if key not in RESIDENT:
            release(keep=_resident() - 1)
            RESIDENT[key] = _load(name, device, tag, precision)
        RESIDENT.move_to_end(key)
        return RESIDENT[key]


def _resident() -> int:
    try:
        return max(1, int(environ.get("INPAINT_RESIDENT", "2")))
    except ValueError:
        raise InpaintError("INPAINT_RESIDENT must be a whole number, how many models stay in memory.") from None


def _load(name: str, device: str, tag: str, precision: str) -> Inpainter:
    known = card(name)
    if not known.networks:
        return known.load(device)
    made = store.load(name, known, tag)
    return known.load(device, **{part: _placed(what, device, precision) for part, what in made.items()})


def _placed(what: "checkpoint.Part | Path", device: str, precision: str):
    """A network on its device; a file as it is."""
    if isinstance(what, Path):
        return what
    from .nets.device import prepare

    return prepare(checkpoint.network(what), device, precision)


def release(keep: int = 0) -> None:
    """Let go of all models but the ones used last, and give their memory back."""
    with LOCK:
        if len(RESIDENT) <= keep:
            return
        while len(RESIDENT) > keep:
            RESIDENT.popitem(last=False)
    gc.collect()
    if torch := sys.modules.get("torch"):
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        elif torch.backends.mps.is_available():
            torch.mps.empty_cache()
    if sys.platform == "linux":  # glibc keeps freed memory to itself
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim:
            trim(0)


def pick_precision(name: str, wanted: str = "float32") -> str:
    """The precision itself, if the model works in it. Raises InpaintError."""
    known = card(name)
    if wanted not in PRECISIONS:
        raise InpaintError(f"There is no precision {wanted!r}; choose {', '.join(PRECISIONS)}.")
    if wanted not in known.precisions:
        raise InpaintError(f"{known.title} does not work in {wanted}; it works in {', '.join(known.precisions)}.")
    return wanted


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
