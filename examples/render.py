"""Make the pictures and masks of this folder anew: python examples/render.py [FOLDER] (needs scikit-image).

FOLDER holds the backgrounds that README.md names; without it, what is made of them stays as it is. The other photos
come out of skimage.data, the lighthouse is drawn here. White in a mask is the hole, in `blend/` the cut-out.
"""

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import skimage.data
from PIL import Image

HERE = Path(__file__).parent
BACKGROUNDS = Path(sys.argv[1]) if sys.argv[1:] else None
THUMB, MARK = 200, (214, 51, 132)  # width of a small picture in pixels, colour of the hole on it


def points(text):
    return np.array([pair.split(",") for pair in text.split()], np.int32)


def polygons(shape, *outlines, margin=0):
    """The inside of some outlines, "x,y x,y ..." or an array, grown by a margin."""
    mask = np.zeros(shape[:2], np.uint8)
    for outline in outlines:
        cv2.fillPoly(mask, [points(outline) if isinstance(outline, str) else outline], 255)
    return cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * margin + 1,) * 2))


def lasso(shape, *outlines, scale):
    """The inside of rounded outlines, drawn on a picture that was this many times smaller."""
    mask = np.zeros(shape[:2], np.uint8)
    for outline in outlines:
        corners = points(outline) * scale
        for _ in range(3):  # each round cuts the corners off at a quarter of the sides
            ahead = np.roll(corners, -1, axis=0)
            corners = np.stack([0.75 * corners + 0.25 * ahead, 0.25 * corners + 0.75 * ahead], 1).reshape(-1, 2)
        cv2.fillPoly(mask, [corners.round().astype(np.int32)], 255)
    return mask


def background(name, size, crop=None):
    """One of the backgrounds, cropped (left, top, right, bottom) and shrunk to a width and height."""
    picture = Image.open(BACKGROUNDS / name).convert("RGB")
    return np.asarray(picture.crop(crop).resize(size, Image.Resampling.LANCZOS))


def painted(photo, cover, colour):
    """The photo under a layer of paint, (H, W) in 0..1, and the hole that the paint leaves."""
    over = photo * (1 - cover[..., None]) + np.array(colour) * cover[..., None]
    hole = (cover > 0.02).astype(np.uint8) * 255
    return over.round().astype(np.uint8), cv2.dilate(hole, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9)))


def strokes(shape, *lines):
    """Brush strokes: (width, "x,y x,y ...")."""
    mask = np.zeros(shape[:2], np.uint8)
    for width, line in lines:
        cv2.polylines(mask, [points(line)], False, 255, width)
    return mask


def dune():
    photo = background("extreme-desert-hike.jpg", (1920, 1280))
    hikers = (
        "384,752 400,736 424,734 446,726 466,718 490,708 512,698 532,706 536,732 562,736 592,752 582,768 546,766 "
        "506,774 478,780 476,792 440,790 408,798 386,790"
    )
    return photo, lasso(photo.shape, hikers, scale=1920 / 1344)


def wren():
    photo = background("canyon-wren.jpg", (1920, 1080))
    outline = (
        "496,346 518,302 530,250 538,212 564,192 600,186 630,192 662,180 692,180 704,194 686,212 652,224 638,242 "
        "626,264 624,302 626,364 616,380 590,374 560,360 524,356"
    )
    return photo, lasso(photo.shape, outline, scale=1920 / 1456)


def lettering():
    photo = background("lake-sherburne.jpg", (1920, 1080))
    cover = np.zeros(photo.shape[:2], np.uint8)
    for words, corner, size, width in (
        ("Greetings", (210, 205), 7, 15),
        ("from the mountains", (180, 970), 4.2, 11),
    ):
        cv2.putText(cover, words, corner, cv2.FONT_HERSHEY_SCRIPT_COMPLEX, size, 255, width, cv2.LINE_AA)
    return painted(photo, cover / 255, (255, 250, 235))


def otters():
    photo = background("oakland-zoo-otters.jpg", (2060, 1001), (300, 440, 3840, 2160))
    cover = np.zeros(photo.shape[:2], np.uint8)
    cv2.putText(cover, "23 8 '03", (90, 860), cv2.FONT_HERSHEY_DUPLEX, 2.8, 255, 6, cv2.LINE_AA)
    return painted(photo, cover / 255, (255, 140, 40))


