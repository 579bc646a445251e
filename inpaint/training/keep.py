"""What a run leaves in its folder: a state to go on from, a checkpoint to use, a log, curves, samples."""

import contextlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image as Pillow
from torch import Tensor

from ..checkpoints import checkpoint
from ..contract import Image, InpaintError
from ..imaging.curve import curve
from ..imaging.files import replacing
from .recipe import Recipe

SIZE = (495, 405)  # of each of the curves, in pixels


class Keeper:
    """The folder of one run."""

    def __init__(self, folder: Path, recipe: Recipe, facts: dict[str, Any] | None):
        self.folder, self.recipe, self.facts = folder, recipe, facts or {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for left in folder.glob(".*.part*"):  # half written when a run was killed
                left.unlink(missing_ok=True)
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
        except Exception as error:  # whatever a broken or hostile file sets off in its reader
            why = str(error).partition("\n")[0] or type(error).__name__
            raise InpaintError(f"{self.state} cannot be read: {why[:160]}") from None

    def save(self, state: dict[str, Any]) -> None:
        """Put the state in place of the last one."""
        with replacing(self.state) as path, path.open("wb") as file:
            torch.save(state, file)

    def write(self, tensors: dict[str, Tensor], at: Any, samples: Image) -> None:
        """The checkpoint in half precision, the samples, the curves."""
        parts = {}
        for part, place in self.recipe.places.items():
            own = {k.removeprefix(f"{part}."): v for k, v in tensors.items() if k.startswith(f"{part}.")}
            half = {k: halved(v).cpu() for k, v in own.items()}
            net = getattr(self.recipe, part)
            parts[part] = checkpoint.Part(checkpoint.family(place), "own", net.config, half)
        told = {"step": at.step, "pictures seen": at.seen, "minutes": round(at.seconds / 60, 1)}
        checkpoint.save(parts, self.facts | {"trained": self.facts.get("trained", {}) | told}, self.weights)
        with replacing(self.folder / "samples.png") as path:
            Pillow.fromarray(samples).save(path)
        self.draw()

    def log(self, line: dict[str, Any]) -> None:
        try:
            with self.lines.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        except OSError as error:
            raise InpaintError(f"{self.lines} cannot be written: {error.strerror}.") from None

    def forget(self, step: int) -> None:
        """Drop the log's lines beyond a step: they are going to be written again."""
        lines = [line for line in self.logged() if line["step"] <= step]
        with replacing(self.lines) as path:
            path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")

    def logged(self) -> list[dict[str, Any]]:
        """The log; a line that a kill cut short is left out."""
        found = []
        text = self.lines.read_text(encoding="utf-8", errors="replace") if self.lines.exists() else ""
        for line in text.splitlines():
            with contextlib.suppress(ValueError):
                found.append(json.loads(line))
        return [line for line in found if isinstance(line, dict) and {"step", "losses"} <= line.keys()]

    def draw(self) -> None:
        """The losses over the steps, and the score on photos that were kept back."""
        losses: dict[str, dict[int, float]] = {}  # name → step → value
        scores: dict[int, float] = {}
        for line in self.logged():
            for name, value in line["losses"].items():
                if "gradient" not in name:
                    losses.setdefault(name, {})[line["step"]] = value
            if "validation" in line:
                scores[line["step"]] = line["validation"]
        left = curve(losses, x="step", y="losses, weighted", scale="symlog", size=SIZE)
        right = curve({"validation": scores}, x="step", y="dB in the hole, photos kept back", size=SIZE)
        with replacing(self.folder / "curves.png") as path:
            Pillow.fromarray(np.hstack([left, right])).save(path)


def pixels(pictures: Tensor) -> np.ndarray:
    """(N, 3, H, W) in 0..1 -> (N, H, W, 3) uint8."""
    return (pictures.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()


def compared(made: np.ndarray, truth: np.ndarray, holes: np.ndarray) -> Image:
    """Fills beside the truth (N, H, W, 3) uint8, holes (N, H, W) bool -> (N·H, 3·W, 3): rows of photo with a grey
    hole, fill, truth."""
    holed = np.where(holes[..., None], np.uint8(128), truth)
    return np.concatenate(np.concatenate([holed, made, truth], 2))


def halved(value: Tensor) -> Tensor:
    """In half precision, unless it has numbers that are too large for it."""
    half = value.half() if value.is_floating_point() else value
    return half if half.isfinite().all() else value
