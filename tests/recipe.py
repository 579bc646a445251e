"""Weights, inputs and comparison for the parity fixtures, from a counter-based hash: the same on every platform.

A fixture `fixtures/<name>` holds `manifest.json` (the layout of the state dict, the recipe for its values, the
cases) and `expected.npz` (what the reference code gave, thinned by `summarise`). Weights are never stored:
`fill_state` makes them from the keys. Images are (H, W, 3) uint8 RGB; masks are (H, W) uint8, 1 = hole.
"""

import json
import re
import zlib
from itertools import pairwise
from pathlib import Path

import numpy as np

FIXTURES = Path(__file__).parent / "fixtures"
CONSTANT_ONE = re.compile(r"(^|\.)(mask_conv\.weight|weight_mask_updater|weight_maskUpdater)$")
CONSTANT_EYE = re.compile(r"(^|\.)(fuse_weight|fuse_kernel)$")


def uniform01(name: str, n: int, seed: int = 0) -> np.ndarray:
    """`n` float64 numbers in (0, 1), odd multiples of 2^-25: SplitMix64's finaliser over a counter."""
    base = (zlib.crc32(name.encode("utf-8")) << 32) | (seed & 0xFFFFFFFF)
    with np.errstate(over="ignore"):
        z = np.uint64(base) + np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return ((z >> np.uint64(40)).astype(np.float64) + 0.5) / 16777216.0


