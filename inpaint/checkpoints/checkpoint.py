"""Tensors in files: read them without running anything, fit them to a network, keep them as safetensors.

A canonical file holds every network of a model: its own tensor names behind "part.", and in the metadata the
configs, so that the file alone says which network it is for.
"""

import dataclasses
import json
import pickle
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..contract import InpaintError
from ..imaging.files import replacing

if TYPE_CHECKING:  # torch comes in only when tensors do
    from torch import Tensor, nn

    from ..nets.layout import Family

# what published files nest their tensors under
WRAPPERS = ("state_dict", "generator", "G", "model", "params_ema", "params", "net")
FACTS = "inpaint"  # the entry of a canonical file's metadata
LARGEST = 1024  # of any number in a config
MANY = 16  # of the items of a list there


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
    return getattr(import_module(f"..nets.{module}", __package__), name)


def fit(given: "dict[str, Any]", family: "Family", layout: str = "", file: str = "The checkpoint") -> Part:
    """The tensors of a published file as those of a network of this family: by names and shapes, all of them.

    layout: the only one to try. Raises InpaintError that names what is missing, strange or misshapen.
    """
    state = unwrap(given)
    if layout and layout not in family.layouts:
        raise InpaintError(f"There is no layout {layout!r}; there are {', '.join(family.layouts)}.")
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


# ---- reading what others wrote


def read(path: Path, trusted: bool = False) -> "dict[str, Any]":
    """Whatever lies in a checkpoint file: tensors, and what trainers put around them. Runs no code from the file.

    trusted: the file's full sha256 is the published one; only then is a TorchScript program opened, for its
    tensors.
    Raises InpaintError that names the file and the reason.
    """
    try:
        return _read(path, trusted)
    except InpaintError as error:
        raise InpaintError(f"{path.name} is refused: {error}") from None
    except MemoryError:
        raise
    except Exception as error:  # whatever a broken or hostile file sets off in its reader
        line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InpaintError(f"{path.name} is refused: it cannot be read as a checkpoint ({line[:160]}).") from None


def _read(path: Path, trusted: bool) -> "dict[str, Any]":
    import torch

    if not path.is_file():
        raise InpaintError("there is no such file.")
    if zipfile.is_zipfile(path):
        if _is_program(path):
            if not trusted:
                raise InpaintError(
                    "it is a TorchScript program, which is run only if its sha256 is a published one."
                )
            return _from_program(path)
    elif path.suffix == ".safetensors" or _head(path, 9)[8:] == b"{":
        from safetensors.torch import load_file

        return load_file(path)
    try:
        given = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except pickle.UnpicklingError as error:
        raise InpaintError(f"it holds more than tensors, and nothing else is read ({_culprit(error)}).") from None
    if not isinstance(given, Mapping):
        raise InpaintError(f"it holds a {type(given).__name__}, not tensors by name.")
    return dict(given)


def _from_program(path: Path) -> "dict[str, Any]":
    import torch

    warnings.filterwarnings("ignore", "`torch.jit", DeprecationWarning)  # old, but what LaMa is published as
    return dict(torch.jit.load(str(path), map_location="cpu").state_dict())


def _head(path: Path, size: int) -> bytes:
    with path.open("rb") as file:
        return file.read(size)


def _culprit(error: Exception) -> str:
    """The object a pickle wanted to make."""
    text = str(error)
    marks = [text.find(mark) for mark in ("GLOBAL ", "global ", "Unsupported ", "function ")]
    start = min((mark for mark in marks if mark >= 0), default=0)
    return text[start:].splitlines()[0][:100].strip()


def _is_program(path: Path) -> bool:
    """Whether a zip archive is TorchScript. Refuses archives that are larger inside than outside."""
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
    if any(e.compress_type != zipfile.ZIP_STORED and e.file_size > 100 * max(e.compress_size, 1) for e in entries):
        raise InpaintError("it would unpack to far more than its size.")
    if sum(e.file_size for e in entries) > 2 * path.stat().st_size + (1 << 20):
        raise InpaintError("it would unpack to far more than its size.")
    return any(e.filename.endswith("constants.pkl") for e in entries)


def unwrap(given: "dict[str, Any]") -> "dict[str, Tensor]":
    """The state dict inside a checkpoint: without what trainers wrap around it."""
    import torch

    for key in WRAPPERS:
        if isinstance(inner := given.get(key), dict):
            return unwrap(inner)
    state = {k: v for k, v in given.items() if isinstance(v, torch.Tensor)}
    for prefix in ("module.", "generator.", "baseg.", "module."):
        if any(k.startswith(prefix) for k in state):  # beside a generator may lie its critics and losses
            state = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
    return state