def kitten():
    """A photo made to look like an old print: faded, folded twice, scratched, dusty, a corner torn off."""
    photo = background("kitten-on-lawn.jpg", (1800, 1219))
    rng, (h, w) = np.random.default_rng(8), photo.shape[:2]
    faded = 0.8 * photo + np.array((44, 36, 22))
    cover = np.zeros((h, w), np.uint8)

    def scratch(line, width):
        cv2.polylines(cover, [(np.array(line) * 8).round().astype(np.int32)], False, 255, width, cv2.LINE_AA, 3)

    for _ in range(6):
        at, angle, line = rng.uniform((0, -200), (w, 0.7 * h)), rng.normal(np.pi / 2, 0.25), []
        step = rng.uniform(5, 24)
        for _ in range(40):
            line.append(at)
            angle += rng.normal(0, 0.02)
            at = at + step * np.array([np.cos(angle), np.sin(angle)])
        scratch(line, int(rng.integers(2, 5)))
    for _ in range(24):  # dust
        at = rng.uniform((0, 0), (w, h))
        scratch([at, at + rng.normal(0, 4, 2)], int(rng.integers(3, 9)))
    for start, end in ((0, 360), (w, 470)), ((1130, 0), (1060, h)):  # folds
        scratch(np.linspace(start, end, 60) + rng.normal(0, 2.5, (60, 2)), 5)
    torn = np.linspace((w - 220, -9), (w + 9, 180), 32) + rng.normal(0, 3, (32, 2))
    cv2.fillPoly(cover, [np.array([*torn, (w, 0)]).round().astype(np.int32)], 255, cv2.LINE_AA)
    return painted(faded + rng.normal(0, 2, (h, w, 1)), cover / 255, (252, 246, 232))


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
    tower = "302,108 346,108 360,240 364,330 386,352 412,392 414,426 246,426 252,380 282,330 292,220"
    return photo, polygons(photo.shape, tower)


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


def save(picture, mask, folder, name, kind="jpg", quality=92):
    folder.mkdir(exist_ok=True)
    Image.fromarray(picture).save(folder / f"{name}.{kind}", quality=quality, optimize=True)
    Image.fromarray(mask).convert("1", dither=Image.Dither.NONE).save(folder / f"{name}.mask.png", optimize=True)


def save_thumb(name):
    """The example as a small picture, its hole in one colour."""
    photo = np.asarray(Image.open(next(HERE.glob(f"{name}.[jp][pn]g"))).convert("RGB"))
    hole = np.asarray(Image.open(HERE / f"{name}.mask.png").convert("L"))[..., None] / 255
    marked = Image.fromarray((photo * (1 - 0.6 * hole) + np.array(MARK) * 0.6 * hole).round().astype(np.uint8))
    small = marked.resize((THUMB, round(THUMB * marked.height / marked.width)), Image.Resampling.LANCZOS)
    small.save(HERE / "thumbs" / f"{name}.webp", quality=80, method=6)


CAPTIONS = {"deep-sky": "Galaxies over the pad", "visor": "A cat in the helmet", "coin": "A coin on the table"}

if __name__ == "__main__":
    for make in (kitten, dune, wren, otters, lettering) if BACKGROUNDS else ():
        save(*make(), HERE, make.__name__, quality=82)
    for make in spoon, tripod, bricks, scratches, pixels, rocket, galaxies, lighthouse:
        picture, mask = make()
        save(picture, mask, HERE, make.__name__, "png" if make is lighthouse else "jpg")
    (HERE / "thumbs").mkdir(exist_ok=True)
    for mask in HERE.glob("*.mask.png"):
        save_thumb(mask.name.removesuffix(".mask.png"))
    pairs = {}
    for make in deep_sky, visor, coin:
        picture, mask, first, placement = make()
        name = make.__name__.replace("_", "-")
        save(picture, mask, HERE / "blend", name)
        pairs[name] = {"caption": CAPTIONS[name], "first": first, **placement}
    (HERE / "blend" / "pairs.json").write_text(json.dumps(pairs, indent=1) + "\n", "utf-8")
