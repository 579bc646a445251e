"""Deep Image Prior: an untrained network is fitted to the known pixels of the one picture, and fills the hole."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..contract import Card, Choice, Flag, Image, Inpainter, InpaintError, Mask, Number, Size, Step, Tour

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

CADENCE = 0.5  # seconds between two estimates that are handed out
CURVE_EVERY = 4  # estimates between two drawings of the loss
PATIENCE = 1000  # iterations without a new variance minimum, as in Wang et al.


@dataclass(frozen=True)
class Preset:
    """How to fit: the paper's settings, as in `inpainting.ipynb` and `restoration.ipynb` of the reference."""

    iterations: int
    net: dict[str, Any]  # arguments of nets.skip.Skip, widths up to the coarsest scale
    rate: float = 0.01  # of Adam
    jitter: float = 0.03  # standard deviation of the noise added to the input at every iteration
    mesh: bool = False  # the input is the pixel coordinates rather than noise
    decay: float = 0.99  # of the running average

    @property
    def light(self) -> bool:
        """Fitted from a quarter of the size up to all of it, with a network of our own."""
        return "widths" in self.net


def _net(inputs: int, widths: Sequence[int], skip: int, **more: Any) -> dict[str, Any]:
    return {"inputs": inputs, "down": widths, "up": widths, "skip": [skip] * len(widths), **more}


SMALL = {"inputs": 16, "widths": (32, 64, 64, 64, 64)}  # of nets.skip.Growing
LIGHT = {  # our own, for two CPU cores; without skips, and stopped early, the network stays smooth in a wide hole
    "light": Preset(1100, {**SMALL, "skip": 16}, decay=0.98),
    "light, large hole": Preset(300, {**SMALL, "skip": 0}, decay=0.95),
}
PAPER = {
    "text": Preset(6000, _net(32, [128] * 5, 128)),
    "object": Preset(5000, _net(2, [128] * 5, 0), mesh=True),
    "large hole": Preset(
        3000, _net(1, [16, 32, 64, 128, 128, 128], 0, kernels=(5, 3, 1), pointwise=False), jitter=0
    ),
    "half the pixels": Preset(11000, _net(32, [128] * 5, 4, upsample="bilinear"), rate=0.001),
}
PRESETS = LIGHT | PAPER


class Stage(NamedTuple):
    """A part of the fit that works at one size."""

    level: int  # of nets.skip.Growing
    target: "Tensor"  # (1, 3, h, w) in 0..1, 0 where nothing is known
    known: "Tensor"  # (1, 1, h, w) in 0..1, the known share of each pixel
    iterations: int

    @property
    def cost(self) -> float:
        """Of one iteration, relative: measured to grow a little slower than the square root of the area."""
        return self.target[0, 0].numel() ** 0.5


class State(NamedTuple):
    """The fit after one iteration."""

    raw: "Tensor"  # (1, 3, h, w) in 0..1, the network's output
    average: "Tensor"  # the same, averaged over the last iterations
    loss: float
    work: float  # 0..1
    note: str


@dataclass
class Watch:
    """Early stopping by the variance of the outputs, in constant memory: ES-EMV.

    Wang et al., "Early Stopping for Deep Image Prior", 2021: the exponentially weighted variance of the outputs is
    least when the picture is there and the noise is not yet. Stops `patience` iterations after the minimum.
    """

    patience: int
    alpha: float = 0.1
    burn_in: int = 100
    seen: int = 0
    variance: float = 0.0
    least: float = math.inf
    mean: Any = None
    best: Any = None
    best_at: int = 0

    def __call__(self, raw: "Tensor", average: "Tensor") -> bool:
        """True when it is time to stop; `best` is then the average at the minimum, `best_at` counts from 1."""
        self.seen += 1
        if self.mean is None:
            self.mean = raw.clone()
        off = raw - self.mean
        self.mean.add_(off, alpha=self.alpha)
        self.variance = (1 - self.alpha) * (self.variance + self.alpha * off.square().mean().item())
        if self.seen > self.burn_in and self.variance < self.least:
            self.least, self.best, self.best_at = self.variance, average.clone(), self.seen
        return self.best is not None and self.seen - self.best_at >= self.patience


def load(device: str) -> Inpainter:
    """The inpainter on `device`; there are no weights to read."""
    import torch

    from ..nets import skip  # noqa: F401  so that the first fill starts at once

    torch.empty(0, device=device)  # a device that is not there says so now

    def fill(image: Image, mask: Mask, *, seed=0, preset="light", iterations=0, early_stop=True) -> Iterator[Step]:
        chosen = PRESETS[preset]
        states = fit(image, mask, seed, chosen, iterations or chosen.iterations, early_stop, device)
        return show(states, mask.shape, ", products in bfloat16" if _halved(chosen, device) else "")

    return fill