def check_values(part: Part) -> None:
    """Raise InpaintError unless every tensor is dense and every number finite."""
    import torch

    for name, tensor in part.state.items():
        if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_meta:
            raise InpaintError(f"{name} is not a plain tensor.")
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise InpaintError(f"{name} holds numbers that are not finite.")


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
    import torch

    state = {
        k: v.to(torch.float32) if v.dtype in (torch.float16, torch.bfloat16) else v for k, v in part.state.items()
    }
    net = blank(part.family, part.config)
    net.load_state_dict(state, strict=True, assign=True)
    return net.eval().requires_grad_(False)


def same(parts: Mapping[str, Part], others: Mapping[str, Part], file: str) -> None:
    """Raise InpaintError unless both hold the same tensors, to the bit."""
    for name, part in parts.items():
        other = others[name]
        if part.config != other.config or part.state.keys() != other.state.keys():
            raise InpaintError(f"{file} is of another network than its original.")
        for key, tensor in part.state.items():
            if not tensor.equal(other.state[key]):
                raise InpaintError(f"{file}: {name}.{key} is not what the original holds.")


# ---- the canonical file


def save(parts: Mapping[str, Part], facts: Mapping[str, Any], path: Path) -> None:
    """Write the networks of one model, and the facts about their weights, at once or not at all."""
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    tensors = {f"{part}.{k}": v.detach().contiguous() for part, p in parts.items() for k, v in p.state.items()}
    configs = {part: {"layout": p.layout, "config": dataclasses.asdict(p.config)} for part, p in parts.items()}
    with replacing(path) as part:
        try:
            save_file(tensors, part, {FACTS: json.dumps({**facts, "networks": configs})})
        except SafetensorError as error:
            raise OSError(str(error)) from None


def facts(path: Path) -> dict[str, Any] | None:
    """What a canonical file says of itself; None for any other file. Raises InpaintError for a broken one."""
    from safetensors import SafetensorError, safe_open

    if path.suffix != ".safetensors":
        return None
    try:
        with safe_open(path, "pt") as file:
            said = json.loads((file.metadata() or {}).get(FACTS, "null"))
    except (SafetensorError, OSError, ValueError) as error:
        raise InpaintError(f"{path.name} is refused: it is not a safetensors file ({error}).") from None
    return said if isinstance(said, dict) else None


def load(path: Path, networks: Mapping[str, str]) -> dict[str, Part]:
    """The networks of a canonical file. Raises InpaintError that names the file and the reason."""
    said, state = facts(path), read(path)
    if said is None:
        raise InpaintError(f"{path.name} is refused: it does not say which network it is for.")
    try:
        return {part: _load(part, place, said, state) for part, place in networks.items()}
    except InpaintError as error:
        raise InpaintError(f"{path.name} is refused: {error}") from None


def _load(name: str, place: str, said: Mapping[str, Any], state: "dict[str, Tensor]") -> Part:
    kind, known = family(place), said.get("networks")
    if not isinstance(known, dict) or not isinstance(known.get(name), dict):
        raise InpaintError(f"it has no network {name!r}.")
    config = configure(next(iter(kind.layouts.values())).config, known[name].get("config"))
    own = {k.removeprefix(f"{name}."): v for k, v in state.items() if k.startswith(f"{name}.")}
    part = Part(kind, str(known[name].get("layout", "")), config, own)
    if misfit := compare(own, kind, config):
        raise InpaintError(f"{'; '.join(misfit[:3])}.")
    check_values(part)
    return part


def configure(like: Any, given: Any) -> Any:
    """`like` with the given values: known names, the same types, no number so large that building would not end."""
    if not isinstance(given, dict):
        raise InpaintError("its config is not a table.")
    values: dict[str, Any] = {}
    for name, value in given.items():
        default = getattr(like, name, None) if name in {f.name for f in dataclasses.fields(like)} else None
        values[name] = tuple(value) if isinstance(value, list) and isinstance(default, tuple) else value
        if not _alike(values[name], default):
            raise InpaintError(f"its config says {name}={value!r}, which is not an option of this network.")
        if any(not -LARGEST <= x <= LARGEST for x in _numbers(values[name])) or (name == "width" and value < 1):
            raise InpaintError(f"its config says {name}={value}, which is too much.")
    try:
        return dataclasses.replace(like, **values)
    except (ValueError, TypeError) as error:
        raise InpaintError(f"its config is not usable: {error}.") from None


def _alike(value: Any, default: Any) -> bool:
    """Of one type, in tuples item by item."""
    if isinstance(default, tuple) and default and isinstance(value, tuple):
        return len(value) <= MANY and all(type(item) is type(default[0]) for item in value)
    return type(value) is type(default) and default is not None


def _numbers(value: Any) -> list[float]:
    return [x for x in (value if isinstance(value, tuple) else (value,)) if isinstance(x, int | float)]
