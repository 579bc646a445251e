"""What each network costs: seconds, peak memory and GFLOP/s of a forward pass, each in a process of its own.

The numbers in the networks are random: time and memory do not depend on them, and no picture is shown.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from statistics import median

import numpy as np

from .. import zoo
from ..checkpoints import checkpoint
from ..contract import InpaintError
from .gauge import peak, wait

RUNS = 5  # forward passes; the median counts
LONG = 10.0  # seconds after which one pass is enough


@dataclass(frozen=True)
class Cost:
    """Of one network at one size."""

    model: str
    network: str
    side: int
    seconds: float  # of a forward pass
    gflop: float  # multiplications and additions of convolutions and matrix products
    peak: float | None  # GiB: of the process, or what a CUDA device held; None: cannot be told
    plain: float  # GFLOP/s of one 64→64 3×3 convolution at 256², float32, in the same process
    error: str = ""


def models() -> list[str]:
    """Those whose networks are built here."""
    cards = {name: zoo.card(name) for name in zoo.MODELS}
    return [n for n, c in cards.items() if c.networks and all(":" in place for place in c.networks.values())]


def run(names: Sequence[str], sides: Sequence[int], device: str, precision: str) -> Iterator[Cost]:
    """One cost for each network and side, each measured in a fresh process."""
    for name in names:
        for network in zoo.card(name).networks:
            for side in sides:
                how = zoo.pick_device(name, device), zoo.pick_precision(name, precision)
                words = [name, network, str(side), *how]
                done = subprocess.run([sys.executable, "-m", __name__, *words], capture_output=True, text=True)
                if done.returncode:
                    reason = (done.stderr.strip().splitlines() or [f"ended with {done.returncode}"])[-1]
                    yield Cost(name, network, side, 0, 0, 0, 0, reason[:100])
                else:
                    yield Cost(**json.loads(done.stdout.splitlines()[-1]))


def table(costs: Sequence[Cost]) -> str:
    """As Markdown."""
    rows = [
        "| network | size | seconds | peak GiB | GFLOP | GFLOP/s | plain convolution, GFLOP/s |",
        "|---|---|---|---|---|---|---|",
    ]
    for c in costs:
        name = f"`{c.model}` {c.network}"
        if c.error:
            rows.append(f"| {name} | {c.side}² | failed: {c.error} | | | | |")
        else:
            rate = f"{c.gflop / c.seconds:.0f} | {c.plain:.0f}"
            held = "cannot be told" if c.peak is None else f"{c.peak:.2f}"
            rows.append(f"| {name} | {c.side}² | {c.seconds:.2f} | {held} | {c.gflop:.0f} | {rate} |")
    return "\n".join(rows)


def measure(name: str, network: str, side: int, device: str, precision: str) -> Cost:
    """The forward passes of one of a model's networks while the model fills a picture of this side."""
    places = zoo.card(name).networks
    fill = zoo.card(name).load(device, **{part: _network(p, device, precision) for part, p in places.items()})
    options = {option.name: option.default for option in zoo.card(name).options if option.default is not None}
    draw = np.random.default_rng(0)
    hole = np.zeros((side, side), bool)
    hole[side // 4 : side // 2, side // 4 : side // 2] = True

    def run(watch: Watch) -> Watch:
        image = draw.integers(0, 256, (side, side, 3), np.uint8)  # a new one, lest a model remembers
        image[hole] = 0
        with watch:
            for _ in fill(image, hole, **options):
                pass
        return watch

    which, seconds = list(places).index(network), []
    while len(seconds) < RUNS and (not seconds or seconds[-1] < LONG):
        seconds.append(run(Watch(device)).seconds[which])
    held = peak(device)
    return Cost(
        name, network, side, median(seconds), run(Watch(device, count=True)).gflop[which], held, plain(device)
    )


class Watch:
    """While it is open: the seconds of each pass through a whole network, or its GFLOP, in their order."""

    def __init__(self, device: str, count: bool = False):
        self.device, self.count, self.depth = device, count, 0
        self.seconds: list[float] = []
        self.gflop: list[float] = []

    def __enter__(self) -> "Watch":
        from torch.nn.modules import module

        before, after = module.register_module_forward_pre_hook, module.register_module_forward_hook
        self.hooks = [before(self.enter), after(self.leave, always_call=True)]
        return self

    def __exit__(self, *_: object) -> None:
        for hook in self.hooks:
            hook.remove()

    def enter(self, net, args) -> None:
        from torch.utils.flop_counter import FlopCounterMode

        self.depth += 1
        if self.depth == 1:
            self.counter = FlopCounterMode(display=False) if self.count else nullcontext()
            self.counter.__enter__()
            wait(self.device)
            self.at = time.perf_counter()

    def leave(self, net, args, out) -> None:
        self.depth -= 1
        if self.depth == 0:
            wait(self.device)
            self.seconds.append(time.perf_counter() - self.at)
            self.counter.__exit__(None, None, None)
            if self.count:
                self.gflop.append(self.counter.get_total_flops() / 1e9)


def _network(place: str, device: str, precision: str):
    """The published network, filled with small random numbers."""
    import torch

    from ..nets.device import prepare

    family = checkpoint.family(place)
    net = checkpoint.blank(family, next(iter(family.layouts.values())).config).to_empty(device=device)
    torch.manual_seed(0)
    for name, tensor in net.state_dict().items():
        if tensor.is_floating_point():
            tensor.uniform_(0.5, 1.5) if name.endswith("running_var") else tensor.uniform_(-0.05, 0.05)
    return prepare(net, device, precision).eval().requires_grad_(False)


def plain(device: str, runs: int = 20) -> float:
    """GFLOP/s of one plain 64→64 3×3 convolution at 256², float32: the yardstick."""
    import torch

    conv = torch.nn.Conv2d(64, 64, 3, padding=1).to(device)
    x = torch.rand(1, 64, 256, 256, device=device)
    seconds = []
    with torch.inference_mode():
        for _ in range(runs):
            wait(device)
            start = time.perf_counter()
            conv(x)
            wait(device)
            seconds.append(time.perf_counter() - start)
    return 2 * 64 * 64 * 9 * 256**2 / median(seconds[2:]) / 1e9


if __name__ == "__main__":
    import dataclasses

    try:
        name, network, side, device, precision = sys.argv[1:]
        print(json.dumps(dataclasses.asdict(measure(name, network, int(side), device, precision))))
    except (InpaintError, RuntimeError, MemoryError) as error:
        sys.exit(str(error).strip() or type(error).__name__)
