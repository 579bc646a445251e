"""Fills side by side, with their scores and where they differ, and what there is to take away."""

import secrets
import time
from collections.abc import Sequence
from pathlib import Path

import gradio as gr
import numpy as np

from ... import zoo
from ...contract import Image, InpaintError, Mask
from ...imaging import files
from ...imaging.colour import of_rgb
from ...imaging.picture import Picture
from ...lab import maps
from ...lab.export import Archive, Compared, as_csv, contact, is_shown, named, written
from ...lab.trials import ENDED, Cell, Trial, best
from ..pictures import outlined, preview
from ..results import Job
from ..session import Session
from ..widgets.viewer import Tile, address, to_viewer, viewer
from ..words import badge, called, status_html
from .stage import saved

SIDE = 1600  # longest side of the region that the browser gets
EXACT = 1_000_000  # pixels up to which it gets every one as it is
EVERY = 0.4  # seconds
DIFFER = "Where they differ"
ASKED = "() => {{ document.querySelector('#house').dataset.side = '{}' }}"  # in which room they are shown


class Grid:
    """The widgets. What they show is made by a `Board`."""

    def lay_out(self) -> None:
        with gr.Column(elem_id="lab"):
            self.headline = gr.HTML(elem_id="headline")
            self.viewer = viewer(hint="", calls=True, elem_id="grid", server_functions=[saved])
            with gr.Row(visible=False, elem_id="take-all") as self.take:
                self.sheet = gr.DownloadButton("Contact sheet (PNG)", size="md", elem_id="take-sheet")
                self.table = gr.DownloadButton("Scores (CSV)", size="md", elem_id="take-table")
                self.archive = gr.DownloadButton("All fills and manifests (ZIP)", size="md", elem_id="take-archive")
        self.shown = [self.headline, self.viewer, self.take, self.sheet, self.table, self.archive]


