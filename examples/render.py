"""Make every picture and mask of this folder anew: python examples/render.py (needs scikit-image).

Photos come out of skimage.data, the lighthouse is drawn here. White in a mask is the hole, in `blend/` the cut-out.
"""

import json
from pathlib import Path

import cv2
import numpy as np
import skimage.data
from PIL import Image

HERE = Path(__file__).parent


def points(text):
    return np.array([pair.split(",") for pair in text.split()], np.int32)


def polygons(shape, *outlines, margin=0):
    """The inside of some outlines, "x,y x,y ..." or an array, grown by a margin."""
    mask = np.zeros(shape[:2], np.uint8)
    for outline in outlines:
        cv2.fillPoly(mask, [points(outline) if isinstance(outline, str) else outline], 255)
    return cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * margin + 1,) * 2))


def strokes(shape, *lines):
    """Brush strokes: (width, "x,y x,y ...")."""
    mask = np.zeros(shape[:2], np.uint8)
    for width, line in lines:
        cv2.polylines(mask, [points(line)], False, 255, width)
    return mask


def spoon():
    photo, bowl = skimage.data.coffee(), cv2.ellipse2Poly((367, 281), (43, 46), 0, 0, 360, 8)
    neck = "374,240 375,226 386,205 391,208 387,232 394,248 380,255"
    handle = "388,212 386,204 398,170 408,140 411,113 410,101 405,86 400,73 410,68 425,75 415,120"
    reflection = "316,246 332,236 352,234 374,226 376,244 352,252 330,260 318,256"
    return photo, polygons(photo.shape, bowl, neck, handle, reflection, margin=4)


def tripod():
    photo = skimage.data.camera()
    column = "289,216 297,216 297,246 305,254 305,280 299,300 300,488 287,488"
    head = "278,314 306,312 326,300 338,300 338,308 312,320 312,332 304,346 286,346 278,330"
    left = "280,330 290,330 290,345 260,460 300,480 300,489 250,492 246,511 229,511 229,488"
    right = "306,330 314,330 384,472 398,480 398,492 406,511 396,511 380,486 296,486 296,479 378,478"
    return photo, polygons(photo.shape, column, head, left, right, margin=4)


def bricks():
    photo = skimage.data.brick()
    return photo, strokes(photo.shape, (70, "150,170 215,235 300,240 365,310"))


def scratches():
    photo = skimage.data.astronaut()
    lines = (3, "330,0 318,140 327,300 316,511"), (2, "0,120 140,160 300,150 511,205")
    mask = strokes(photo.shape, *lines, (4, "60,511 110,330 170,250"), (2, "420,0 470,200 440,420"))
    for y, words in (60, "a picture torn,"), (270, "scratched, and"), (400, "written all over"):
        cv2.putText(mask, words, (24, y), cv2.FONT_HERSHEY_SIMPLEX, 1.6, 255, 5)
    return photo, mask


def pixels():
    photo = skimage.data.retina()[400:960, 60:700]
    return photo, np.where(np.random.default_rng(0).random(photo.shape[:2]) < 0.5, 255, 0).astype(np.uint8)


def rocket():
    photo = skimage.data.rocket()
    stage = "304,160 312,130 323,122 334,130 341,160 345,335 364,352 390,426 258,426 258,398 280,360 300,335"
    lamp = cv2.ellipse2Poly((366, 392), (44, 40), 0, 0, 360, 10)
    return photo, polygons(photo.shape, stage, lamp, margin=4)


def galaxies():
    photo = skimage.data.hubble_deep_field()[112:752, 260:980]
    return photo, polygons(photo.shape, cv2.ellipse2Poly((340, 330), (150, 110), -20, 0, 360, 5))