def show(states: "Iterator[State]", shape: tuple[int, int], how: str = "") -> Iterator[Step]:
    """A step about twice a second; the last one's note says how it was made too.

    The clock decides only when an estimate is handed out, never what it is.
    """
    losses: list[float] = []
    shown, last, plot = 0, -math.inf, None
    for state in states:
        if math.isfinite(state.loss):
            losses.append(state.loss)
        if state.work == 1 or (shown % CURVE_EVERY == 0 and time.monotonic() - last >= CADENCE):
            plot = _curve(losses)
        if state.work == 1 or time.monotonic() - last >= CADENCE:
            views = {"latest output": _picture(state.raw, shape), "loss": plot}
            note = state.note + how if state.work == 1 else state.note
            yield Step(_picture(state.average, shape), state.work, views, note)
            shown, last = shown + 1, time.monotonic()


def fit(
    image: Image, mask: Mask, seed: int, preset: Preset, iterations: int, early_stop: bool, device: str
) -> "Iterator[State]":
    """One state for each iteration; the last one has work 1. Sides of the patch are multiples of 64."""
    stages = pyramid(image, mask, iterations, preset.light, device)
    step = start(stages, seed, preset, device)
    total = sum(stage.iterations * stage.cost for stage in stages)
    average, count, done = None, 0, 0.0
    for stage in stages:
        watch = Watch(PATIENCE) if early_stop and stage is stages[-1] else None
        average = _resize(average, stage.target.shape[2:])
        for index in range(stage.iterations):
            raw, loss = step(stage, index)
            if not math.isfinite(loss):
                yield _unstable(average, count, loss)
                return
            count, done = count + 1, done + stage.cost
            weight = max(1 - preset.decay, 1 / count)
            average = raw if average is None else average.lerp(raw, weight)
            if watch and watch(raw, average):
                best = count - watch.seen + watch.best_at
                note = f"stopped early at {count}: the outputs varied least at {best}"
                yield State(raw, watch.best, loss, 1.0, note)
                return
            work = 1.0 if count == iterations else min(done / total, 0.999)
            yield State(raw, average, loss, work, f"iteration {count} of {iterations}")


def _unstable(average: "Tensor | None", count: int, loss: float) -> State:
    if average is None:
        raise InpaintError("The fit broke down at its first iteration; try another seed.")
    return State(average, average, loss, 1.0, f"stopped at {count}: the fit became unstable")


def pyramid(image: Image, mask: Mask, iterations: int, light: bool, device: str) -> list[Stage]:
    """The known pixels at the sizes to fit, coarse to fine: the light preset halves a large patch up to twice."""
    import torch
    import torch.nn.functional as F

    known = torch.from_numpy(~mask).float()[None, None].to(device)
    colour = torch.from_numpy(image.astype(np.float32) / 255).permute(2, 0, 1)[None].to(device)
    sizes = [(colour * known, known)]
    side = min(mask.shape)
    for _ in range((side >= 128) + (side >= 256) if light else 0):
        colour, known = sizes[0]
        share = F.avg_pool2d(known, 2)
        sizes.insert(0, (F.avg_pool2d(colour * known, 2) / share.clamp_min(1e-6), share))
    counts = _split(iterations, len(sizes))
    return [Stage(level, *size, n) for level, (size, n) in enumerate(zip(sizes, counts, strict=True)) if n]


def _split(iterations: int, sizes: int) -> list[int]:
    """Iterations for each size, coarse to fine: the coarse ones cost least and settle most."""
    shares = {1: (), 2: (0.4,), 3: (0.37, 0.18)}[sizes]
    finer = [int(iterations * share) for share in shares]
    return [iterations - sum(finer), *finer]


def start(
    stages: Sequence[Stage], seed: int, preset: Preset, device: str
) -> "Callable[[Stage, int], tuple[Tensor, float]]":
    """Network, input and optimiser from the seed, as (stage, iteration in it) -> output, loss before the step."""
    import torch

    from ..nets.device import laid_out, prepare

    generator = torch.Generator().manual_seed(seed)  # the CPU's, so that a seed is the same fit on every device
    shape = stages[0].target.shape[2:]
    net = prepare(build(preset, min(shape), stages[-1].level, seed), device)
    z = _input(preset, shape, generator).to(device)
    adam = torch.optim.Adam(net.parameters(), lr=preset.rate)
    half = _halved(preset, device)

    def step(stage: Stage, index: int) -> "tuple[Tensor, float]":
        noise = torch.randn(z.shape, generator=generator).to(device) * preset.jitter
        size = (stage.level,) if preset.light else ()
        adam.param_groups[0]["lr"] = preset.rate * (min(1.0, (index + 1) / 10) if size else 1.0)
        with torch.enable_grad():
            with torch.autocast("cpu", torch.bfloat16, enabled=half):
                out = net(laid_out(z + noise), *size)
            loss = ((out - stage.target) * stage.known).square().mean()
            adam.zero_grad()
            loss.backward()
        adam.step()
        return out.detach(), loss.item()

    return step


