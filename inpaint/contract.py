"""The words every room shares. Depends on numpy only, so anything may import it.

An image is (H, W, 3) uint8 RGB. A mask is (H, W) bool, True where pixels are missing (the hole).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

import numpy as np

Image = np.ndarray
Mask = np.ndarray
NOTHING: Mapping[str, Any] = MappingProxyType({})


class InpaintError(ValueError):
    """Something the user can put right. The message is one sentence that says what to do."""


class Step(NamedTuple):
    """An estimate of the whole patch. A later step is meant to be better than the one before."""

    image: Image  # (H, W, 3) uint8 RGB, the patch's size
    progress: float = 1.0  # 0..1, never falls, 1.0 on the last
    views: Mapping[str, Image] = NOTHING  # named intermediate RGB pictures: "offsets", "loss", "edges"…
    note: str = ""  # a few words on this step: "level 3 of 6", "iteration 420"


class Inpainter(Protocol):
    """Fills a patch.

    The pipeline has cropped, shrunk and padded the patch to the card's `Size` and blanked the hole to 0. A model
    may draw anywhere: only hole pixels are kept. It must not write to its inputs. A one-shot model yields once.
    Models whose card is `seeded` also take `seed: int`. Closing the generator stops the work.
    """

    def __call__(self, image: Image, mask: Mask, **options: Any) -> Iterator[Step]: ...


@dataclass(frozen=True)
class Size:
    """Which patch sizes a model accepts, in pixels; the pipeline makes them so."""

    multiple: int = 1  # both sides are multiples of this
    minimum: int = 1  # shortest side
    maximum: int | None = None  # longest side; a larger patch is shrunk, and the result says so


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
            number = float(value)
        except (TypeError, ValueError):
            raise InpaintError(f"{self.name} must be a number, not {value!r}.") from None
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
        if value not in self.values:
            raise InpaintError(f"{self.name} must be one of {', '.join(self.values)}, not {value!r}.")
        return value


@dataclass(frozen=True)
class Flag:
    """An option that is on or off: a check box."""

    name: str
    default: bool
    help: str = ""

    def parse(self, value: Any) -> bool:
        """True or False from a bool or from on/off, yes/no, true/false, 1/0. Raises InpaintError."""
        if isinstance(value, bool):
            return value
        word = str(value).strip().lower()
        if word in ("1", "true", "yes", "on"):
            return True
        if word in ("0", "false", "no", "off"):
            return False
        raise InpaintError(f"{self.name} must be on or off, not {value!r}.")


Option = Number | Choice | Flag


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
    load: Callable[[str], Inpainter]  # device -> model; torch and the like are imported in here
    size: Size = Size()
    context: float = 1.0  # how much surrounding the model wants, in hole sizes
    options: tuple[Option, ...] = ()
    seeded: bool = False  # takes `seed`
    gpu: bool = False  # can use one
