"""Fills judged blind: sheets on which nobody sees who made what, and what comes of a viewer's ranks.

A folder holds `sheets/NN.png`, one for each case: the hole, then the fills A, B, C… in an order of their own,
zoomed to the hole; `ranks.json`, to be filled in; and `key.json`, which says who is who: no viewer is to open it.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from statistics import mean
from string import ascii_uppercase
from typing import Any

import numpy as np
import PIL.Image

from ..contract import Image, InpaintError, Mask
from ..imaging import files, masks
from ..imaging.contact import Tile, holed, sheet
from ..imaging.picture import Picture
from .bench import Case, Row

PUBLISHED = "published"  # what the authors of a method made, beside the models
SIDE, ACROSS = 384, 4  # longest side of a fill on a sheet, pixels; fills in a row
CONTEXT, LEAST = 0.35, 24  # what is shown around the hole: of its longer side, pixels
HOW = """Look at each picture in the folder `sheets`, and write into ranks.json the letters of its
fills, the best first: {"01": "BADC", ...}. A sheet that you leave empty does not count.
Do not open key.json: it says who made what. Then: python -m inpaint bench --score and the name of this folder.
"""


@dataclass
class Sheets:
    """What is to be shown: it takes the fills as they come, and keeps of each what is on its sheet."""

    cases: Sequence[Case]
    fills: dict[str, dict[str, Image]] = field(default_factory=dict)  # case → who made it → (h, w, 3)

    def __post_init__(self) -> None:
        """Begin with what was published, where it is of its photo's size. Raises InpaintError."""
        self.by_name = {case.name: case for case in self.cases}
        for case in self.cases:
            photo, hole = case.read()
            published = case.read_published()
            if published is not None and published.shape == photo.shape:
                self._keep(case.name, PUBLISHED, np.where(hole[..., None], published, photo), hole)

    def add(self, row: Row) -> None:
        """Take the fill of a row of the bench that has one."""
        if row.image is not None:
            self._keep(row.case, row.model, row.image, self.by_name[row.case].read()[1])

    def _keep(self, case: str, maker: str, image: Image, hole: Mask) -> None:
        self.fills.setdefault(case, {})[maker] = zoomed(image, hole)

    def write(self, folder: Path, seed: int = 0) -> int:
        """How many sheets were written, of the cases with two fills or more. Raises InpaintError where none is."""
        rng = np.random.default_rng(seed)
        shown = [case for case in self.cases if len(self.fills.get(case.name, ())) > 1]
        if not shown:
            raise InpaintError("There is nothing to choose from: no case has two fills.")
        (folder / "sheets").mkdir(exist_ok=True)
        key = {}
        for k, case in enumerate(shown, 1):
            makers = [str(name) for name in rng.permutation(sorted(self.fills[case.name]))]
            key[f"{k:02}"] = {"case": case.name, "fills": dict(zip(ascii_uppercase, makers, strict=False))}
            Picture(self._sheet(case, makers)).save(folder / "sheets" / f"{k:02}.png")
        files.write(folder / "key.json", _text(key))
        files.write(folder / "ranks.json", _text(dict.fromkeys(key, "")))
        files.write(folder / "HOW.txt", HOW.encode())
        return len(key)

    def _sheet(self, case: Case, makers: Sequence[str]) -> Image:
        photo, hole = case.read()
        tiles = [Tile(zoomed(holed(photo, hole), hole), ("hole",))]
        tiles += [Tile(self.fills[case.name][maker], (ascii_uppercase[k],)) for k, maker in enumerate(makers)]
        return sheet([tiles[k : k + ACROSS] for k in range(0, len(tiles), ACROSS)], SIDE)


def check(folder: Path, models: Sequence[str]) -> None:
    """Raise InpaintError, before the work, where a folder has sheets already or there are too many methods."""
    if (folder / "key.json").exists():
        raise InpaintError(f"{folder} has sheets already; name another folder.")
    if len(models) >= len(ascii_uppercase):
        raise InpaintError(
            f"{len(models)} methods are too many for one sheet; choose {len(ascii_uppercase) - 1} at most."
        )