class Board:
    """One comparison on its way, in a folder of the visitor's."""

    def __init__(
        self, grid: Grid, session: Session, photo: Picture, hole: Mask, intact: bool, crowned: bool = True
    ) -> None:
        self.session, self.base, self.crowned = session, session.at, crowned
        session.compare()
        self.numbers: dict[int, int] = {}  # of the fills that may be used, by their cells
        self.grid, self.photo, self.hole, self.intact = grid, photo, hole, intact
        self.folder, self.key = session.place("comparison"), secrets.token_hex(8)
        self.name = Path(session.name).stem or "photo"
        self.box, self.rgb = maps.shown(hole), photo.rgb
        self.kept: dict[int, str] = {}
        self.told = 0.0
        self.before: list[str] = []
        self.references = [("the hole", self._written("hole", self._outlined()))]
        if intact:
            self.references.append(("the truth", self._written("truth", self.rgb[self.box])))

    def step(self, cells: Sequence[Cell]) -> dict | None:
        """The update for the page; None where it is too early for another one."""
        states = [cell.state for cell in cells]
        if states == self.before and time.monotonic() - self.told < EVERY:
            return None
        self.before, self.told = states, time.monotonic()
        return {self.grid.viewer: to_viewer(self._tiles(cells), self.references, self.key)}

    def first(self, cells: Sequence[Cell]) -> dict:
        """The update that begins it: nothing of a former comparison stays."""
        return {self.grid.headline: "", self.grid.take: gr.update(visible=False), **(self.step(cells) or {})}

    def finished(self, cells: Sequence[Cell], headline: str) -> dict:
        """The update at the end: the map, and files to take away. Raises InpaintError where nothing is done."""
        compared = Compared(self.photo, self.hole, cells, self.intact, self.name, self.crowned)
        if not compared.fills:
            reasons = "; ".join(dict.fromkeys(cell.note for cell in cells if cell.state == "failed"))
            raise InpaintError(f"No fill came out. {reasons}".strip())
        tiles = self._tiles(cells)
        if len(compared.fills) > 1:
            tiles.append(self._map(compared))
        sheet, table, archive = (
            self.folder / f"{self.name}-{what}" for what in ("sheet.png", "scores.csv", "fills.zip")
        )
        with Archive(archive) as out:
            out.add(compared)
        Picture(contact(compared), icc=of_rgb(self.photo.icc)).save(sheet)
        files.write(table, as_csv(out.table).encode())
        return {
            self.grid.headline: status_html(headline),
            self.grid.viewer: to_viewer(tiles, self.references, self.key),
            self.grid.take: gr.update(visible=True),
            self.grid.sheet: str(sheet),
            self.grid.table: str(table),
            self.grid.archive: str(archive),
        }

    def _keep(self, k: int, cell: Cell) -> None:
        """A finished fill as a result of the visitor's, to be used and downloaded."""
        self.kept[k] = self._written(f"cell{k}", cell.fill.crop(self.box))
        report, trial = cell.fill.report, cell.trial
        options = {**report.options, "weights": report.weights, "seed": report.seed or 0, "intact": self.intact}
        job = Job(self.base, self.session.root(self.base).name, trial.model, options)
        mask = self.hole if trial.mask is None else trial.mask
        number = self.session.keep(cell.fill, mask, str(report), job, show=False).number
        self.numbers[k] = number
        self.session.compared.add(number)

    def _map(self, compared: Compared) -> Tile:
        drawn, most = compared.difference()
        src = self._written("difference", drawn[self.box])
        words = (f"standard deviation over {len(compared.fills)} fills", f"up to {most:.0f} of 255 levels")
        return Tile(DIFFER, src, facts=words, map=True)

    def _tiles(self, cells: Sequence[Cell]) -> list[Tile]:
        leading = best(cells) if self.crowned else {}
        titles = unique([titled(cell.trial) for cell in cells])
        return [self._tile(k, titles[k], cell, leading) for k, cell in enumerate(cells)]

    def _tile(self, k: int, title: str, cell: Cell, leading: dict[str, float]) -> Tile:
        if not cell.fill:
            return Tile(title, state=cell.state, progress=cell.progress, note=cell.note)
        if k not in self.kept:
            self._keep(k, cell)
        scores = tuple(
            (" ".join(named(score)).strip(), written(score, value), value == leading.get(score))
            for score, value in cell.scores.items()
            if is_shown(score)
        )
        moving = {"state": cell.state, "progress": cell.progress, "note": cell.note}
        return Tile(title, self.kept[k], facts=brief(cell), scores=scores, number=self.numbers[k], **moving)

    def _outlined(self) -> Image:
        return outlined(self.rgb[self.box], self.hole[self.box])

    def _written(self, name: str, image: Image) -> str:
        """The address of a picture of the region: as it is where it is small, else good to look at."""
        image = preview(image, SIDE)
        small = image.shape[0] * image.shape[1] <= EXACT
        path = self.folder / f"{name}{'.webp' if small else '.jpg'}"
        Picture(np.ascontiguousarray(image), icc=of_rgb(self.photo.icc)).save(path)
        return address(self.grid.viewer, path)


def titled(trial: Trial) -> str:
    """A trial's title; of a method as it comes, its name as the list of methods has it."""
    return called(zoo.offer(trial.model)) if trial == Trial(trial.model) else trial.title


def brief(cell: Cell) -> tuple[str, ...]:
    """What a finished fill cost and whether it may be used for money, in a word each; the table has it all."""
    held = [] if cell.peak is None else [f"{cell.peak:.2f} GiB"]
    return (f"{cell.fill.report.seconds:.2g} s", *held, badge(zoo.offer(cell.trial.model, cell.weights)))


def unique(titles: Sequence[str]) -> list[str]:
    """The titles, those that come again with a number behind them."""
    seen: dict[str, int] = {}
    out = []
    for title in titles:
        seen[title] = seen.get(title, 0) + 1
        out.append(title if seen[title] == 1 else f"{title} #{seen[title]}")
    return out


def progress(cells: Sequence[Cell]) -> tuple[float, str]:
    """How far all of it is, 0..1, and in words what is under way."""
    share = sum(1.0 if cell.state in ENDED else cell.progress for cell in cells) / len(cells)
    ended = sum(cell.state in ENDED for cell in cells)
    under_way = next((f"{titled(cell.trial)} {cell.note}" for cell in cells if cell.state == "running"), "")
    return share, f"{ended} of {len(cells)} done" + (f" · {under_way}" if under_way else "")
