"""PConv: Liu et al., "Image Inpainting for Irregular Holes Using Partial Convolutions", ECCV 2018."""

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from ...nets.pconv import Config, UNet
from .. import losses
from ..data import Batch
from ..recipe import Losses, Player, Recipe, begin_with_little, composite
from ..vgg import POOLS_16


@dataclass(frozen=True)
class Options:
    """Loss weights and sizes. The defaults suit two cores and an hour.

    The paper's weights count every pixel of the picture; means over the hole alone make small holes count as much
    as large ones, hence smaller weights here.
    """

    width: int = 32
    membrane: bool = True  # the network corrects the smoothest fill rather than painting on grey
    levels: int = 6
    batch: int = 12
    rate: float = 2e-3
    hole: float = 1.0
    valid: float = 0.1
    square: float = 5.0  # of squared differences in the hole: not in the paper, for the mean of what may be there
    perceptual: float = 0.05
    style: float = 120.0
    variation: float = 0.1
    coarse: float = 0.1  # share of the training at half the size
    second: float = 0.8  # where the second phase begins: the encoder's norms are frozen


class Training(Recipe):
    model, places, Options = "pconv", {"net": "pconv:FAMILY"}, Options
    PAPER = Options(
        width=64, membrane=False, levels=8, batch=6, rate=2e-4, hole=6.0, valid=1.0, square=0.0, coarse=0.0
    )

    taps = (16, POOLS_16)

    def __init__(self, options: Options):
        super().__init__(options)
        self.net = UNet(Config(width=options.width, levels=options.levels, bgr=False, membrane=options.membrane))
        self.multiple = 2**options.levels
        if options.membrane:
            begin_with_little(self.net.decoder[0].conv)

    def players(self) -> tuple[Player, ...]:
        return (Player("net", self.options.rate),)

    def step(self, batch: Batch, progress: float, number: int) -> Iterator[tuple[str, Losses]]:
        weight, photo, mask = self.options, batch.photo, batch.mask
        for unit in self.net.encoder:
            if progress >= weight.second and unit.norm is not None:
                unit.norm.eval()
        made = self.run(batch)
        total = {
            "hole": weight.hole * losses.l1(made, photo, mask),
            "valid": weight.valid * losses.l1(made, photo, 1 - mask),
            "variation": weight.variation * losses.total_variation(composite(photo, made, mask), mask),
        }
        if weight.square:
            total["square"] = weight.square * losses.l2(made, photo, mask)
        for classifier in self.classifiers:
            filled = composite(photo, made, mask)
            truth, raw, joined = (classifier(x) for x in (photo, made, filled))
            total["perceptual"] = weight.perceptual * (
                losses.perceptual(raw, truth) + losses.perceptual(joined, truth)
            )
            total["style"] = weight.style * (losses.style(raw, truth) + losses.style(joined, truth))
        yield "net", total

    def run(self, batch: Batch) -> Tensor:
        """The network's picture in 0..1; it is given −1..1."""
        made, _ = self.net(batch.photo * 2 - 1, batch.mask)
        return (made + 1) / 2

    def fill(self, batch: Batch) -> Tensor:
        return composite(batch.photo, self.run(batch), batch.mask)
