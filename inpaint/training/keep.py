"""What a run leaves in its folder: a state to go on from, a checkpoint to use, a log, curves, samples."""

import json
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .. import checkpoint
from ..contract import InpaintError
from .recipe import Recipe


class Keeper:
    """The folder of one run."""

    def __init__(self, folder: Path, recipe: Recipe, facts: dict[str, Any] | None):
        self.folder, self.recipe, self.facts = folder, recipe, facts or {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InpaintError(f"{folder} cannot be made: {error.strerror}.") from None
        self.state, self.lines = folder / "state.pt", folder / "log.jsonl"
        self.weights = folder / f"{recipe.model}.safetensors"

    def read(self) -> dict[str, Any]:
        """The kept state. Tensors and plain values only, whatever the file holds."""
        try:
            return torch.load(self.state, map_location="cpu", weights_only=True)
        except FileNotFoundError:
            raise InpaintError(f"{self.folder} holds no run to go on with.") from None
        except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
            raise InpaintError(f"{self.state} cannot be read: {str(error).splitlines()[0]}") from None

    def save(self, state: dict[str, Any]) -> None:
        """Put the state in place of the last one, at once or not at all."""
        half_done = self.state.with_suffix(".part")
        try:
            with half_done.open("wb") as file:
                torch.save(state, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(half_done, self.state)
        except OSError as error:
            raise InpaintError(f"{self.state} cannot be written: {error.strerror}.") from None

    def write(self, tensors: dict[str, Tensor], at: Any, shown: Any) -> None:
        """The checkpoint in half precision, the samples, the curves."""
        parts = {}
        for part, place in self.recipe.places.items():
            own = {k.removeprefix(f"{part}."): v for k, v in tensors.items() if k.startswith(f"{part}.")}
            half = {k: v.half().cpu() if v.is_floating_point() else v.cpu() for k, v in own.items()}
            net = getattr(self.recipe, part)
            parts[part] = checkpoint.Part(checkpoint.family(place), "own", net.config, half)
        told = {"step": at.step, "pictures seen": at.seen, "minutes": round(at.seconds / 60, 1)}
        checkpoint.save(parts, self.facts | {"trained": self.facts.get("trained", {}) | told}, self.weights)
        _write(self.folder / "samples.png", sheet(*shown))
        self.draw()

    def log(self, line: dict[str, Any]) -> None:
        with self.lines.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def forget(self, step: int) -> None:
        """Drop the log's lines beyond a step: they are going to be written again."""
        lines = [line for line in self.logged() if line["step"] <= step]
        self.lines.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")

    def logged(self) -> list[dict[str, Any]]:
        """The log; a line that a kill cut short is left out."""
        found = []
        for line in self.lines.read_text(encoding="utf-8").splitlines() if self.lines.exists() else ():
            try:
                found.append(json.loads(line))
            except ValueError:
                continue
        return found

    def draw(self) -> None:
        """The losses over the steps, and the score on photos that were kept back."""
        from matplotlib.figure import Figure

        lines = self.logged()
        if not lines:
            return
        figure = Figure((11, 4.5), layout="constrained")
        left, right = figure.subplots(1, 2)
        for name in dict.fromkeys(name for line in lines for name in line["losses"] if "gradient" not in name):
            points = [(line["step"], line["losses"][name]) for line in lines if name in line["losses"]]
            left.plot(*zip(*points, strict=True), label=name, linewidth=0.8)
        left.set(xlabel="step", title="losses, weighted", yscale="symlog")
        left.legend(fontsize=7)
        points = [(line["step"], line["validation"]) for line in lines if "validation" in line]
        if points:
            right.plot(*zip(*points, strict=True), marker=".")
        right.set(xlabel="step", ylabel="dB", title="PSNR in the hole, photos kept back")
        figure.savefig(self.folder / "curves.png", dpi=90)


def sheet(batch: Any, made: Tensor) -> np.ndarray:
    """Rows of photo with hole, fill, truth: (rows·H, 3·W, 3) uint8."""
    holed = batch.photo * (1 - batch.mask) + 0.5 * batch.mask
    rows = torch.cat([holed, made.clamp(0, 1), batch.photo], 3)  # (N, 3, H, 3W)
    return (rows.permute(0, 2, 3, 1).flatten(0, 1) * 255).round().byte().cpu().numpy()


def _write(path: Path, pixels: np.ndarray) -> None:
    from PIL import Image

    Image.fromarray(pixels).save(path)
