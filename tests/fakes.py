"""Networks and training steps on a GPU that is not there: tensors without numbers, of which each knows its device.

A build of torch for CUDA pretends to have a GPU. Other builds cannot differentiate with respect to what lies on
CUDA: there the device that torch keeps for backends to come stands in, with autocast's rules for CUDA.
"""

import contextlib
import dataclasses
import json
import sys
import traceback
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from types import ModuleType

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from inpaint import zoo
from inpaint.checkpoints import checkpoint
from inpaint.cli.train import RECIPES
from inpaint.nets import glcic, pconv
from inpaint.training import vgg
from inpaint.training.data import Batch

STAND_IN = "pretended"
CANNOT = 3  # the exit status where torch cannot pretend
HALF = ("conv2d", "conv_transpose2d.input", "matmul", "bmm", "mm", "addmm", "baddbmm", "linear", "mv")
FULL = (
    "sum",
    "sum.dim_IntList",
    "softmax.int",
    "softplus",
    "exp",
    "log",
    "pow.Tensor_Scalar",
    "reciprocal",
    "rsqrt",
)
FULL = (*FULL, "cumsum", "prod", "norm.Scalar", "binary_cross_entropy_with_logits", "mse_loss", "l1_loss")
MOVES = {"_to_copy", "copy_", "index"}  # operators that may be given tensors of two devices
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}  # float16 takes the same ways


class Misplaced(AssertionError):
    pass


