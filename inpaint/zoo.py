"""Find and load models. A model is a file in `models/`; its name is the file's name."""

import ctypes
import gc
import os
import sys
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from .checkpoints import checkpoint, hub, store
from .checkpoints.store import Download, Offer
from .contract import PRECISIONS, Card, Inpainter, InpaintError

MODELS = (  # the order of the drop-down: what looks best first
    "lama",
    "migan",
    "patchmatch",
    "aotgan",
    "deepfill_v2",
    "crfill",
    "pconv",
    "edgeconnect",
    "deepfill_v1",
    "glcic",
    "gmcnn",
    "dip",
    "navier_stokes",
    "telea",
    "harmonic",
)
LOCK = threading.RLock()


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


def offer(name: str, tag: str = "") -> Offer:
    """A model with the weights asked for; else with the best that are on this machine, else with the first.

    Published weights that are on this machine come before the small ones that are shipped. Raises InpaintError
    where there are none, or not those.
    """
    known = card(name)
    if not known.networks:
        if tag:
            raise InpaintError(f"{known.title} works without weights; there are none to choose.")
        return Offer(name, known, "")
    if tag:
        found = Offer(name, known, tag)
        found.facts  # noqa: B018  refuses a tag that is not there
        return found
    there = [Offer(name, known, one) for one in tags(name)]
    if not there and not known.weights:
        raise InpaintError(
            f"{known.title} comes without weights: bring a file of its own with --weights FILE, or with "
            f"INPAINT_WEIGHTS={name}=FILE. {_ready_instead()}"
        )
    if not there:
        raise InpaintError(f"{known.title} has no weights that may be used here. {_ready_instead()}")
    return min(there, key=lambda one: (not one.present, bool(one.facts.shipped)))


def ready(name: str) -> bool:
    """Whether the model runs without a download."""
    known = card(name)
    return not known.networks or any(Offer(name, known, tag).present for tag in tags(name))


def default() -> str:
    """The best big network whose weights are on this machine; else PatchMatch: it beats small ones by the eye."""
    big = (name for name in names() if card(name).networks and tags(name) and _is_big(offer(name)))
    return next(big, "patchmatch")


def _is_big(offer: Offer) -> bool:
    return offer.present and not offer.facts.shipped


def _ready_instead() -> str:
    return f"Ready without a download: {', '.join(card(n).title for n in names() if ready(n))}."


def fetch(name: str, tag: str = "") -> Iterator[Download]:
    """Get the model's weights here, telling how far it is; nothing to tell when they are. Raises InpaintError."""
    try:
        yield from offer(name, tag).fetch()
    except InpaintError as error:
        raise hub.retold(error, f"{str(error).rstrip('.')}. {_ready_instead()}") from None


# ---- models in memory


@dataclass
class Resident:
    """A model in memory, and how many fills are using it."""

    model: Inpainter
    megabytes: float
    users: int = 0


RESIDENT: "OrderedDict[tuple[str, str, str, str], Resident]" = OrderedDict()  # the one used last is last


@contextmanager
def using(name: str, device: str = "cpu", tag: str = "", precision: str = "float32") -> Iterator[Inpainter]:
    """The model while it fills, on a device that `pick_device` gave, with weights as `offer` takes them.

    Models used last stay in memory: as many as INPAINT_RESIDENT says (2), together no more megabytes than
    INPAINT_RESIDENT_MB (4096). One in use is never thrown out, nor is the one just loaded. Raises InpaintError.
    """
    precision = pick_precision(name, precision)
    tag = offer(name, tag).tag
    key = (name, device, tag, precision)
    if key not in RESIDENT:
        for _ in fetch(name, tag):  # outside the lock: others go on while it downloads
            pass
    with LOCK:
        resident = _resident(key)
        resident.users += 1
    try:
        yield resident.model
    finally:
        with LOCK:
            resident.users -= 1


def load(name: str, device: str = "cpu", tag: str = "", precision: str = "float32") -> Inpainter:
    """As `using`, for whoever does not say when it is done with the model."""
    with using(name, device, tag, precision) as model:
        return model


def _resident(key: tuple[str, str, str, str]) -> Resident:
    """The model at `key`, loaded if need be. Call with LOCK held."""
    if key not in RESIDENT:
        name, device, tag, precision = key
        number, most = _limit("INPAINT_RESIDENT", 2), _limit("INPAINT_RESIDENT_MB", 4096)
        made = offer(name, tag).load() if tag else {}
        megabytes = sum(_megabytes(what, precision) for what in made.values())
        release(keep=number - 1, most=most - megabytes)  # before there is one more
        placed = {part: _placed(what, device, precision) for part, what in made.items()}
        RESIDENT[key] = Resident(card(name).load(device, **placed), megabytes)
    RESIDENT.move_to_end(key)
    return RESIDENT[key]


def _limit(variable: str, usual: int) -> int:
    """What the environment allows. Raises InpaintError."""
    text = os.environ.get(variable, "").strip() or str(usual)
    if not text.isdecimal() or not int(text):
        raise InpaintError(f"{variable} must be a whole number above 0, not {text!r}.")
    return int(text)


def _megabytes(what: "checkpoint.Part | Path", precision: str) -> float:
    """What a network's tensors take in memory; of a file, its size."""
    if isinstance(what, Path):
        return what.stat().st_size / 1e6
    return sum(tensor.numel() for tensor in what.state.values()) * (4 if precision == "float32" else 2) / 1e6


def _placed(what: "checkpoint.Part | Path", device: str, precision: str):
    """A network on its device; a file as it is."""
    if isinstance(what, Path):
        return what
    from .nets.device import prepare

    return prepare(checkpoint.network(what), device, precision)


def forked() -> None:
    """To be called in a process that was forked: threads of the other one are not here, whatever waits for them."""
    from .nets.device import threads

    global LOCK
    LOCK = threading.RLock()
    store.forked()
    threads(1)


def release(keep: int = 0, most: float = 0) -> bool:
    """Let go of models that no fill is using, the longest unused first, and give their memory back.

    keep: how many may stay. most: megabytes they may have together. Gives whether any had to go.
    """
    with LOCK:
        gone = False
        for key in [key for key, resident in RESIDENT.items() if not resident.users]:
            if len(RESIDENT) <= keep and sum(one.megabytes for one in RESIDENT.values()) <= most:
                break
            del RESIDENT[key]
            gone = True
    if gone:
        _give_back()
    return gone


def _give_back() -> None:
    """What Python, torch and the C library keep of freed memory, to the machine."""
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
