"""The tabs of the page: one file and one line each. Those beside the painter are listed in `holes`."""

from ..parts.tab import Tab
from .blend import Blend
from .holes import Holes
from .learn import Learn
from .vote import Vote

ROOMS: tuple[type[Tab], ...] = (Holes, Blend, Learn, Vote)  # in the order of the page
