"""DeepFill v2: Yu et al., "Free-Form Image Inpainting with Gated Convolution", ICCV 2019."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ...nets.deepfill import Config, DeepFill, Unit
from .. import losses
from ..critics import PatchCritic
from ..data import NOTHING, Batch
from ..recipe import Losses, Player, Recipe, begin_with_little, composite, edges_of, held, ramp


@dataclass(frozen=True)
class Options:
    """Loss weights and sizes. The defaults suit two cores and an hour: the critic is asked near the end."""

    width: int = 12
    membrane: bool = True  # the network corrects the smoothest fill rather than painting on grey
    batch: int = 8
    rate: float = 5e-4
    critic_width: int = 24
    hole: float = 1.0  # of the differences in the hole
    whole: float = 0.2  # of those in the whole picture, which is all that the paper has
    adversarial: float = 0.005
    critic_rate: float = 4e-4
    critic_from: float = 0.8  # share of the training before the critic is asked
    sketch: bool = (
        False  # a channel of lines in the hole, given for every other picture, so that it may be left out
    )
    sigma: float = 2.0  # of Canny's edges, which stand for HED's in the paper
    coarse: float = 0.1  # share of the training at half the size


def spread(net: DeepFill) -> None:
    """First weights that neither weaken nor strengthen what goes through some fifteen layers without a norm.

    As He et al., ICCV 2015, with a gain found by measuring for ELU, and for gates that begin nearly open.
    """
    for unit in net.modules():
        if isinstance(unit, Unit):
            weight, bias = unit.conv.weight, unit.conv.bias
            gain, one = (1.7, 1 / 2) if unit.gated else (1.3, 1)
            features = round(len(weight) * one)
            for part, scale, value in ((slice(0, features), gain, 0.0), (slice(features, None), 0.5, 1.0)):
                nn.init.normal_(weight.data[part], 0, scale / weight[0].numel() ** 0.5)
                nn.init.constant_(bias.data[part], value)


class Training(Recipe):
    model, places, Options = "deepfill_v2", {"net": "deepfill:V2"}, Options
    PAPER = Options(
        width=24, membrane=False, batch=16, rate=1e-4, critic_width=64, hole=0.0, whole=1.0, adversarial=1.0,
        critic_rate=1e-4, critic_from=0.0, coarse=0.0,
    )  # fmt: skip

    def __init__(self, options: Options):
        super().__init__(options)
        self.net = DeepFill(Config(width=options.width, membrane=options.membrane, sketch=options.sketch))
        spread(self.net)
        if options.membrane:
            begin_with_little(self.net.coarse[-1].conv, self.net.decoder[-1].conv)
        w = options.critic_width
        self.critic = PatchCritic(4 + options.sketch, (w, 2 * w, 4 * w, 4 * w, 4 * w, 4 * w))

    def players(self) -> tuple[Player, ...]:
        rates = self.options.rate, self.options.critic_rate
        return Player("net", rates[0], (0.5, 0.999)), Player("critic", rates[1], (0.5, 0.999))

    def guide(self, batch: Batch) -> Tensor:
        """The photo's edges, for a network that takes a sketch."""
        return edges_of(batch.photo, self.options.sigma) if self.options.sketch else NOTHING

    def step(self, batch: Batch, progress: float, number: int) -> Iterator[tuple[str, Losses]]:
        weight = self.options
        photo, mask = batch.photo * 2 - 1, batch.mask
        sketch = self.sketch(batch)
        out = self.net(photo, mask, sketch=sketch)
        filled = composite(photo, out.refined, mask)
        strength = weight.adversarial * ramp(progress, weight.critic_from)
        if strength:
            real, made = self.critic(
                torch.cat([self.seen(x, mask, sketch) for x in (photo, filled.detach())])
            ).chunk(2)
            yield "critic", {"critic": losses.hinge_critic(real, made)}
        total = {}
        for name, estimate in (("coarse", out.coarse), ("refined", out.refined)):
            total[name] = weight.whole * losses.l1(estimate, photo)
            if weight.hole:
                total[name] = total[name] + weight.hole * losses.l1(estimate, photo, mask)
        if strength:
            with held(self.critic):
                total["adversarial"] = strength * losses.hinge(self.critic(self.seen(filled, mask, sketch)))
        yield "net", total

    def seen(self, picture: Tensor, mask: Tensor, sketch: Tensor | None) -> Tensor:
        """What the critic is given."""
        return torch.cat([picture, mask] if sketch is None else [picture, sketch, mask], 1)

    def sketch(self, batch: Batch) -> Tensor | None:
        """The photo's edges in the hole, (N, 1, H, W); nothing for every other picture."""
        if not self.options.sketch:
            return None
        given = (batch.chance[:, 0] < 0.5).to(batch.mask)[:, None, None, None]
        return self.guided(batch) * batch.mask * given

    def fill(self, batch: Batch) -> Tensor:
        out = self.net(batch.photo * 2 - 1, batch.mask).refined
        return composite(batch.photo, (out + 1) / 2, batch.mask)
