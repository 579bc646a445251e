"""Harmonic and biharmonic fill: the smoothest surface over the hole that meets its rim.

Chan & Shen, "Mathematical models for local nontexture inpaintings", SIAM J. Appl. Math. 2002 (harmonic);
Damelin & Hoang, "On surface completion and image inpainting by biharmonic functions", Int. J. Math. 2018.
"""

import numpy as np

from ..contract import Card, Choice, Size, Step, Tour
from ..imaging.masks import Mask, grow


def load(device: str):
    from scipy.sparse.linalg import splu  # here, so that listing the models stays quick

    def fill(image, mask, *, order):
        around = grow(mask, 3)  # the biharmonic stencil reaches two pixels into the known region
        operator = laplacian(around)
        if order == "biharmonic":
            operator = operator @ operator
        missing = mask[around]
        known = image[around].astype(np.float64)
        rows = operator.tocsr()[missing]
        factors = splu(
            rows[:, missing].tocsc(),
            permc_spec="MMD_AT_PLUS_A",
            diag_pivot_thresh=0,
            options={"SymmetricMode": True},
        )
        values = factors.solve(-(rows[:, ~missing] @ known[~missing]))
        out = image.copy()
        out[mask] = np.clip(np.rint(values), 0, 255)
        yield Step(out)

    return fill


def laplacian(region: Mask):
    """The graph Laplacian of the region's pixels, each joined to its four neighbours within the region.

    (N, N) sparse, N = number of True pixels in row-major order. Borders are natural: nothing flows across them.
    """
    from scipy.sparse import coo_array, diags_array

    count = np.count_nonzero(region)
    index = np.full(region.shape, -1)
    index[region] = np.arange(count)
    pairs = [(index[:, :-1], index[:, 1:]), (index[:-1], index[1:])]
    a, b = (np.concatenate([pair[side].ravel() for pair in pairs]) for side in (0, 1))
    both = (a >= 0) & (b >= 0)
    a, b = a[both], b[both]
    joined = coo_array((np.ones(2 * a.size), (np.r_[a, b], np.r_[b, a])), shape=(count, count)).tocsr()
    return diags_array(joined.sum(axis=1)).tocsr() - joined


CARD = Card(
    title="Harmonic / biharmonic",
    line="Skies and gradients; blind to texture",
    summary="Stretches the smoothest membrane (harmonic) or thin plate (biharmonic) over the hole. The plainest "
    "baseline: right for skies and gradients, blind to texture.",
    paper="Chan & Shen, Mathematical models for local nontexture inpaintings, SIAM J. Appl. Math. 2002; "
    "Damelin & Hoang, On surface completion and image inpainting by biharmonic functions, Int. J. Math. 2018",
    link="https://doi.org/10.1137/S0036139900368844",
    licence="Apache-2.0, own implementation",
    commercial=True,
    speed="about a second",
    tour=Tour(
        sees="The known pixels that touch the hole, in full size. Nothing further away counts.",
        does="Every missing pixel is to be the mean of its four neighbours, as in a soap film on a bent wire: "
        "that is one large system of equations for each colour, and it is solved exactly. There are no steps, so "
        "there is nothing to see on the way.",
        fails="All joints end at the rim, and inside is an even grey. Yet its score is above those of Telea and "
        "Navier–Stokes, whose streaks are further from the truth.",
        good="rocket",
        bad="bricks",
    ),
    load=load,
    borders=True,
    size=Size(maximum=768),
    context=0.25,
    options=(Choice("order", "harmonic", ("harmonic", "biharmonic"), help="membrane or thin plate"),),
)