def zoomed(image: Image, hole: Mask) -> Image:
    """(h, w, 3): the hole and some of its surroundings, the longer side SIDE pixels."""
    cut = PIL.Image.fromarray(np.ascontiguousarray(image[masks.surroundings(hole, CONTEXT, LEAST)]))
    scale = SIDE / max(cut.size)
    width, height = (max(1, round(side * scale)) for side in cut.size)
    return np.asarray(cut.resize((width, height), PIL.Image.Resampling.LANCZOS))


def _text(whole: Mapping[str, Any]) -> bytes:
    return (json.dumps(whole, indent=1, ensure_ascii=False) + "\n").encode()


# ---- what comes of it


def ranks(folder: Path) -> list[list[str]]:
    """Who made the fills of each sheet that was judged, the best first. Raises InpaintError for bad ranks."""
    key, given = _read(folder / "key.json"), _read(folder / "ranks.json")
    if not all(isinstance(sheet, dict) and isinstance(sheet.get("fills"), dict) for sheet in key.values()):
        raise InpaintError(f"{folder / 'key.json'} is damaged; write the sheets anew, into another folder.")
    if strange := given.keys() - key.keys():
        raise InpaintError(f"ranks.json speaks of a sheet {min(strange)!r:.40}, which there is not.")
    found = [_order(n, key[n]["fills"], letters) for n, letters in sorted(given.items()) if letters != ""]
    if not found:
        raise InpaintError(f"No sheet is judged yet: write the letters, best first, into {folder / 'ranks.json'}.")
    return found


def _order(sheet: str, fills: Mapping[str, str], letters: Any) -> list[str]:
    """The makers in the order of the letters."""
    if not isinstance(letters, str):
        raise InpaintError(f"Sheet {sheet}: the rank must be letters, best first, as in {''.join(fills)!r}.")
    given = [letter for letter in letters.upper() if letter not in " ,>"]
    for letter in given:
        if letter not in fills:
            raise InpaintError(f"Sheet {sheet}: there is no fill {letter!r}; its letters are {''.join(fills)}.")
        if given.count(letter) > 1:
            raise InpaintError(f"Sheet {sheet}: {letter} stands there twice; name each of {''.join(fills)} once.")
    if missing := [letter for letter in fills if letter not in given]:
        raise InpaintError(f"Sheet {sheet}: {', '.join(missing)} is missing; name each of {''.join(fills)} once.")
    return [fills[letter] for letter in given]


def _read(file: Path) -> dict[str, Any]:
    """A JSON file with sheets in it. Raises InpaintError."""
    try:
        whole = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InpaintError(f"{file} cannot be read ({reason}); name a folder that --blind has written.") from None
    if not isinstance(whole, dict):
        raise InpaintError(f'{file} must hold {{"01": …}}, a line for each sheet.')
    return whole


def wins(orders: Iterable[Sequence[str]]) -> dict[tuple[str, str], int]:
    """(who, whom) → on how many sheets the one stood before the other."""
    found: dict[tuple[str, str], int] = {}
    for order in orders:
        for pair in combinations(order, 2):
            found[pair] = found.get(pair, 0) + 1
            found.setdefault(pair[::-1], 0)
    return found


def report(orders: Sequence[Sequence[str]]) -> str:
    """Markdown: of each method the share of pairs it won, its mean rank, and won–lost against each other one."""
    met = wins(orders)
    makers = sorted({maker for order in orders for maker in order}, key=lambda maker: (-_share(met, maker), maker))
    lines = [
        f"| method | sheets | pairs won | mean rank | {' | '.join(makers)} |",
        "|---" * (4 + len(makers)) + "|",
    ]
    for maker in makers:
        places = [order.index(maker) + 1 for order in orders if maker in order]
        pairs = [f"{met[maker, other]}–{met[other, maker]}" if (maker, other) in met else "" for other in makers]
        lines.append(
            f"| {maker} | {len(places)} | {_share(met, maker):.0%} | {mean(places):.2f} | {' | '.join(pairs)} |"
        )
    return "\n".join(lines)


def _share(met: Mapping[tuple[str, str], int], maker: str) -> float:
    """Of all pairs it was in, those that it won, 0..1."""
    won = sum(count for (first, _), count in met.items() if first == maker)
    lost = sum(count for (_, second), count in met.items() if second == maker)
    return won / (won + lost)
