"""The edge map a method drew, and what a visitor makes of it."""

from dataclasses import dataclass

import numpy as np

from ..contract import Array, InpaintError, Mask
from ..imaging import masks
from ..imaging.masks import Box

EDGES = "edges"  # the view that can be edited, not looked at
REACH = 3  # pixels around an edit where lines that are to stay are drawn: erasing is no finer than that


@dataclass(frozen=True)
class Edges:
    """The edge map of the largest hole's crop, and what the visitor has made of it. All (h, w) of the patch."""

    box: Box  # the crop, in the photo
    map: Array  # uint8, 255 = edge
    hole: Mask
    draw: Mask  # lines in `map` that the visitor drew
    erase: Mask  # where the visitor took lines away

    @property
    def lines(self) -> Mask:
        """The edges in the hole."""
        return (self.map > 127) & self.hole

    def repainted(self, painted: Mask | None) -> tuple[Mask, Mask]:
        """All that is drawn and all that is erased, now that the lines in the hole are `painted`.

        Raises InpaintError for a painting of another size.
        """
        painted = np.zeros_like(self.hole) if painted is None else painted
        if painted.shape != self.hole.shape:
            raise InpaintError("These edges belong to another result: press yours again, below.")
        edited = masks.grow((painted != self.lines) & self.hole, REACH)
        draw = painted & self.hole & (self.draw | edited)  # a stroke is whole where it crosses a line
        return draw, ~painted & self.hole & (self.erase | self.lines)

    def onto(self, strokes: Mask, shape: tuple[int, int]) -> Mask:
        """Strokes (h, w) on a mask of the photo's `shape`."""
        out = np.zeros(shape, bool)
        out[self.box] = spread(strokes, out[self.box].shape)
        return out


def spread(strokes: Mask, shape: tuple[int, int]) -> Mask:
    """A patch's strokes enlarged so that shrinking them again, as the pipeline does, touches no other pixel.

    Of the large pixels only those that lie wholly in a small one are set; at least the one at its centre.
    """
    index, whole = [], []
    for small, large in zip(strokes.shape, shape, strict=True):
        at = np.arange(large)
        owner = ((at + 0.5) * small / large).astype(int)
        fits = (at * small >= owner * large) & ((at + 1) * small <= (owner + 1) * large)
        fits[((np.arange(small) + 0.5) * large / small).astype(int)] = True
        index.append(owner)
        whole.append(fits)
    return strokes[np.ix_(*index)] & np.logical_and.outer(*whole)