def signed_unit(name: str, shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Uniform float64 of mean 0 and variance 1."""
    n = int(np.prod(shape, dtype=np.int64))
    return ((uniform01(name, n, seed) * 2.0 - 1.0) * 1.7320508075688772).reshape(shape)


def fill_state(entries, seed=0, gain=1.0, bias=0.1, overrides=(), power_iterations=4) -> dict[str, np.ndarray]:
    """The value of every [key, shape, dtype]; `overrides` are [regex, "gain" or "bias", value]; the last wins."""
    rules = [(re.compile(pattern), field, float(value)) for pattern, field, value in overrides]

    def setting(key: str, field: str, value: float) -> float:
        return next((v for rx, f, v in reversed(rules) if f == field and rx.search(key)), value)

    state = {}
    for key, shape, *rest in entries:
        strength = setting(key, "gain", gain), setting(key, "bias", bias)
        value = _value(key, tuple(shape), seed, *strength)
        if value is not None:
            state[key] = np.ascontiguousarray(value.astype(np.dtype(rest[0] if rest else "float32"))).reshape(shape)
    for key, shape, *_ in entries:
        if key.endswith("weight_u"):
            stem = key.removesuffix("_u")
            u, v = _singular(state[f"{stem}_orig"], key, tuple(shape), seed, power_iterations)
            state[key], state[f"{stem}_v"] = u.astype(np.float32), v.astype(np.float32)
    return {key: state[key] for key, *_ in entries if key in state}


def make_state(manifest: dict) -> dict[str, np.ndarray]:
    """The tensors of a fixture's network. One trainer calls weight_orig weight_bar; the numbers are the same."""
    theirs = [key for key, *_ in manifest["state"]]
    ours = [[key.replace("weight_bar", "weight_orig"), *rest] for key, *rest in manifest["state"]]
    made = fill_state(ours, **manifest["recipe"])
    return {key: made[own] for key, (own, *_) in zip(theirs, ours, strict=True)}


def _value(key: str, shape: tuple[int, ...], seed: int, gain: float, bias: float) -> np.ndarray | None:
    """One tensor in float64; None for a spectral norm's u and v, which follow from the weight."""
    leaf = key.rsplit(".", 1)[-1]
    if leaf in ("weight_u", "weight_v"):
        return None
    if leaf == "num_batches_tracked":
        return np.full(shape, 7)
    if CONSTANT_ONE.search(key):
        return np.ones(shape)
    if CONSTANT_EYE.search(key):
        return np.eye(shape[-1]).reshape(shape)
    if leaf == "running_mean":
        return 0.2 * signed_unit(key, shape, seed)
    if leaf == "bias":
        return bias * signed_unit(key, shape, seed)
    if leaf == "running_var" or len(shape) == 1:
        return 0.5 + uniform01(key, int(np.prod(shape)), seed).reshape(shape)
    return signed_unit(key, shape, seed) * (gain / np.sqrt(int(np.prod(shape[1:], dtype=np.int64))))


def _singular(weight: np.ndarray, key: str, shape: tuple[int, ...], seed: int, rounds: int):
    """u and v of the largest singular value after a few power iterations."""
    weight = weight.astype(np.float64)
    if weight.shape[0] != shape[0]:  # a transposed convolution leads with its inputs
        weight = np.swapaxes(weight, 0, 1)
    weight = weight.reshape(shape[0], -1)
    u = signed_unit(key, shape, seed)
    u /= np.linalg.norm(u)
    for _ in range(rounds):
        v = weight.T @ u
        v /= np.linalg.norm(v)
        u = weight @ v
        u /= np.linalg.norm(u)
    return u, v


def make_inputs(h: int, w: int, kind: str = "freeform") -> tuple[np.ndarray, np.ndarray]:
    """Image and mask. kind: freeform, box, both, thin, edge, none or full."""
    y = np.arange(h, dtype=np.float64)[:, None]
    x = np.arange(w, dtype=np.float64)[None, :]
    u, v = x / w, y / h
    r = 0.5 + 0.30 * np.sin(6.1 * u + 2.3 * v) + 0.15 * np.cos(0.37 * x + 0.05 * y)
    g = 0.45 + 0.28 * np.cos(4.7 * v - 3.1 * u) + 0.17 * np.sin(0.21 * y) * np.cos(0.13 * x)
    b = 0.55 + 0.25 * np.sin(9.0 * (u - 0.4) * (v - 0.6)) + 0.18 * np.sin(0.29 * (x + y))
    image = np.stack([r, g, b], -1)
    image[(2 * np.arange(w)[None, :] + 3 * np.arange(h)[:, None]) > (3 * w + 4 * h) * 2 // 3, 0] -= 0.2
    disc = _disc(h, w, h // 3, (2 * w) // 3, min(h, w) // 5)
    image[disc] = image[disc][:, ::-1] * 0.8 + 0.1
    return np.floor(np.clip(image, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8), _mask(h, w, kind)


def _disc(h: int, w: int, y: int, x: int, radius: int) -> np.ndarray:
    return (np.arange(h)[:, None] - y) ** 2 + (np.arange(w)[None, :] - x) ** 2 <= radius * radius


def _mask(h: int, w: int, kind: str) -> np.ndarray:
    mask = np.full((h, w), kind == "full", np.uint8)

    def stroke(start: tuple[int, int], stop: tuple[int, int], radius: int) -> None:
        dy, dx = stop[0] - start[0], stop[1] - start[1]
        n = max(abs(dy), abs(dx), 1)
        for i in range(n + 1):
            mask[_disc(h, w, start[0] + dy * i // n, start[1] + dx * i // n, radius)] = 1

    if kind in ("freeform", "both"):
        radius = max(2, min(h, w) // 21)
        points = [(h * a // 10, w * b // 10) for a, b in ((2, 1), (7, 3), (3, 5), (8, 7), (5, 9))]
        for start, stop in pairwise(points):
            stroke(start, stop, radius)
        stroke((h * 9 // 10, w * 1 // 10), (h * 9 // 10, w * 4 // 10), max(1, radius // 2))
    if kind in ("box", "both"):
        mask[h // 4 + 3 : h // 4 + 3 + h // 3, w // 3 - 5 : w // 3 - 5 + w // 3] = 1
    if kind == "thin":
        for i in range(6):
            stroke((h * (i + 1) // 8, w // 16), (h * (i + 2) // 8, w * 14 // 16), 1)
    if kind == "edge":  # touches two borders and a corner
        mask[: h // 3, : w // 4] = 1
        mask[:, w - 9 :] = 1
    return mask


def summarise(array: np.ndarray, step: int = 5, corner: int = 8) -> dict[str, np.ndarray]:
    """A (C, H, W) or (N, C, H, W) array thinned: every `step`-th pixel, the corners, four numbers per channel."""
    a = np.asarray(array, np.float32)
    a = a.reshape(-1, *a.shape[-2:])
    if step == 1:
        return {"full": a}
    c = corner
    corners = np.stack([a[:, :c, :c], a[:, :c, -c:], a[:, -c:, :c], a[:, -c:, -c:]])
    d = a.astype(np.float64)
    stats = np.stack([d.mean((1, 2)), d.std((1, 2)), d.min((1, 2)), d.max((1, 2))], -1)
    return {
        "grid": np.ascontiguousarray(a[:, ::step, ::step]),
        "corners": corners,
        "stats": stats.astype(np.float32),
    }


def load_fixture(name: str) -> tuple[dict, dict[str, np.ndarray]]:
    """Manifest and expected arrays of `fixtures/<name>`."""
    folder = FIXTURES / name
    with np.load(folder / "expected.npz", allow_pickle=False) as arrays:
        return json.loads((folder / "manifest.json").read_text("utf-8")), dict(arrays)


def check_layout(manifest: dict, shapes: dict[str, tuple[int, ...]]) -> None:
    """Raise AssertionError unless `shapes` is the manifest's layout."""
    want = {key: tuple(shape) for key, shape, *_ in manifest["state"]}
    wrong = [key for key in want.keys() & shapes.keys() if want[key] != tuple(shapes[key])]
    strange = want.keys() ^ shapes.keys()
    assert not strange and not wrong, f"in one only: {sorted(strange)[:5]}; shape: {sorted(wrong)[:5]}"


def compare(expected, case: str, output: str, array, atol: float, step: int = 5, corner: int = 8) -> float:
    """Largest absolute difference from the recorded output. Raises AssertionError when it is above `atol`."""
    worst = 0.0
    for part, got in summarise(array, step, corner).items():
        want = expected[f"{case}/{output}/{part}"]
        assert want.shape == got.shape, f"{case}/{output}/{part}: {got.shape} is not {want.shape}"
        difference = np.abs(got.astype(np.float64) - want)
        assert np.isfinite(difference).all(), f"{case}/{output}/{part}: not finite"
        worst = max(worst, float(difference.max(initial=0.0)))
    assert worst <= atol, f"{case}/{output}: max |d| = {worst:.3g} > {atol:.3g}"
    return worst


def noise_tensor(name: str, shape, scale: float = 1.0) -> np.ndarray:
    """float32 noise of mean 0 and standard deviation `scale`."""
    return (signed_unit(name, tuple(shape)) * scale).astype(np.float32)


def smooth_field(name: str, shape, cell: int = 4) -> np.ndarray:
    """float32 (..., H, W): noise on a grid of `cell` pixels, enlarged bilinearly by sums and products alone."""
    *lead, h, w = shape
    grid = signed_unit(name, (*lead, h // cell + 2, w // cell + 2))
    y, x = np.arange(h), np.arange(w)
    fy, fx = ((y % cell) / cell)[:, None], ((x % cell) / cell)[None, :]
    y, x = (y // cell)[:, None], (x // cell)[None, :]
    field = grid[..., y, x] * (1 - fy) * (1 - fx)
    field = field + grid[..., y + 1, x] * fy * (1 - fx)
    field = field + grid[..., y, x + 1] * (1 - fy) * fx
    field = field + grid[..., y + 1, x + 1] * fy * fx
    return field.astype(np.float32)