def build(preset: Preset, side: int, level: int, seed: int) -> "nn.Module":
    """The network, its weights from the seed, without the scales that are too coarse for this shortest side."""
    import torch

    from ..nets.skip import Growing, Skip, draw

    with torch.device("meta"):
        if preset.light:
            net = Growing(**preset.net, finer=(32, 16)[:level])
        else:
            room = 1 + preset.net.get("kernels", (3,))[0] // 2  # reflection needs a side above its width
            depth = max(n for n in range(1, len(preset.net["down"]) + 1) if side >> n >= room)
            net = Skip(**{k: v[:depth] if k in ("down", "up", "skip") else v for k, v in preset.net.items()})
    return draw(net.to_empty(device="cpu"), torch.Generator().manual_seed(seed))


def _input(preset: Preset, shape: Sequence[int], generator: "torch.Generator") -> "Tensor":
    """(1, inputs, H, W): noise in 0..0.1, or the columns and rows of the pixels in 0..1."""
    import torch

    if preset.mesh:
        y, x = (
            torch.arange(n, dtype=torch.float64) / (n - 1) for n in shape
        )  # to the last bit as in the reference
        return torch.stack(torch.meshgrid(x, y, indexing="xy"))[None].float()
    return torch.rand(1, preset.net["inputs"], *shape, generator=generator) * 0.1


def _halved(preset: Preset, device: str) -> bool:
    """Whether products are made in bfloat16: the light presets' on a processor that multiplies it itself."""
    return preset.light and device == "cpu" and _has_bfloat16()


def _has_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 itself; elsewhere it would cost time."""
    import torch

    return bool(getattr(torch.cpu, "_is_avx512_bf16_supported", bool)())


def _resize(x: "Tensor | None", shape: Sequence[int]) -> "Tensor | None":
    """(1, 3, h, w) at another size, smoothly."""
    import torch.nn.functional as F

    if x is None or x.shape[2:] == tuple(shape):
        return x
    return F.interpolate(x, size=tuple(shape), mode="bicubic").clamp(0, 1)


def _picture(x: "Tensor", shape: tuple[int, int]) -> Image:
    """(1, 3, h, w) in 0..1 as uint8 at the patch's size."""
    return (_resize(x, shape)[0].permute(1, 2, 0).cpu().numpy() * 255 + 0.5).astype(np.uint8)


def _curve(losses: Sequence[float]) -> Image:
    from ..imaging.curve import curve

    return curve({"loss": losses}, y="loss on the known pixels", scale="log")


CARD = Card(
    title="Deep Image Prior",
    line="Text, scratches, lost pixels; slow: it learns your picture",
    summary="Fits an untrained network to the known pixels of this one picture and watches it fill the hole. No "
    "training data. Good for text, scratches and missing pixels; wide holes come out blurred.",
    paper="D. Ulyanov, A. Vedaldi, V. Lempitsky, “Deep Image Prior”, CVPR 2018",
    link="https://arxiv.org/abs/1711.10925",
    licence="Apache-2.0, own code after the reference implementation (Apache-2.0, whose README asks to be "
    "contacted for commercial use); no weights",
    commercial=True,
    speed="light: a minute for 512 × 512 on two cores; the paper's presets want a GPU",
    tour=Tour(
        sees="The crop in full size, up to 768 pixels, mirrored at the border to multiples of 64. It is the only "
        "picture the network ever learns from, and in the hole nothing is asked of it.",
        does="An untrained network turns noise into a picture, and is corrected some hundreds of times until its "
        "picture agrees with the known pixels, at a quarter of the size first. Being made of convolutions it goes "
        "on in the hole as it does around it. The mean of its last pictures is the fill; “latest output” is the "
        "last of them, and “loss” says how far from the known pixels they were.",
        fails="In so wide a hole nothing holds the network to anything: here it turns white. The loss, which "
        "looks at known pixels alone, cannot see it.",
        good="lighthouse",
        bad="galaxies",
        options={"iterations": 400, "working_size": 256},
    ),
    load=load,
    size=Size(multiple=64, minimum=64, maximum=768),
    context=1.5,
    options=(
        Choice(
            "preset",
            "light",
            tuple(PRESETS),
            help="light: our small network, for the CPU; the others: the paper's settings, for a GPU",
        ),
        Number(
            "iterations",
            0,
            0,
            20000,
            help="0: the preset's own, which are 1100 and 300 for the light ones, 6000 for text, 5000 for object, "
            "3000 for large hole, 11000 for half the pixels",
        ),
        Flag("early_stop", True, help="stop when the outputs have not been calmer for 1000 iterations"),
    ),
    seeded=True,
    gpu=True,
    lease=75,
)
