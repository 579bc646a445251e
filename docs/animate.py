"""Make docs/page.webp, the ten seconds with which README begins: paint, gone, hold to compare, undo.

    python docs/animate.py [ADDRESS]

drives a page that is served at ADDRESS (http://127.0.0.1:7860/) in a headless Chromium; it needs playwright.
Waiting for a fill is cut short; the status line keeps the seconds that it took.
"""

import io
import shutil
import sys
from itertools import pairwise
from pathlib import Path

import PIL.Image
from playwright.sync_api import Page, sync_playwright

WIDTH, HEIGHT, SHOWN = 1180, 700, 880  # of the window, and the width of the picture
STEP = 90  # milliseconds between frames
EXAMPLE = "Remove the tripod"
POINTER = """() => {
  const dot = document.createElement('div');
  dot.id = 'pointer';
  dot.style.cssText = 'position:fixed;z-index:99;width:14px;height:14px;border-radius:50%;pointer-events:none;' +
    'background:#ff1f7a;box-shadow:0 0 0 3px #fff9;transform:translate(-50%,-50%);left:-50px;top:0';
  document.body.append(dot);
  const follow = e => Object.assign(dot.style, {left: e.clientX + 'px', top: e.clientY + 'px'});
  addEventListener('pointermove', follow, true);
}"""


class Reel:
    """Frames as they are taken; one like the last makes that longer."""

    def __init__(self, page: Page) -> None:
        self.page, self.frames, self.times = page, [], []
        self.last = b""

    def take(self, milliseconds: int = STEP) -> None:
        shot = self.page.screenshot()
        if shot == self.last:
            self.times[-1] += milliseconds
            return
        self.last = shot
        image = PIL.Image.open(io.BytesIO(shot)).convert("RGB")
        self.frames.append(image.resize((SHOWN, round(HEIGHT * SHOWN / WIDTH)), PIL.Image.Resampling.LANCZOS))
        self.times.append(milliseconds)

    def rest(self, milliseconds: int) -> None:
        """Nothing happens for so long."""
        self.take()
        self.times[-1] += milliseconds

    def save(self, path: Path) -> None:
        first, *others = self.frames
        first.save(
            path, save_all=True, append_images=others, duration=self.times, loop=0, quality=58, method=6, kmax=40
        )


def stroke(page: Page, reel: Reel, points: list[tuple[float, float]], steps: int = 5) -> None:
    """A stroke through points in parts of the photo's sides, filmed."""
    box = page.locator(".mp-photo").bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for (x0, y0), (x1, y1) in pairwise(places):
        for k in range(1, steps + 1):
            page.mouse.move(x0 + (x1 - x0) * k / steps, y0 + (y1 - y0) * k / steps)
            page.wait_for_timeout(20)
            reel.take()
    page.mouse.up()


def filmed(page: Page, points: list[list[tuple[float, float]]], size: int) -> Reel:
    """The ten seconds."""
    reel = Reel(page)
    page.evaluate(POINTER)
    page.evaluate(
        f"() => {{ const s = document.querySelector('#painter .mp-size'); s.value = {size}; "
        "s.dispatchEvent(new Event('input')); }"
    )
    reel.rest(700)
    for one in points:
        stroke(page, reel, one)
    reel.rest(300)
    page.hover("#run")
    reel.take()
    page.click("#run")
    for _ in range(400):
        reel.take()
        page.wait_for_timeout(150)
        if page.inner_text("#status").strip().startswith("Done"):
            break
    page.mouse.move(WIDTH * 0.55, HEIGHT * 0.3)
    for _ in range(8):
        page.wait_for_timeout(60)
        reel.take()
    reel.rest(700)
    for _ in range(2):
        page.keyboard.down("\\")
        page.wait_for_timeout(200)
        reel.rest(600)
        page.keyboard.up("\\")
        page.wait_for_timeout(200)
        reel.rest(700)
    page.keyboard.press("Control+z")
    page.wait_for_timeout(300)
    reel.rest(800)
    page.keyboard.press("Control+Shift+Z")
    page.wait_for_timeout(300)
    reel.rest(1200)
    return reel


def main(address: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.goto(address)
        page.wait_for_selector(".mp-full")
        page.wait_for_timeout(1500)
        page.keyboard.press("Delete")  # the example without its hole
        page.wait_for_timeout(500)
        reel = filmed(page, STROKES, 34)
        browser.close()
    path = Path(__file__).parent / "page.webp"
    reel.save(path)
    print(f"{path}: {len(reel.frames)} frames, {sum(reel.times) / 1000:.1f} s, {path.stat().st_size / 1e6:.2f} MB")


STROKES = [  # post, legs, handle, stays
    [(0.572, 0.5), (0.585, 0.75), (0.575, 1.0)],
    [(0.57, 0.72), (0.46, 1.0)],
    [(0.6, 0.72), (0.79, 1.0)],
    [(0.56, 0.73), (0.66, 0.69)],
    [(0.48, 0.95), (0.76, 0.95)],
]

if __name__ == "__main__":
    main(*sys.argv[1:2] or ["http://127.0.0.1:7860/"])
