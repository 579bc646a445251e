"""The loop all recipes share: processes, precision, averages, schedules, what is kept and where a cut run goes on.

A run has a folder: `state.pt` to go on from, `<model>.safetensors` to use, a log, curves and samples. Samples,
learning rates and what is left to chance follow from the seed and the number of the step alone, so a run that was
killed and resumed goes on as one that was not, and several processes do what one would. On the CPU, with as many
threads, it ends with the same numbers to the bit; on GPUs but for rounding, since sums of gradients (of bilinear
enlargements, mirrored borders, gathered pixels) are taken there in no fixed order.
"""

import contextlib
import math
import os
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..contract import InpaintError
from ..imaging.metrics import psnr
from ..nets.device import layout
from . import data, keep
from .data import Batch, Photos
from .processes import Processes
from .recipe import Losses, Recipe, composite

CLIP = 1.0  # the longest gradient
PATIENCE = 20  # steps in a row without a finite gradient
VALIDATION = 48  # crops
BEST = 80.0  # dB, what a fill without any error counts
TOLD = 10  # the first so many steps are logged, then one in so many
READERS = min(4, os.cpu_count() or 1)  # threads that draw the batches to come, each one of them


@dataclass(frozen=True)
class Plan:
    """How to train. Either `steps` or `minutes` ends the run; with `steps` it can be repeated, on the CPU to the
    bit."""

    out: Path
    size: int = 128
    batch: int = 8
    steps: int | None = None
    minutes: float | None = None
    seed: int = 0
    device: str = "auto"
    bf16: bool = True
    average: float = 0.999  # of the weights, over about a thousand steps
    every: float = 120.0  # seconds between what is kept
    resume: bool = False
    overfit: int | None = None  # the first so many samples again and again, to see whether it learns at all
    facts: Any = None  # what is told of the run in its files


@dataclass
class Progress:
    """Where a run is."""

    step: int = 0
    seen: int = 0  # pictures
    seconds: float = 0.0
    share: float = 0.0  # of the whole run, 0..1


def train(
    recipe: Recipe,
    photos: Photos,
    plan: Plan,
    report: Callable[[dict[str, Any]], None],
    stop: Callable[[], bool] = lambda: False,
) -> Path:
    """Train, and give the path of the checkpoint. `report` is told of what is logged; `stop` is asked after every
    step whether to keep what there is and leave off.

    Raises InpaintError for a plan that cannot be followed, and for a training that has gone astray.
    """
    run = Run(recipe, photos, plan)
    for said in run.steps(stop):
        if run.processes.first:
            report(said)
    return plan.out / f"{recipe.model}.safetensors"


