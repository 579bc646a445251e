"""A model of two convolutions that wants weights, for tests of where weights come from."""

import dataclasses
import io
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from inpaint import zoo
from inpaint.checkpoints import checkpoint, store
from inpaint.contract import Card, Step, Weights
from inpaint.nets.layout import Family, Layout

NAME = "tiny"


@dataclass(frozen=True)
class Config:
    width: int = 64
    sharp: bool = False


class Net(nn.Module):
    def __init__(self, config: Config):
        super().__init__()
        self.config = config
        self.first, self.last = nn.Conv2d(3, config.width, 3), nn.Conv2d(config.width, 3, 3)


def rename(state):
    names = {"a.weight": "first.weight", "a.bias": "first.bias", "b.weight": "last.weight", "b.bias": "last.bias"}
    return {names.get(key, key): value for key, value in state.items()}


FAMILY = Family(Config, Net, {"published": Layout(Config(), rename), "sharp": Layout(Config(sharp=True), rename)})


def load(device, net):
    def fill(image, mask):
        yield Step(np.full_like(image, 99))

    return fill


CARD = Card(
    title="Tiny",
    summary="Two convolutions.",
    paper="none",
    link="https://example.org/tiny",
    licence="own code",
    commercial=True,
    speed="at once",
    load=load,
    networks={"net": "tiny:FAMILY"},
)


def state(seed: int = 0) -> dict[str, torch.Tensor]:
    """Tensors as published."""
    draw = torch.Generator().manual_seed(seed)
    shapes = {"a.weight": (64, 3, 3, 3), "a.bias": (64,), "b.weight": (3, 64, 3, 3), "b.bias": (3,)}
    return {key: torch.randn(shape, generator=draw) for key, shape in shapes.items()}


def published(**more) -> bytes:
    """A checkpoint file as trainers write them."""
    file = io.BytesIO()
    torch.save({"state_dict": state() | more, "meta": {"epoch": 3}}, file)
    return file.getvalue()


def weights(*sources, commercial=True, title="Places", **facts) -> Weights:
    said = {"licence": "MIT", "data": "photographs", "link": "https://example.org/weights", "megabytes": 0.01}
    return Weights(title=title, parts={"net": sources}, commercial=commercial, **{**said, **facts})


def put_into(monkeypatch, **tags: Weights) -> Card:
    """The zoo with this model in it, last, with these weights."""
    card = dataclasses.replace(CARD, weights=tags)
    real_card, real_family = zoo.card, checkpoint.family
    monkeypatch.setattr(zoo, "MODELS", (*zoo.MODELS, NAME))
    monkeypatch.setattr(zoo, "card", lambda name: card if name == NAME else real_card(name))
    monkeypatch.setattr(
        checkpoint, "family", lambda place: FAMILY if place == "tiny:FAMILY" else real_family(place)
    )
    monkeypatch.setattr(store, "JOBS", {})
    monkeypatch.setattr(zoo, "RESIDENT", type(zoo.RESIDENT)())
    store.own.cache_clear()
    return card
