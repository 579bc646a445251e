"""Telea, "An Image Inpainting Technique Based on the Fast Marching Method", Journal of Graphics Tools, 2004."""

import cv2
import numpy as np

from ..contract import Card, Number, Step, Tour


def fill(image, mask, *, radius):
    yield Step(cv2.inpaint(image, mask.view(np.uint8), radius, cv2.INPAINT_TELEA))


CARD = Card(
    title="Telea (fast marching)",
    short="Telea",
    line="Scratches and thin lines, at once; no texture",
    summary="Grows the colours of the rim inwards, nearest pixels first. For scratches, text and thin lines; "
    "wide holes turn into smears.",
    paper="Telea, An Image Inpainting Technique Based on the Fast Marching Method, JGT 2004",
    link="https://doi.org/10.1080/10867651.2004.10487596",
    licence="Apache-2.0 (OpenCV)",
    commercial=True,
    speed="under a second",
    tour=Tour(
        sees="The hole with a margin of a quarter of its size, unshrunk; and of that, for each pixel, what lies "
        "within 3 pixels.",
        does="From the rim inwards, nearest pixels first, each missing pixel becomes a mean of its known "
        "neighbours, in which those close by count most, and those that lie straight behind the front. It is done "
        "in one sweep, so there is nothing to see on the way.",
        fails="Red and white run in from both sides in slanted streaks, and meet in a hard seam along the middle "
        "of the hole. The horizon and the tower's edges are lost.",
        good="scratches",
        bad="lighthouse",
    ),
    load=lambda device: fill,
    borders=True,
    context=0.25,
    options=(Number("radius", 3, 1, 20, help="how far, in pixels, a missing pixel looks around itself"),),
)