def lighthouse():
    """A striped tower before the sea, upright; drawn twice as large, then halved."""
    rng = np.random.default_rng(1)
    w, h, horizon = 960, 1440, 940
    up = np.linspace(0, 1, h)[:, None, None] * h / horizon
    sky = (1 - up) * np.array([52, 96, 160]) + up * np.array([250, 214, 176])
    sea = (2 - up) * np.array([66, 124, 148]) + (up - 1) * np.array([4, 20, 40])
    canvas = np.where(up < 1, sky, sea).repeat(w, axis=1).clip(0, 255).astype(np.uint8)
    for _ in range(900):  # waves: short strokes, longer and farther apart towards us
        near = rng.random() ** 1.5
        x, y, length = rng.integers(-50, w), int(horizon + 6 + near * (h - horizon)), int(10 + 90 * near)
        tint = canvas[min(y, h - 1), 0] + rng.choice([-14, 22])
        cv2.line(canvas, (x, y), (x + length, y), tint.clip(0, 255).tolist(), 2 + int(3 * near), cv2.LINE_AA)
    rock = "180,1440 230,1250 330,1180 440,1150 650,1160 760,1230 850,1300 959,1440"
    cv2.fillPoly(canvas, [points(rock)], (74, 66, 62), cv2.LINE_AA)
    shade = np.linspace(1.08, 0.62, w)[None, :, None]
    tower = np.zeros((h, w, 3))
    for k, y in enumerate(range(330, 1190, 86)):
        tower[y : y + 86] = (200, 44, 40) if k % 2 else (246, 242, 234)
    inside = polygons((h, w), "460,330 620,330 680,1190 400,1190") > 0
    span = np.interp(np.arange(w), (380, 700), (0, w - 1)).astype(int)
    canvas[inside] = (tower * shade[:, span]).clip(0, 255)[inside]
    for box, colour in [((436, 300, 644, 332), (52, 54, 60)), ((490, 214, 590, 302), (255, 236, 150))]:
        cv2.rectangle(canvas, box[:2], box[2:], colour, -1)
    for x in 490, 523, 557, 590:
        cv2.line(canvas, (x, 214), (x, 302), (52, 54, 60), 6)
    cv2.fillPoly(canvas, [points("474,216 540,140 606,216")], (200, 44, 40), cv2.LINE_AA)
    picture = cv2.resize(canvas, (w // 2, h // 2), interpolation=cv2.INTER_AREA)
    return picture, strokes(picture.shape, (90, "190,350 270,400 360,470"))


def ellipse(photo, centre, axes):
    return polygons(photo.shape, cv2.ellipse2Poly(centre, axes, 0, 0, 360, 3))


def deep_sky():
    photo = skimage.data.hubble_deep_field()[230:610, 290:990]
    return (
        photo,
        ellipse(photo, (350, 190), (330, 170)),
        "rocket.jpg",
        {"x": 0.53, "y": 0.16, "scale": 0.66, "angle": -4},
    )


def visor():
    photo = skimage.data.chelsea()
    cat = ellipse(photo, (250, 130), (175, 125))
    return photo, cat, "scratches.jpg", {"x": 0.755, "y": 0.845, "scale": 0.3, "angle": 0}


def coin():
    photo = skimage.data.coins()
    return (
        photo,
        ellipse(photo, (334, 42), (33, 33)),
        "spoon.jpg",
        {"x": 0.88, "y": 0.72, "scale": 0.2, "angle": 15},
    )


def save(picture, mask, folder, name, kind="jpg"):
    folder.mkdir(exist_ok=True)
    Image.fromarray(picture).save(folder / f"{name}.{kind}", quality=92, optimize=True)
    Image.fromarray(mask).convert("1", dither=Image.Dither.NONE).save(folder / f"{name}.mask.png", optimize=True)


if __name__ == "__main__":
    for make in spoon, tripod, bricks, scratches, pixels, rocket, galaxies, lighthouse:
        picture, mask = make()
        save(picture, mask, HERE, make.__name__, "png" if make is lighthouse else "jpg")
    pairs = {}
    for make in deep_sky, visor, coin:
        picture, mask, first, placement = make()
        name = make.__name__.replace("_", "-")
        save(picture, mask, HERE / "blend", name)
        pairs[name] = {"first": first, **placement}
    (HERE / "blend" / "pairs.json").write_text(json.dumps(pairs, indent=1) + "\n", "utf-8")
