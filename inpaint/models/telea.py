"""Telea, "An Image Inpainting Technique Based on the Fast Marching Method", Journal of Graphics Tools, 2004."""

import cv2
import numpy as np

from ..contract import Card, Number, Step


def fill(image, mask, *, radius):
    yield Step(cv2.inpaint(image, mask.view(np.uint8), radius, cv2.INPAINT_TELEA))


CARD = Card(
    title="Telea (fast marching)",
    summary="Grows the colours of the rim inwards, nearest pixels first. For scratches, text and thin lines; "
    "wide holes turn into smears.",
    paper="Telea, An Image Inpainting Technique Based on the Fast Marching Method, JGT 2004",
    link="https://doi.org/10.1080/10867651.2004.10487596",
    licence="Apache-2.0 (OpenCV)",
    commercial=True,
    speed="under a second",
    load=lambda device: fill,
    context=0.25,
    options=(Number("radius", 3, 1, 20, help="how far, in pixels, a missing pixel looks around itself"),),
)
