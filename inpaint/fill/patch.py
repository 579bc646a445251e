"""How a crop is made for a model, and undone: blank, shrink and pad; cut off, enlarge, fade the rim."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import cv2
import numpy as np

from ..contract import NOTHING, Array, Image, Mask, Size, Step
from ..imaging import resize
from ..imaging.masks import Box
from ..imaging.rim import fade_step
from .finish import Job
from .groups import round_up


@dataclass(frozen=True)
class Patch:
    """One crop, brought to the size a model accepts, and the way back."""

    box: Box
    image: Image  # (h, w, 3) crop of the picture, hole blanked
    hole: Mask  # (h, w)
    inner: tuple[int, int]  # (h, w) after shrinking, before padding
    padded: Image = field(repr=False)
    padded_hole: Mask = field(repr=False)
    layers: Mapping[str, Array] = field(default_factory=dict, repr=False)  # cropped, shrunk and padded likewise

    @property
    def scale(self) -> float:
        return max(self.inner) / max(self.hole.shape)  # the shorter side may be a pixel or two, and rounded

    def back(self, filled: Image) -> Image:
        """The model's patch at the crop's size."""
        h, w = self.hole.shape
        filled = self._unpadded(filled)
        return filled if self.inner == (h, w) else cv2.resize(filled, (w, h), interpolation=cv2.INTER_CUBIC)

    def faded(self, filled: Image, feather: int) -> Image:
        """A fill of the crop's size without the rim's colour step."""
        return fade_step(filled, self.image, self.hole, feather) if feather else filled

    def job(self, step: Step, seed: int) -> Job:
        """What finishing the model's last step takes."""
        h, w = self.inner
        small_hole = self.padded_hole[:h, :w]
        return Job(
            photo=self.image,
            hole=self.hole,
            soft=self.back(step.image),
            guide=np.where(small_hole[..., None], self._unpadded(step.image), self._unpadded(self.padded)),
            small_hole=small_hole,
            seed=seed,
            origin=None if step.origin is None else step.origin[:h, :w],
        )

    def _unpadded(self, filled: Image) -> Image:
        if filled.shape != self.padded.shape or filled.dtype != np.uint8:
            raise TypeError(
                f"a model returned {filled.shape} {filled.dtype} for a patch of {self.padded.shape} uint8"
            )
        return filled[: self.inner[0], : self.inner[1]]

    def view(self, picture: Image) -> Image:
        """A model's view without the padding; pictures of another size (plots) as they are."""
        return picture[: self.inner[0], : self.inner[1]] if picture.shape == self.padded.shape else picture


def cut(image: Image, mask: Mask, box: Box, size: Size, layers: Mapping[str, Array] = NOTHING) -> Patch:
    """Crop, blank the hole, shrink to `size.maximum`, pad by reflection to `size.minimum` and `size.multiple`."""
    hole = mask[box].copy()
    crop = image[box].copy()
    crop[hole] = 0
    inner, to = fitted(hole.shape, size)
    small, small_hole = crop, hole
    if inner != hole.shape:
        small, small_hole = shrink(crop, hole, inner)
    extra = {name: _pad(_shrink_layer(layer[box], inner), to) for name, layer in layers.items()}
    return Patch(box, crop, hole, inner, _pad(small, to), _pad(small_hole, to), extra)


def fitted(shape: tuple[int, int], size: Size) -> tuple[tuple[int, int], tuple[int, int]]:
    """What a crop of a shape (h, w) is shrunk to, and what that is padded to."""
    scale = min(1.0, (size.maximum or max(shape)) / max(shape))
    h, w = (max(1, round(n * scale)) for n in shape)
    y, x = (round_up(max(n, size.minimum), size.multiple) for n in (h, w))
    return (h, w), (y, x)


def _pad(array: Array, to: tuple[int, int]) -> Array:
    """A copy, reflected below and to the right up to those sides. It is the model's own, whatever it does to it."""
    pad = [(0, n - m) for n, m in zip(to, array.shape[:2], strict=True)]
    return np.pad(array, [*pad, (0, 0)][: array.ndim], mode="symmetric")


def _shrink_layer(layer: Array, to: tuple[int, int]) -> Array:
    """A layer's crop at the patch's size; of a mask, thin strokes survive."""
    if layer.shape[:2] == to:
        return layer
    if layer.dtype == bool:
        return resize.averaged(layer.astype(np.uint8) * 255, to) > 0
    return resize.averaged(layer, to)


def shrink(crop: Image, hole: Mask, to: tuple[int, int]) -> tuple[Image, Mask]:
    """The crop (H, W, 3) and its hole at the smaller size `to`: the mean of the known pixels alone, 0 in the hole.

    A small pixel is missing when most of it is; where that rule leaves no hole, or nothing else, a stricter or a
    laxer one is taken.
    """
    mean, share = resize.known(crop, hole, to)
    rules = [share < least for least in (0.5, 1 - 1e-4, 1e-4)]
    small_hole = next((rule for rule in rules if rule.any() and not rule.all()), rules[1])
    small = np.rint(np.clip(mean, 0, 255)).astype(np.uint8)
    small[small_hole] = 0
    return small, small_hole
