"""DeepFill v1: Yu et al., "Generative Image Inpainting with Contextual Attention", CVPR 2018."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ...nets.deepfill import PLAIN, Config, DeepFill
from .. import losses
from ..critics import Whole, windows
from ..data import Batch
from ..recipe import Losses, Player, Recipe, begin_with_little, composite, held, ramp
from .deepfill_v2 import spread


@dataclass(frozen=True)
class Options:
    """Loss weights and sizes. The defaults suit two cores and an hour: differences first, critics near the end."""

    width: int = 16
    membrane: bool = True  # the network corrects the smoothest fill rather than painting on grey
    batch: int = 8
    rate: float = 5e-4
    size: int = 128  # of the pictures that the global critic takes; the local one's are half as large
    critic_width: int = 24
    gamma: float = 0.99  # what a pixel of distance from the known takes off an error's weight
    hole: float = 1.2
    known: float = 0.2  # of the differences outside the hole
    coarse_more: float = 1.2  # what the first stage's differences count
    adversarial: float = 0.001
    penalty: float = 10.0
    critic_rate: float = 2e-4
    critic_steps: int = 1  # of the critics for each of the network
    critic_from: float = 0.8  # share of the training before the critics are asked
    coarse: float = 0.1  # share of the training at half the size


class Critics(nn.Module):
    """The global and the local one, whose scores are added up with equal weight."""

    def __init__(self, size: int, width: int):
        super().__init__()
        self.whole = Whole(4, size, (width, 2 * width, 4 * width, 4 * width))
        self.local = Whole(4, size // 2, (width, 2 * width, 4 * width, 8 * width))


class Training(Recipe):
    model, places, Options = "deepfill_v1", {"net": "deepfill:V1"}, Options
    PAPER = Options(
        width=32, membrane=False, batch=16, rate=1e-4, size=256, critic_width=64, known=1.2, critic_rate=1e-4,
        critic_steps=5, critic_from=0.0, coarse=0.0,
    )  # fmt: skip

    def __init__(self, options: Options):
        super().__init__(options)
        self.net = DeepFill(Config(**PLAIN | {"width": options.width, "membrane": options.membrane}))
        spread(self.net)
        if options.membrane:
            begin_with_little(self.net.coarse[-1].conv, self.net.decoder[-1].conv)
        self.critics = Critics(options.size, options.critic_width)

    def players(self) -> tuple[Player, ...]:
        rates = self.options.rate, self.options.critic_rate
        return Player("net", rates[0], (0.5, 0.9)), Player("critics", rates[1], (0.5, 0.9))

    def guide(self, batch: Batch) -> Tensor:
        """What the differences count."""
        return losses.discount(batch.mask, self.options.gamma)

    def step(self, batch: Batch, progress: float, number: int) -> Iterator[tuple[str, Losses]]:
        weight = self.options
        photo, mask, (where, between) = batch.photo * 2 - 1, batch.mask, batch.chance.unbind(1)
        strength = weight.adversarial * ramp(progress, weight.critic_from) * (mask.shape[-1] == weight.size)
        critics_alone = strength and number % weight.critic_steps > 0
        with torch.set_grad_enabled(not critics_alone):
            out = self.net(photo, mask)
            filled = composite(photo, out.refined, mask)
        if strength:
            yield "critics", self.judge(photo, filled.detach(), mask, where, between)
        if critics_alone:
            return
        near = self.guided(batch)
        total = {
            "coarse": weight.coarse_more * weight.hole * losses.l1(out.coarse, photo, near),
            "refined": weight.hole * losses.l1(out.refined, photo, near),
            "known": weight.known
            * (
                weight.coarse_more * losses.l1(out.coarse, photo, 1 - mask)
                + losses.l1(out.refined, photo, 1 - mask)
            ),
        }
        if strength:
            with held(self.critics):
                seen = torch.cat([filled, mask], 1)
                scores = self.critics.whole(seen), self.critics.local(windows(seen, mask, weight.size // 2, where))
                total["adversarial"] = strength * sum(map(losses.wasserstein, scores))
        yield "net", total

    def judge(self, photo: Tensor, filled: Tensor, mask: Tensor, where: Tensor, between: Tensor) -> Losses:
        """Both critics' Wasserstein losses, with their penalties.

        (N,) in 0..1: `where` the local one looks, in truth and fill alike; at which points `between` the two the
        penalty is taken.
        """
        pairs = torch.cat([photo, filled, mask], 1)
        window = windows(pairs, mask, self.options.size // 2, where)
        parts = (self.critics.whole, pairs), (self.critics.local, window)
        total = {}
        for name, (critic, seen) in zip(("whole", "local"), parts, strict=True):
            real, made, hole = seen.split((3, 3, 1), 1)
            scores = critic(torch.cat([torch.cat([real, made]), hole.repeat(2, 1, 1, 1)], 1)).chunk(2)
            total[name] = losses.wasserstein_critic(*scores)

            def score(x: Tensor, critic=critic, hole=hole) -> Tensor:
                return critic(torch.cat([x, hole], 1))

            total[f"{name} penalty"] = self.options.penalty * losses.gradient_penalty(
                score, real, made, hole, between
            )
        return total

    def fill(self, batch: Batch) -> Tensor:
        out = self.net(batch.photo * 2 - 1, batch.mask).refined
        return composite(batch.photo, (out + 1) / 2, batch.mask)
