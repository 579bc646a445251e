"""Make the pictures of Learn anew: python docs/tours/make.py [name …] (from the project's folder; ten minutes).

Each is what the shipped methods really give, shrunk, as WebP. `index.json` says what they show. With names, only
the tours of those methods and the shows of those names are made, and the rest stays. A method without weights on
this machine has no pictures.
"""

import json
import sys
from pathlib import Path

import numpy as np
import PIL.Image

import inpaint
from inpaint import zoo
from inpaint.imaging import masks
from inpaint.imaging.picture import open_picture, read_mask
from inpaint.imaging.resize import within
from inpaint.lab import blend, gallery, tour
from inpaint.lab.examples import EXAMPLES

HERE = Path(__file__).parent
SIDE, WIDE, CARD, THUMB = 340, 1000, 560, 240  # longest side in pixels: of a tour's picture, of a film strip, …
STRIP = 2.2  # times its height: a picture that is a film strip
RATIO = 8 / 5  # of a card
QUALITY = 68


def save(file, image, says, side, part=""):
    """Write the picture at no more than `side` pixels; its line in the index."""
    height, width = image.shape[:2]
    small = within(image, WIDE if width > STRIP * height else side)
    PIL.Image.fromarray(small).save(HERE / file, "WEBP", quality=QUALITY, method=6)
    line = {"file": file, "width": small.shape[1], "height": small.shape[0], "says": says}
    return line | ({"part": part} if part else {})


def toured(name):
    """The tour of a method, picture by picture."""
    for old in HERE.glob(f"tour-{name}-*.webp"):
        old.unlink()
    frames = [sight.frame for sight in tour.walk(name) if sight.frame]
    return [save(f"tour-{name}-{k}.webp", f.image, f.says, SIDE, f.part) for k, f in enumerate(frames)]


def framed(hole):
    """The box of RATIO that shows the hole and some of what is around it, as far as the picture reaches."""
    rows, cols = masks.surroundings(hole, 0.35, 40)
    height, width = rows.stop - rows.start, cols.stop - cols.start
    height, width = max(height, round(width / RATIO)), max(width, round(height * RATIO))
    shrink = min(1, hole.shape[0] / height, hole.shape[1] / width)
    return tuple(
        _slice((at.start + at.stop) / 2, round(n * shrink), limit)
        for at, n, limit in zip((rows, cols), (height, width), hole.shape, strict=True)
    )


def _slice(middle, length, limit):
    start = min(max(round(middle - length / 2), 0), limit - length)
    return slice(start, start + length)


def shown(show):
    """Before and after of a card."""
    before, after, hole = blended(show.name) if show.by == gallery.BLEND else filled(show)
    box = framed(hole)
    said = (f"{show.title}: before", f"{show.title}: after. {show.says}")
    pictures = zip(("before", "after"), (before[box], after[box]), said, strict=True)
    return [save(f"{show.name}-{when}.webp", image, says, CARD) for when, image, says in pictures]


def filled(show):
    given = tour.example(show.name)
    before = given.photo.copy()
    if show.paint:
        before[given.hole] = show.paint
    return before, inpaint.inpaint(given.photo, given.hole, show.by), given.hole


def blended(name):
    """A pair of `examples/blend`, as the page blends it."""
    pair = json.loads((EXAMPLES / "blend" / "pairs.json").read_text("utf-8"))[name]
    first = blend.in_colour(open_picture(EXAMPLES / pair.pop("first")))
    second = open_picture(EXAMPLES / "blend" / f"{name}.jpg")
    mask, _ = read_mask(EXAMPLES / "blend" / f"{name}.mask.png", second.shape)
    pasted = blend.place(*blend.cut_out(second, mask), first.shape, blend.Placement(**pair))
    return first.rgb, blend.blend(first.rgb, pasted, "gaussian-poisson"), pasted.mask


def face():
    """Thin lines across a face, mended by PatchMatch."""
    given = tour.example("scratches")
    result = inpaint.inpaint(given.photo, given.hole, "patchmatch")
    return [save("face.webp", result[10:210, 125:325], "Lines across a face, mended by PatchMatch", THUMB)]


def large():
    """The middle of a picture, two fifths of it, filled by PatchMatch."""
    photo = tour.example("tripod").photo
    hole = np.zeros(photo.shape[:2], bool)
    hole[90:420, 90:420] = True
    result = inpaint.inpaint(photo, hole, "patchmatch")
    return [save("large.webp", result, "Two fifths of a picture, filled by PatchMatch", THUMB)]


def main(wanted):
    """Make what is wanted, or everything; what is made is kept when the rest is stopped."""
    path = HERE / gallery.INDEX
    index = json.loads(path.read_text("utf-8")) if path.exists() else {"tours": {}, "shows": {}}
    tours = {name: lambda name=name: toured(name) for name in zoo.names() if zoo.ready(name)}
    shows = {show.name: lambda show=show: shown(show) for show in gallery.SHOWS} | {"face": face, "large": large}
    for kind, makers in (("tours", tours), ("shows", shows)):
        for name in (name for name in makers if not wanted or name in wanted):
            print(name, flush=True)
            made = index[kind] | {name: makers[name]()}
            index[kind] = {name: made[name] for name in makers if name in made}
            path.write_text(json.dumps(index, indent=1, ensure_ascii=False) + "\n", "utf-8")
    listed = {one["file"] for kind in index.values() for pictures in kind.values() for one in pictures}
    for file in HERE.glob("*.webp"):
        if file.name not in listed:
            file.unlink()
    print(f"{sum(file.stat().st_size for file in HERE.glob('*.webp')) / 1e6:.2f} MB")


if __name__ == "__main__":
    main(sys.argv[1:])
