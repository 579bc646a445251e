"""Compare a network with the recorded outputs of its reference, through the real conversion and loading."""

import functools
import os

import torch
from recipe import compare, load_fixture, make_inputs, make_state

from inpaint.checkpoints import checkpoint
from inpaint.nets.device import prepare

DEVICE = os.environ.get("INPAINT_TEST_DEVICE", "cpu")
LOOSER = 1 if DEVICE == "cpu" else 20  # times the tolerance: elsewhere sums are taken in another order
WORST: dict[tuple[str, str, str], float] = {}  # fixture, output, precision → largest difference, for the summary
PRECISIONS = {"float64": torch.float64, "float32": torch.float32}
if DEVICE == "mps":
    del PRECISIONS["float64"]  # which it does not have


@functools.lru_cache(maxsize=2)
def load(fixture: str, place: str, layout: str = ""):
    """The fixture's manifest, its recorded arrays, and the network of `place` ("file:FAMILY") with its weights.

    The weights take the way of a published file: `layout` must be what the tensors are recognised as.
    """
    manifest, expected = load_fixture(fixture)
    state = {key: torch.from_numpy(value) for key, value in make_state(manifest).items()}
    part = checkpoint.fit(state, checkpoint.family(place), layout)
    return manifest, expected, prepare(checkpoint.network(part), DEVICE)


def inputs(case: dict, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    """(1, 3, H, W) RGB in 0..255 and (1, 1, H, W), 1 = hole, of a case."""
    image, mask = (torch.from_numpy(array) for array in make_inputs(case["h"], case["w"], case["mask"]))
    return image.permute(2, 0, 1)[None].to(DEVICE, dtype), mask[None, None].to(DEVICE, dtype)


def check(
    fixture: str, manifest: dict, expected: dict, case: str, output: str, array, precision: str, **thinning
) -> float:
    """The largest difference from the recording, noted for the summary. Raises AssertionError when too large."""
    tolerance = manifest["tolerance"]["atol" if precision == "float32" else "atol_float64"] * LOOSER
    array = array.detach().cpu().numpy() if isinstance(array, torch.Tensor) else array
    worst = compare(expected, case, output, array, tolerance, **thinning)
    key = fixture, output, precision
    WORST[key] = max(worst, WORST.get(key, 0.0))
    return worst