class Watch(TorchDispatchMode):
    """Refuses operators whose tensors lie on different devices, and float64 on any but the CPU: MPS has none."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        given = [x for x in tree_leaves((args, kwargs)) if isinstance(x, torch.Tensor)]
        places = {x.device.type for x in given if x.ndim}
        if len(places) > 1 and func.overloadpacket.__name__ not in MOVES:
            raise Misplaced(f"{func} on {sorted(places)}")
        out = func(*args, **(kwargs or {}))
        for x in tree_leaves(out):
            if isinstance(x, torch.Tensor) and x.device.type != "cpu" and x.dtype == torch.float64:
                raise Misplaced(f"{func} makes float64 on {x.device.type}")
        return out


def device() -> str:
    """What is pretended. Raises ImportError where torch cannot: its way to make up a device is young."""
    if torch.backends.cuda.is_built():
        return "cuda:0"
    if torch._C._get_privateuse1_backend_name() != STAND_IN:
        from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

        module = ModuleType(STAND_IN)
        module.is_available = lambda: False
        module.device_count = lambda: 1
        module.current_device = lambda: 0
        module._is_in_bad_fork = lambda: False
        module.manual_seed_all = lambda seed: None
        module.get_amp_supported_dtype = lambda: [torch.bfloat16, torch.float16]
        _setup_privateuseone_for_python_backend(STAND_IN, module)
        teach_autocast()
    return f"{STAND_IN}:0"


LIBRARIES: list[torch.library.Library] = []  # kept: what is taught goes with its library


def teach_autocast() -> None:
    """The stand-in casts as CUDA does, as far as the networks and losses here are concerned."""
    LIBRARIES.append(torch.library.Library("_", "IMPL", "AutocastPrivateUse1"))
    LIBRARIES[-1].fallback(torch.library.fallthrough_kernel)
    LIBRARIES.append(torch.library.Library("aten", "IMPL", "AutocastPrivateUse1"))
    key = torch._C.DispatchKeySet(torch._C.DispatchKey.AutocastPrivateUse1)
    for names, wide in ((HALF, False), (FULL, True)):
        for name in names:
            operator, _, overload = name.partition(".")
            call = getattr(getattr(torch.ops.aten, operator), overload or "default")

            def cast(*args, call=call, wide=wide, **kwargs):
                to = torch.float32 if wide else torch.get_autocast_dtype(STAND_IN)

                def change(x):
                    eligible = isinstance(x, torch.Tensor) and x.is_floating_point() and x.device.type != "cpu"
                    return x.to(to) if eligible and x.dtype != torch.float64 else x

                with torch._C._ExcludeDispatchKeyGuard(key):
                    return call(*tree_map(change, args), **tree_map(change, kwargs))

            LIBRARIES[-1].impl(name, cast)


class Pretence(FakeTensorMode):
    def __deepcopy__(self, memo):
        return self


@contextlib.contextmanager
def pretended() -> Iterator[str]:
    """Within it the device is there, and mismatches raise."""
    where = device()
    with Pretence(), Watch():
        yield where


# ---- what is tried


@cache
def networks() -> dict[str, tuple]:
    """Name → (family, config) of every published layout, and of what the recipes train."""
    found = {}
    for model in zoo.MODELS:
        for part, place in zoo.card(model).networks.items():
            if place != "onnx":
                family = checkpoint.family(place)
                for name, layout in family.layouts.items():
                    found[f"{model} {part} {name}"] = family, layout.config
    for model, (training, options) in recipes().items():
        made = training(options)
        for part, place in made.places.items():
            found[f"{model} {part}"] = checkpoint.family(place), getattr(made, part).config
    return found


def recipes() -> dict[str, tuple]:
    """Name → (training, options), lite and as the papers have them."""
    found = {}
    for model in RECIPES:
        file = import_module(f"inpaint.training.recipes.{model}")
        found[f"{model} lite"], found[f"{model} paper"] = (
            (file.Training, options) for options in (file.Options(), file.Training.PAPER)
        )
    return found


def forward(name: str, precision: str) -> None:
    """A network in some precision, and its form for use, fill a picture."""
    family, config = networks()[name]
    if hasattr(config, "blocks"):  # all alike
        config = dataclasses.replace(config, blocks=1)
    for reach in ("rates", "dilations"):  # which must fit into the picture
        if hasattr(config, reach):
            config = dataclasses.replace(config, **{reach: (1, 2)})
    dtype = DTYPES[precision]
    with pretended() as where, torch.no_grad():
        net = on(where, lambda: family.build(config).eval(), dtype)
        forms = [net]
        if isinstance(net, pconv.UNet):
            forms.append(pconv.Folded(net))
        if isinstance(net, glcic.Completion):
            forms.append(glcic.fold(net))
        planes = [config.inputs] if hasattr(config, "inputs") else [3, 1]
        side = 80 if getattr(config, "padding", "") == "reflect" else 2 ** getattr(config, "levels", 5)
        given = [torch.rand(1, count, side, side, device=where, dtype=dtype) for count in planes]
        for form in forms:
            for out in tree_leaves(form(*given)):
                if isinstance(out, torch.Tensor) and out.shape[1:] == given[0].shape[1:]:
                    assert out.device == given[0].device and out.dtype == dtype, (out.device, out.dtype)


def on(where: str, build, dtype: torch.dtype = torch.float32) -> torch.nn.Module:
    """A module that is built on the device."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.device(where):
            return build()
    finally:
        torch.set_default_dtype(before)


PHASES = {  # recipe → progress and number of steps that differ in what they do
    "deepfill_v1": ((0.0, 0), (0.99, 0), (0.99, 1)),
    "deepfill_v2": ((0.0, 0), (0.99, 0)),
    "edgeconnect": ((0.0, 0), (0.28, 0), (0.35, 0), (0.6, 0), (0.99, 0)),
    "pconv": ((0.0, 0), (0.99, 0)),
}