class Run:
    """One training. `steps()` does it, and yields what there is to tell."""

    def __init__(self, recipe: Recipe, photos: Photos, plan: Plan):
        self.photos, self.plan, self.processes = photos, plan, Processes(plan.device)
        if plan.batch % self.processes.count:
            raise InpaintError(f"{self.processes.count} processes cannot share batches of {plan.batch}.")
        if odd := [size for share in (0, 1) if (size := recipe.size(plan.size, share)) % recipe.multiple]:
            raise InpaintError(
                f"{recipe.model} takes sides that are multiples of {recipe.multiple}; with a size of {plan.size} "
                f"some pictures would have sides of {odd[0]}."
            )
        device = self.processes.device
        self.recipe = recipe.to(device, memory_format=layout(device, training=True))
        for classifier in recipe.classifiers:
            classifier.to(self.processes.device)
        self.processes.join(recipe)
        self.players = {player.name: player for player in recipe.players()}
        self.optimisers = {
            name: torch.optim.Adam(self.module(name).parameters(), player.rate, player.betas)
            for name, player in self.players.items()
        }
        self.average = {k: v.clone() for k, v in self.shipped().items()}
        self.at, self.bad = Progress(), Counter()  # player → steps in a row without a finite gradient
        held = Photos(photos.folder, "val")
        self.held = held if len(held) else photos
        self.keeper = keep.Keeper(plan.out, recipe, plan.facts)
        if plan.resume:
            self.restore(self.keeper.read())
        elif self.keeper.state.exists():
            raise InpaintError(f"{plan.out} already holds a run. Add --resume to go on with it, or choose another.")
        if not self.processes.alike(self.at.step, len(photos), len(recipe.classifiers)):
            raise InpaintError("Not all processes have the same photos, kept state and weights of VGG.")
        if self.processes.first:
            self.keeper.forget(self.at.step)

    def module(self, name: str) -> nn.Module:
        return getattr(self.recipe, name)

    def shipped(self) -> dict[str, Tensor]:
        """The tensors of the networks, without the critics'."""
        return {
            f"{part}.{k}": v.detach()
            for part in self.recipe.places
            for k, v in self.module(part).state_dict().items()
        }

    # ---- going through the steps

    def steps(self, stop: Callable[[], bool] = lambda: False) -> Iterator[dict[str, Any]]:
        """Facts on what is logged, until the plan is fulfilled or one is to stop."""
        torch.set_flush_denormal(True)
        before, began = self.at.seconds, time.monotonic()
        last = kept = began
        self.at.share = self.share_at(self.at.step)
        with contextlib.closing(self.batches()) as batches:
            while self.at.share < 1:
                batch = next(batches).to(self.processes.device)
                facts = self.step(batch, self.at.share)
                self.at.step, self.at.seen = self.at.step + 1, self.at.seen + self.plan.batch
                now = time.monotonic()
                self.at.seconds, since, leave = self.processes.agree(before + now - began, now - kept, stop())
                self.at.share = self.share_at(self.at.step)
                facts |= {"size": batch.photo.shape[-1], "speed": self.speed(now - last)}
                if due := bool(leave or self.at.share >= 1 or since >= self.plan.every):
                    facts |= self.keep()
                    kept = time.monotonic()
                if due or self.at.step <= TOLD or self.at.step % TOLD == 0:
                    yield self.log(facts)
                if leave:
                    return
                last = time.monotonic()

    def batches(self) -> Iterator[Batch]:
        """The batches from the step at hand on, in order. While one is used, other threads draw the next."""
        readers = ThreadPoolExecutor(READERS, initializer=self.processes.claim)
        waiting, step = deque(), self.at.step
        try:
            while True:
                while len(waiting) <= READERS and (share := self.share_at(step)) < 1:
                    waiting.append(readers.submit(self.draw, step, share))
                    step += 1
                yield waiting.popleft().result()
        finally:
            readers.shutdown(cancel_futures=True)

    def share_at(self, step: int) -> float:
        """How much of the run is done before a step."""
        if self.plan.steps:
            return step / self.plan.steps
        return self.at.seconds / (60 * self.plan.minutes)

    def speed(self, seconds: float) -> float:
        return round(self.plan.batch / max(seconds, 1e-9), 2)

    def draw(self, step: int, share: float) -> Batch:
        """This process's part of the batch of a step, with all that can be worked out before it."""
        each = self.plan.batch // self.processes.count
        first = step * self.plan.batch + self.processes.index * each
        numbers = range(first, first + each)
        if self.plan.overfit:
            numbers = [number % self.plan.overfit for number in numbers]
        batch = data.batch(self.photos, self.plan.seed, numbers, self.recipe.size(self.plan.size, share))
        batch = batch._replace(guide=self.recipe.guide(batch))
        return batch.pinned() if self.processes.device.type == "cuda" else batch

    def step(self, batch: Batch, share: float) -> dict[str, Any]:
        """Every player's turn."""
        self.recipe.train()
        statistics = [(tensor, tensor.clone()) for tensor in self.recipe.buffers()]
        rate, said = self.recipe.rate(share), {}
        turns = self.recipe.step(batch, share, self.at.step)
        while True:
            with self.cast():
                turn = next(turns, None)
            if turn is None:
                break
            said |= self.turn(*turn, rate)
        if not all(map(math.isfinite, said.values())):  # norms have seen what nothing was learnt from
            for tensor, before in statistics:
                tensor.copy_(before)
        self.follow()
        return {"rate": rate, "losses": said}

    def cast(self) -> contextlib.AbstractContextManager:
        """bfloat16 where it is safe, if that is wanted."""
        return torch.autocast(self.processes.device.type, torch.bfloat16, enabled=self.plan.bf16)

    def turn(self, name: str, losses: Losses, rate: float) -> dict[str, float]:
        """One player's step: its losses summed, its gradients shared and bounded, its weights moved."""
        optimiser = self.optimisers[name]
        optimiser.zero_grad(set_to_none=True)
        sum(losses.values()).backward()
        weights = [w for w in self.module(name).parameters() if w.grad is not None]
        self.processes.share([w.grad for w in weights])
        length = nn.utils.clip_grad_norm_(weights, CLIP)
        values = self.processes.mean(torch.stack([value.detach() for value in losses.values()]))
        *values, length = torch.cat([values, length[None]]).tolist()  # the only wait for the device
        if all(map(math.isfinite, (*values, length))):
            for group in optimiser.param_groups:
                group["lr"] = self.players[name].rate * rate
            optimiser.step()
            self.bad[name] = 0
        else:
            self.bad[name] += 1
            if self.bad[name] >= PATIENCE:
                raise InpaintError(
                    f"The gradients of {name!r} were not finite for {PATIENCE} steps: go on from what was kept "
                    "with --resume --precision float32, or begin again with a lower rate."
                )
        return dict(zip(losses, values, strict=True)) | {f"{name} gradient": length}

    def follow(self) -> None:
        """The moving average of the networks' tensors. It starts quickly."""
        pace = 1 - min(self.plan.average, (1 + self.at.step) / (10 + self.at.step))
        for key, value in self.shipped().items():
            if value.is_floating_point():
                self.average[key].lerp_(value, pace)
            else:
                self.average[key].copy_(value)

    # ---- telling and keeping

    def log(self, facts: dict[str, Any]) -> dict[str, Any]:
        at = self.at
        left = at.seconds / at.share * (1 - at.share) if at.share else 0.0
        line = {"step": at.step, "seen": at.seen, "minutes": round(at.seconds / 60, 3), "share": round(at.share, 5)}
        line |= facts | {"minutes left": round(max(left, 0) / 60, 2)}
        if self.processes.first:
            self.keeper.log(line)
        return line

    def keep(self) -> dict[str, Any]:
        """Write all that the run has, and how well the averaged networks do on photos they were not trained on."""
        if not self.processes.first:
            return {}
        with self.averaged():
            score, samples = self.validate()
            self.keeper.write(self.shipped(), self.at, samples)
        state = {
            "at": vars(self.at),
            "recipe": self.recipe.state_dict(),
            "average": self.average,
            "optimisers": {name: optimiser.state_dict() for name, optimiser in self.optimisers.items()},
            "plan": self.told(),
        }
        self.keeper.save(state)
        return {"validation": score}

    def told(self) -> dict[str, Any]:
        """What must be the same for a run to go on."""
        return {
            "model": self.recipe.model,
            "seed": self.plan.seed,
            "size": self.plan.size,
            "batch": self.plan.batch,
            "photos": self.photos.digest(),
            "overfit": self.plan.overfit,
        } | {f"option {name}": value for name, value in asdict(self.recipe.options).items()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where a kept state was."""
        advice = "go on as it was begun, or begin another in another folder."
        kept = state.get("plan") if isinstance(state, dict) else None
        if not isinstance(kept, dict):
            raise InpaintError(f"{self.keeper.state} is not the state of a run.")
        for key, value in self.told().items():
            if kept.get(key, value) != value:
                raise InpaintError(f"The kept run has another {key} ({kept[key]}, not {value}): {advice}")
        try:
            self.recipe.load_state_dict(state["recipe"])
            for name, optimiser in self.optimisers.items():
                optimiser.load_state_dict(state["optimisers"][name])
            for key, value in self.average.items():
                value.copy_(state["average"][key])
            self.at = Progress(**state["at"])
        except (RuntimeError, LookupError, ValueError, TypeError, AttributeError) as error:
            why = str(error).partition("\n")[0]
            raise InpaintError(f"The kept run is of another network or version ({why}): {advice}") from None

    @contextlib.contextmanager
    def averaged(self) -> Iterator[None]:
        """Within it the networks have the tensors that are kept for use: averaged, in half precision."""
        own = {k: v.clone() for k, v in self.shipped().items()}
        self.put({k: keep.halved(v) for k, v in self.average.items()})
        self.recipe.eval()
        try:
            yield
        finally:
            self.put(own)

    def put(self, tensors: dict[str, Tensor]) -> None:
        for part in self.recipe.places:
            own = self.module(part).state_dict()
            for key, value in own.items():
                value.copy_(tensors[f"{part}.{key}"])

    @torch.no_grad()
    def validate(self) -> tuple[float, np.ndarray]:
        """Mean PSNR in the hole, in dB, over crops that are always the same, and some of them as `keep.compared`.

        They are filled as a picture is that is filled for use: the hole is blank, numbers are float32, the fill is
        in 8 bits, and nothing but the hole is taken from it.
        """
        scores, shown = [], []
        for first in range(0, VALIDATION, 8):
            batch = data.batch(self.held, 0x7A1, range(first, first + 8), self.plan.size).to(self.processes.device)
            made = self.recipe.fill(batch._replace(photo=batch.photo * (1 - batch.mask)))
            made, truth = keep.pixels(composite(batch.photo, made, batch.mask)), keep.pixels(batch.photo)
            holes = batch.mask[:, 0].cpu().numpy() > 0
            scores += [min(psnr(*three), BEST) for three in zip(made, truth, holes, strict=True)]
            shown = shown or [made, truth, holes]
        self.photos.broken |= self.held.broken
        return round(float(np.mean(scores)), 3), keep.compared(*shown)
