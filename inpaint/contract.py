"""The words every room shares. Depends on numpy only, so anything may import it.

An image is (H, W, 3) uint8 RGB. A mask is (H, W) bool, True where pixels are missing (the hole).
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from numbers import Real
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

import numpy as np

PRECISIONS = ("float32", "bfloat16", "float16")
Image = np.ndarray
Mask = np.ndarray
Array = np.ndarray
NOTHING: Mapping[str, Any] = MappingProxyType({})
# settings of every fill: no option may be named so
COMMON = frozenset({"image", "mask", "model", "weights", "device", "precision", "seed", "intact"})


class InpaintError(ValueError):
    """Something the user can put right. The message is one sentence that says what to do."""


def _is_number(value: Any) -> bool:
    """Whether it is one by its type; True and False are none."""
    return isinstance(value, Real) and not isinstance(value, bool)


def shown(value: Any) -> str:
    """A value that is refused, short."""
    try:
        return f"{value!r:.40}"
    except ValueError:  # a number too long to be written
        return f"a {type(value).__name__}"


class Step(NamedTuple):
    """An estimate of the whole patch. A later step is meant to be better than the one before."""

    image: Image  # (H, W, 3) uint8 RGB, the patch's size
    progress: float = 1.0  # 0..1, never falls, 1.0 on the last
    views: Mapping[str, Image] = NOTHING  # named intermediate RGB pictures: "offsets", "loss", "edges"…
    note: str = ""  # a few words on this step: "level 3 of 6", "iteration 420"
    origin: Array | None = None  # (H, W, 2) int: row and column each pixel was copied from, -1 where from nowhere


class Inpainter(Protocol):
    """Fills a patch.

    The pipeline has cropped, shrunk and padded the patch to the card's `Size` and blanked the hole to 0. A model
    may draw anywhere: only hole pixels are kept. It must not write to its inputs. A one-shot model yields once.
    Models whose card is `seeded` also take `seed: int`. Closing the generator stops the work. A model that may run
    elsewhere than it was asked to says where in its attribute `device`.
    """

    def __call__(self, image: Image, mask: Mask, **options: Any) -> Iterator[Step]: ...


@dataclass(frozen=True)
class Size:
    """Which patch sizes a model accepts, in pixels; the pipeline makes them so."""

    multiple: int = 1  # both sides are multiples of this
    minimum: int = 1  # shortest side
    maximum: int | None = None  # longest side; a larger patch is shrunk, and the result says so
    usual: int | None = None  # longest side unless the user asks for another: what the weights were trained for


@dataclass(frozen=True)
class Number:
    """An option the user may turn: a slider on the page, `--option name=value` on the command line."""

    name: str
    default: float
    low: float
    high: float
    step: float = 1  # whole numbers when step is whole
    help: str = ""

    def parse(self, value: Any) -> float:
        """The value as a number in [low, high]; an int when `step` is whole. Raises InpaintError."""
        try:
            number = float(value) if _is_number(value) or isinstance(value, str) else None
        except OverflowError:  # a whole number with hundreds of digits
            number = math.inf
        except ValueError:
            number = None
        if number is None:
            raise InpaintError(f"{self.name} must be a number, not {shown(value)}.")
        if not self.low <= number <= self.high:  # also refuses nan
            raise InpaintError(f"{self.name} must be between {self.low:g} and {self.high:g}, not {number:g}.")
        if float(self.step).is_integer():
            if not number.is_integer():
                raise InpaintError(f"{self.name} must be a whole number, not {number:g}.")
            if (number - self.low) % self.step and self.step > 1:
                raise InpaintError(
                    f"{self.name} goes from {self.low:g} in steps of {self.step:g}, not to {number:g}."
                )
            return int(number)
        return number


@dataclass(frozen=True)
class Choice:
    """An option with named values: a drop-down."""

    name: str
    default: str
    values: tuple[str, ...]
    help: str = ""

    def parse(self, value: Any) -> str:
        """The value itself if it is one of `values`. Raises InpaintError."""
        if not isinstance(value, str) or value not in self.values:
            raise InpaintError(f"{self.name} must be one of {', '.join(self.values)}, not {shown(value)}.")
        return value


@dataclass(frozen=True)
class Flag:
    """An option that is on or off: a check box."""

    name: str
    default: bool
    help: str = ""

    def parse(self, value: Any) -> bool:
        """True or False from a bool or from on/off, yes/no, true/false, 1/0. Raises InpaintError."""
        if isinstance(value, bool | np.bool_ | int) and value in (0, 1):
            return bool(value)
        word = value.strip().lower() if isinstance(value, str) else ""
        if word in ("1", "true", "yes", "on"):
            return True
        if word in ("0", "false", "no", "off"):
            return False
        raise InpaintError(f"{self.name} must be on or off, not {shown(value)}.")


@dataclass(frozen=True)
class Layer:
    """An option that is a picture of the photo's size, laid over it: strokes drawn on it, or a second photo.

    The pipeline crops, shrinks and pads it like the photo. A file on the command line; the page decides how it is
    drawn. None: there is none.
    """

    name: str
    kind: str = "mask"  # "mask": (H, W) bool; "photo": (H, W, 3) uint8 RGB
    help: str = ""
    default: None = None

    def parse(self, value: Any) -> Array | None:
        """The array itself if it is one of the kind. Raises InpaintError."""
        if value is None or (isinstance(value, str) and not value):
            return None
        dtype, ndim = (bool, 2) if self.kind == "mask" else (np.uint8, 3)
        if not isinstance(value, np.ndarray) or value.dtype != dtype or value.ndim != ndim:
            raise InpaintError(f"{self.name} must be a {self.kind} of the photo's size.")
        return value


Option = Number | Choice | Flag | Layer


@dataclass(frozen=True)
class Hub:
    """A file in a repository of the Hugging Face Hub."""

    repo: str  # "owner/name"
    file: str
    digest: str  # "sha256:…", "sha256-prefix:…" or "git-blob:…"; a file that does not match is never used
    revision: str = "main"
    space: bool = False  # a Space's repository, not a model's

    @property
    def address(self) -> str:
        """Where a person finds it."""
        place = f"spaces/{self.repo}" if self.space else self.repo
        return f"https://huggingface.co/{place}/resolve/{self.revision}/{self.file}"


@dataclass(frozen=True)
class Url:
    """A file anywhere else."""

    address: str
    digest: str  # as of `Hub`


Source = Hub | Url


@dataclass(frozen=True)
class Weights:
    """One published checkpoint of a model: where it is, and what one must know before using it."""

    title: str  # "Places2, by the authors"
    parts: Mapping[str, tuple[Source, ...]]  # the card's networks → the same file at several places, best first
    megabytes: float  # to download, all parts
    licence: str  # of the weights themselves
    commercial: bool | None  # None: unclear, to be treated as no
    data: str  # what they were trained on, and its terms
    link: str  # who says so
    layout: str = ""  # which of the family's layouts; "": the first that fits
    shipped: str = ""  # digest of the converted file in `weights/`, where it comes with the project
    note: str = ""


@dataclass(frozen=True)
class Tour:
    """What a student is told of a method beside its own pictures: one to three plain sentences each."""

    sees: str  # what it is given of the photo
    does: str  # its steps; its views are named by their exact titles, in “ ”
    fails: str  # what goes wrong on `bad`
    good: str  # name of a picture in `examples/` where it does well
    bad: str  # of one where it fails
    options: Mapping[str, Any] = field(
        default_factory=dict
    )  # other than the defaults, where those would take too long to watch
    looked: bool = True  # False: never run here, so `fails` is what its design leads one to expect


@dataclass(frozen=True)
class Card:
    """All that the program knows about a model before loading it."""

    title: str
    summary: str  # one or two sentences for the person who chooses
    paper: str  # authors, title, venue, year
    link: str  # where to read it
    licence: str  # of the code that runs, and of the weights where there are any
    commercial: bool  # may results be made for money
    speed: str  # what to expect, as measured
    load: Callable[..., Inpainter]  # (device, **networks) -> model; torch and the like are imported in here
    size: Size = Size()
    context: float = 1.0  # how much surrounding the model wants, in hole sizes
    detail: float = 0.0  # 0..1, how much detail of the surroundings its soft fills are given
    borders: bool = False  # a hole may be open to the picture's border: it needs no known pixels beyond
    short: str = ""  # what to call it where there is little room; "": the title
    line: str = ""  # what it is good at, in at most 60 letters; every model of the zoo has one
    options: tuple[Option, ...] = ()
    tour: Tour | None = None  # every model of the zoo has one
    seeded: bool = False  # takes `seed`
    gpu: bool = False  # can use one
    lease: int = 15  # seconds to ask of a GPU that is lent
    precisions: tuple[str, ...] = ("float32",)  # of its numbers, those in which it was measured to work
    networks: Mapping[str, str] = field(
        default_factory=dict
    )  # argument of `load` → "file:FAMILY" in `nets`, loaded with weights
    weights: Mapping[str, Weights] = field(
        default_factory=dict
    )  # tag → published checkpoint, the first is the default