def steps(name: str) -> None:
    """Every turn of a recipe's steps in each of its phases under autocast, with the gradients of each player."""
    training, options = recipes()[name]
    side = 2 ** getattr(options, "levels", 6)
    if hasattr(options, "size"):  # of what the critics take
        options = dataclasses.replace(options, size=side)
    with pretended() as where:
        recipe = on(where, lambda: training(options))
        recipe.classifiers += on(where, lambda: classifiers(recipe))
        shapes = (2, 3, side, side), (2, 1, side, side), (2, 2), (2, 1, side, side)
        batch = Batch(*(torch.rand(shape, device=where) for shape in shapes))
        seen = set()
        for progress, number in PHASES[name.split()[0]]:
            seen |= one_step(recipe.train(), batch, progress, number)
        assert seen == {player.name for player in recipe.players()}, seen


def one_step(recipe, batch: Batch, progress: float, number: int) -> set[str]:
    """The players that had their turns."""
    place, seen = batch.photo.device, set()
    turns = recipe.step(batch, progress, number)
    while True:
        with torch.autocast(place.type, torch.bfloat16):
            turn = next(turns, None)
        if turn is None:
            return seen
        name, losses = turn
        for loss, value in losses.items():
            assert value.device == place and value.dtype == torch.float32, (loss, value.device, value.dtype)
        sum(losses.values()).backward()
        gradients = [weight.grad for weight in getattr(recipe, name).parameters() if weight.grad is not None]
        assert gradients and all(g.device == place and g.dtype == torch.float32 for g in gradients), name
        seen.add(name)


def classifiers(recipe) -> list[torch.nn.Module]:
    depth, taps = recipe.taps
    if not depth:
        return []
    return [vgg.Features(getattr(vgg.torchvision_models(), f"vgg{depth}")().features, taps)]


# ---- faults that must be found


def misplaced_weight() -> None:
    with pretended() as where:
        torch.nn.Conv2d(3, 4, 3)(torch.rand(1, 3, 8, 8, device=where))


def misplaced_mask() -> None:
    family, config = networks()["glcic net openmmlab"]
    with pretended() as where, torch.no_grad():
        net = on(where, lambda: family.build(config).eval())
        net(torch.rand(1, 3, 64, 64, device=where), torch.rand(1, 1, 64, 64))


def other_precision() -> None:
    family, config = networks()["glcic net openmmlab"]
    with pretended() as where, torch.no_grad():
        net = on(where, lambda: family.build(config).eval(), torch.float16)
        net(torch.rand(1, 3, 64, 64, device=where), torch.rand(1, 1, 64, 64, device=where))


def misplaced_batch() -> None:
    """A hole that was left on the CPU, in a training step."""
    training, options = recipes()["pconv lite"]
    with pretended() as where:
        recipe = on(where, lambda: training(options))
        photo = torch.rand(2, 3, 128, 128, device=where)
        one_step(recipe, Batch(photo, torch.rand(2, 1, 128, 128), photo[:, :2, 0, 0]), 0.0, 0)


def double_precision() -> None:
    with pretended() as where:
        torch.tensor([1.0], dtype=torch.float64).to(where)


FAULTS = (misplaced_weight, misplaced_mask, misplaced_batch, other_precision, double_precision)


def tried() -> Iterator[tuple[str, str]]:
    """Each case and what it raised, in one line; nothing for one that went well."""
    cases = {fault.__name__: fault for fault in FAULTS}
    for name in networks():
        for precision in DTYPES:
            cases[f"{name}, {precision}"] = lambda name=name, precision=precision: forward(name, precision)
    for name in recipes():
        cases[f"{name}, steps"] = lambda name=name: steps(name)
    for name, case in cases.items():
        try:
            case()
            yield name, ""
        except Exception as error:
            own = [f for f in traceback.extract_tb(error.__traceback__) if "inpaint" in f.filename][-1:]
            where = ", ".join(f"{f.name}, line {f.lineno}" for f in own)
            yield name, f"{type(error).__name__}: {str(error).partition(chr(10))[0]} ({where})"


if __name__ == "__main__":
    try:
        device()
    except ImportError as error:
        print(error, file=sys.stderr)
        sys.exit(CANNOT)
    for name, said in tried():
        print(json.dumps([name, said]), flush=True)
