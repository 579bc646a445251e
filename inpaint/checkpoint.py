"""Tensors in files: read them without running anything, fit them to a network, keep them as safetensors.

A canonical file holds every network of a model: its own tensor names behind "part.", and in the metadata the
configs, so that the file alone says which network it is for.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from .contract import InpaintError

if TYPE_CHECKING:  # torch comes in only when tensors do
    from torch import Tensor, nn

    from .nets.layout import Family

WRAPPERS = (
    "state_dict",
    "generator",
    "G",
    "model",
    "params_ema",
    "params",
    "net",
)  # keys the published files nest under


@dataclass(frozen=True)
class Part:
    """One network's tensors, named as the network names them, and the config it is built from."""

    family: "Family"
    layout: str  # the published form they came in
    config: Any
    state: "dict[str, Tensor]"


def family(place: str) -> "Family":
    """The family at "file:NAME" in `nets`."""
    module, _, name = place.partition(":")
    return getattr(import_module(f"{__package__}.nets.{module}"), name)


def fit(given: "dict[str, Any]", family: "Family", layout: str = "", file: str = "The checkpoint") -> Part:
    """The tensors of a published file as those of a network of this family: by names and shapes, all of them.

    layout: the only one to try. Raises InpaintError that names what is missing, strange or misshapen.
    """
    state = unwrap(given)
    layouts = {layout: family.layouts[layout]} if layout else family.layouts
    misfits = []
    for name, form in layouts.items():
        converted = form.convert(state)
        misfit = compare(converted, family, form.config)
        if not misfit:
            return Part(family, name, form.config, converted)
        misfits.append((len(misfit), name, misfit))
    _, name, misfit = min(misfits)
    more = f" and {len(misfit) - 3} more" if len(misfit) > 3 else ""
    raise InpaintError(
        f"{file} does not fit: of {', '.join(layouts)} it is nearest to {name}, but {'; '.join(misfit[:3])}{more}."
    )


def unwrap(given: "dict[str, Any]") -> "dict[str, Tensor]":
    """The state dict inside a checkpoint: without what trainers wrap around it."""
    import torch

    for key in WRAPPERS:
        if isinstance(inner := given.get(key), dict):
            return unwrap(inner)
    state = {k: v for k, v in given.items() if isinstance(v, torch.Tensor)}
    for prefix in ("module.", "generator.", "module."):
        if any(k.startswith(prefix) for k in state):  # beside a generator may lie its critics and losses
            state = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
    return state


def compare(state: "dict[str, Tensor]", family: "Family", config: Any) -> list[str]:
    """In which tensors a state dict and a network differ; empty when it can be loaded."""
    want = {name: tuple(tensor.shape) for name, tensor in blank(family, config).state_dict().items()}
    have = {name: tuple(tensor.shape) for name, tensor in state.items()}
    found = [f"{name} {want[name]} is missing" for name in want if name not in have]
    found += [f"{name} {have[name]} is not of this network" for name in have if name not in want]
    found += [f"{n} is {have[n]}, not {want[n]}" for n in want if n in have and have[n] != want[n]]
    return found


def blank(family: "Family", config: Any) -> "nn.Module":
    """The network without memory for its tensors."""
    import torch

    with torch.device("meta"):
        return family.build(config)


def network(part: Part) -> "nn.Module":
    """The network with its tensors, for use, not for training."""
    net = blank(part.family, part.config)
    net.load_state_dict(part.state, strict=True, assign=True)
    return net.eval().requires_grad_(False)
