"""Bertalmio, Bertozzi & Sapiro, "Navier-Stokes, Fluid Dynamics, and Image and Video Inpainting", CVPR 2001."""

import cv2
import numpy as np

from ..contract import Card, Number, Step, Tour


def fill(image, mask, *, radius):
    yield Step(cv2.inpaint(image, mask.view(np.uint8), radius, cv2.INPAINT_NS))


CARD = Card(
    title="Navier–Stokes",
    line="Scratches, text, smooth backgrounds; no texture",
    summary="Continues the lines of equal brightness into the hole like a flowing fluid. For scratches, text and "
    "smooth backgrounds; invents no texture.",
    paper="Bertalmio, Bertozzi & Sapiro, Navier-Stokes, Fluid Dynamics, and Image and Video Inpainting, CVPR 2001",
    link="https://doi.org/10.1109/CVPR.2001.990497",
    licence="Apache-2.0 (OpenCV)",
    commercial=True,
    speed="under a second",
    tour=Tour(
        sees="The hole with a margin of a quarter of its size, unshrunk; and of that, for each pixel, what lies "
        "within 3 pixels.",
        does="From the rim inwards, each missing pixel continues the lines of equal brightness that arrive there, "
        "as a fluid carries on its flow. It is done in one sweep, so there is nothing to see on the way.",
        fails="Every speck at the rim is drawn into the hole as a beam, the big galaxy most of all, and the rest "
        "is straight stripes that meet at an angle.",
        good="pixels",
        bad="galaxies",
    ),
    load=lambda device: fill,
    borders=True,
    context=0.25,
    options=(Number("radius", 3, 1, 20, help="how far, in pixels, a missing pixel looks around itself"),),
)
