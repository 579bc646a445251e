"""EdgeConnect: Nazeri et al., "EdgeConnect: Generative Image Inpainting with Adversarial Edge Learning", 2019."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ...nets.edgeconnect import EDGES, IMAGE, Generator, edge_inputs, grey, image_inputs
from .. import losses
from ..critics import Patch70
from ..data import Batch
from ..recipe import Losses, Player, Recipe, begin_with_little, composite, edges_of, held, ramp
from ..vgg import RELUS_19, TEXTURE_19


@dataclass(frozen=True)
class Options:
    """Loss weights and sizes. The defaults suit two cores and an hour: differences first, critics near the end.

    The training has three parts: the edge network, the image network with true edges, then the image network with
    the edges that the other draws, while that one goes on learning if `joint`.
    """

    width: int = 24
    membrane: bool = True  # the network corrects the smoothest fill rather than painting on grey
    blocks: int = 8
    batch: int = 8
    rate: float = 4e-4
    critic_width: int = 16
    critic_rate: float = 0.1  # as a share of the network's
    sigma: float = 2.0  # of Canny's edges
    edges_until: float = 0.3
    true_until: float = 0.4
    joint: bool = False
    critic_from: float = 0.85  # of each network's own part
    entropy: float = 1.0  # of the edges, cell by cell: not in the paper
    matching: float = 0.25
    edge_adversarial: float = 0.05
    l1: float = 1.0
    known: float = 0.1  # of the differences outside the hole
    adversarial: float = 0.005
    perceptual: float = 0.1
    style: float = 250.0
    coarse: float = 0.1  # share of each part at half the size


class Training(Recipe):
    model, places, Options = "edgeconnect", {"edges": "edgeconnect:EDGES", "image": "edgeconnect:IMAGE"}, Options
    PAPER = Options(
        width=64, membrane=False, rate=1e-4, critic_width=64, joint=True, critic_from=0.0, entropy=0.0,
        matching=10.0, edge_adversarial=1.0, known=1.0, adversarial=0.1, coarse=0.0,
    )  # fmt: skip
    taps = (19, tuple(sorted(RELUS_19 + TEXTURE_19)))

    def __init__(self, options: Options):
        super().__init__(options)
        for name, family in (("edges", EDGES), ("image", IMAGE)):
            config = family.layouts["official"].config
            correct = options.membrane and name == "image"
            config = replace(config, width=options.width, blocks=options.blocks, membrane=correct)
            setattr(self, name, Generator(config))
        if options.membrane:
            begin_with_little(self.image.head)
        self.edge_critic = Patch70(2, options.critic_width)  # grey picture and edges
        self.image_critic = Patch70(3, options.critic_width)

    def players(self) -> tuple[Player, ...]:
        rate, betas = self.options.rate, (0.5, 0.999)
        networks = [Player(name, rate, betas) for name in ("edges", "image")]
        critics = [Player(name, rate * self.options.critic_rate, betas) for name in ("edge_critic", "image_critic")]
        return (*networks, *critics)

    def own(self, progress: float) -> float:
        """The progress of the part at hand."""
        at = self.options.edges_until
        return progress / at if progress < at else (progress - at) / max(1 - at, 1e-9)

    def rate(self, progress: float) -> float:
        return super().rate(self.own(progress))

    def size(self, full: int, progress: float) -> int:
        return super().size(full, self.own(progress))

    def guide(self, batch: Batch) -> Tensor:
        """The photo's edges."""
        return edges_of(batch.photo, self.options.sigma)

    def step(self, batch: Batch, progress: float, number: int) -> Iterator[tuple[str, Losses]]:
        options = self.options
        truth = edges = self.guided(batch)
        if progress < options.edges_until or (options.joint and progress >= options.true_until):
            edges = self.edges(edge_inputs(batch.photo, truth, batch.mask))
            yield from self.draw(batch, edges, truth, progress)
        elif progress >= options.true_until:
            with torch.no_grad():
                edges = self.edges(edge_inputs(batch.photo, truth, batch.mask))
        if progress >= options.edges_until:
            yield from self.paint(batch, composite(truth, edges.detach(), batch.mask), progress)

    def draw(self, batch: Batch, edges: Tensor, truth: Tensor, progress: float) -> Iterator[tuple[str, Losses]]:
        """The edge network's losses: a critic that sees the grey picture beside the edges, and its features."""
        weight, seen = self.options, grey(batch.photo)
        strength = ramp(self.own(progress), weight.critic_from)
        total = {}
        if weight.entropy:
            total["entropy"] = weight.entropy * losses.cross_entropy(edges, truth, batch.mask)
        if strength:
            pairs = torch.cat([torch.cat([seen, truth], 1), torch.cat([seen, edges.detach()], 1)])
            yield "edge_critic", {"edge critic": losses.minimax_critic(*self.edge_critic(pairs).chunk(2))}
            with held(self.edge_critic):
                real = self.edge_critic.features(torch.cat([seen, truth], 1))
                made = self.edge_critic.features(torch.cat([seen, edges], 1))
                total["edge adversarial"] = strength * weight.edge_adversarial * losses.non_saturating(made[-1])
                total["matching"] = strength * weight.matching * losses.feature_matching(made, real)
        if total:
            yield "edges", total

    def paint(self, batch: Batch, edges: Tensor, progress: float) -> Iterator[tuple[str, Losses]]:
        """The image network's losses, given edges."""
        weight, photo, mask = self.options, batch.photo, batch.mask
        made = self.image(image_inputs(photo, edges, mask, self.image.config))
        filled = composite(photo, made, mask)
        strength = weight.adversarial * ramp(self.own(progress), weight.critic_from)
        total = {
            "hole": weight.l1 * losses.l1(made, photo, mask),
            "known": weight.known * losses.l1(made, photo, 1 - mask),
        }
        if strength:
            scores = self.image_critic(torch.cat([photo, filled.detach()])).chunk(2)
            yield "image_critic", {"image critic": losses.minimax_critic(*scores)}
            with held(self.image_critic):
                total["adversarial"] = strength * losses.non_saturating(self.image_critic(filled))
        for classifier in self.classifiers:
            made_seen, true_seen = (dict(zip(self.taps[1], classifier(x), strict=True)) for x in (filled, photo))
            content, texture = (
                ([made_seen[at] for at in taps], [true_seen[at] for at in taps]) for taps in (RELUS_19, TEXTURE_19)
            )
            total["perceptual"] = weight.perceptual * losses.perceptual(*content)
            total["style"] = weight.style * losses.style(*texture)
        yield "image", total

    def fill(self, batch: Batch) -> Tensor:
        photo, mask = batch.photo, batch.mask
        known = edges_of(photo, self.options.sigma, mask)
        edges = composite(known, self.edges(edge_inputs(photo, known, mask)), mask)
        return composite(photo, self.image(image_inputs(photo, edges, mask, self.image.config)), mask)
