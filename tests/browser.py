"""What tests need to drive a page: a page served by a child process, and a headless Chromium."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageOps
import pytest
from playwright.sync_api import Download, Page, Playwright

ROOT = Path(__file__).parent.parent
OWN = ("http://127.0.0.1", "data:", "blob:")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]


def chromium() -> str:
    """The browser's path. Without one the tests are skipped, except where CI says that one must be there."""
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None and not os.environ.get("CI"):
        pytest.skip("no Chromium on the PATH: install chromium to run the browser tests")
    assert path, "no Chromium on the PATH"
    return path


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def launched(script: str | Path, folder: Path, port: int, **environment: str) -> subprocess.Popen:
    """A child process with a script that launches a Gradio page; it answers already."""
    environment = {
        **os.environ,
        "GRADIO_SERVER_NAME": "127.0.0.1",
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_TEMP_DIR": str(folder / "cache"),
        "GRADIO_ANALYTICS_ENABLED": "False",
        "PYTHONPATH": str(ROOT),
    } | environment
    log = folder / "page.log"
    with open(log, "w") as out:
        process = subprocess.Popen([sys.executable, str(script)], env=environment, stdout=out, stderr=out)
    until = time.monotonic() + 60
    while not answers(address(port)):
        if process.poll() is not None or time.monotonic() > until:
            process.kill()
            process.wait()
            raise RuntimeError(f"{script} does not answer:\n{log.read_text()}")
        time.sleep(0.2)
    return process


def address(port: int) -> str:
    return f"http://127.0.0.1:{port}/"


@contextmanager
def served(script: str | Path, folder: Path, **environment: str) -> Iterator[str]:
    """The address of a script that launches a Gradio page, run as a child process on a free port."""
    port = free_port()
    process = launched(script, folder, port, **environment)
    try:
        yield address(port)
    finally:
        process.terminate()
        process.wait(60)


def answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except OSError:
        return False
    return True


@contextmanager
def browsing(playwright: Playwright, url: str, profile: Path, **options) -> Iterator[Page]:
    """A tab that shows the address and fails the test when the page throws or asks any other host for anything."""
    options = {"viewport": {"width": 1400, "height": 1000}, "args": FLAGS, "headless": True} | options
    context = playwright.chromium.launch_persistent_context(profile, executable_path=chromium(), **options)
    wrong = []
    page = context.pages[0]
    page.set_default_timeout(15_000)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda r: None if r.url.startswith(OWN) else wrong.append(r.url))
    try:
        page.goto(url)
        yield page
    finally:
        context.close()
    assert not wrong, wrong


# ---- what a visitor does -------------------------------------------------------------------------------------


def arrived(page: Page) -> None:
    """Wait until the page shows its first example."""
    page.wait_for_selector(".mp-full")
    page.wait_for_function("() => document.querySelector('.fm-list, .fm-try')?.children.length")
    page.wait_for_timeout(600)


def open_photo(page: Page, path: Path) -> None:
    page.locator("#painter .mp-file").set_input_files(path)
    says(page, "paint over")
    page.wait_for_timeout(400)


def stroke(page: Page, *points: tuple[float, float]) -> None:
    """Paint through points in parts of the photo's sides."""
    box = page.locator("#painter .mp-photo").bounding_box()
    for k, (x, y) in enumerate(points):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=8)
        if not k:
            page.mouse.down()
    page.mouse.up()
    page.wait_for_timeout(400)


def choose(page: Page, name: str) -> None:
    """Press a method in the list."""
    page.click(f".ms-row[data-name={name}] label")
    page.wait_for_timeout(500)


def fill(page: Page, words: str = "Done", keys: str = "") -> None:
    """Press Fill, or keys, and wait for one fill more in the strip and a status that begins with those words."""
    before = len(fills(page))
    page.keyboard.press(keys) if keys else page.click("#run")
    script = "n => document.querySelectorAll('.fm-list button').length > n"
    page.wait_for_function(script, arg=before + 1, timeout=60_000)
    over(page, words)


def over(page: Page, words: str) -> None:
    """Wait until nothing is under way, and the status begins with those words."""
    page.wait_for_function("() => !document.querySelector('#house.busy')", timeout=60_000)
    page.wait_for_function(
        "words => document.querySelector('#status .html-container').innerText.trim().startsWith(words)", arg=words
    )
    page.wait_for_timeout(300)


def status(page: Page) -> str:
    return page.inner_text("#status .html-container").strip()


def says(page: Page, words: str, timeout: float = 60_000) -> None:
    """Wait until the status has those words in it."""
    script = "words => document.querySelector('#status')?.innerText.includes(words)"
    page.wait_for_function(script, arg=words, timeout=timeout)


def share(page: Page) -> str:
    """Of the photo that is painted, in words."""
    return page.inner_text("#painter .mp-share")


def hole(page: Page) -> np.ndarray:
    """(H, W) bool: what is painted, or was before it was filled, as the mask that the page gives."""
    page.click("#film [data-do=formats]")
    return upright(downloaded(page, "#film [data-do=mask]").path()) > 0


def fills(page: Page) -> list[str]:
    """The methods of those in the strip."""
    return [
        words.splitlines()[0].split(" ", 1)[1] for words in page.locator(".fm-list button").all_inner_texts()[1:]
    ]


def room(page: Page, name: str) -> None:
    """Go to a tab, by its id, also one in the lab."""
    page.click(f"[role=tab][data-tab-id={name}]")
    page.wait_for_timeout(500)


def downloaded(page: Page, selector: str = "#film [data-do=download]") -> Download:
    with page.expect_download(timeout=60_000) as download:
        page.click(selector)
    return download.value


def photo_file(folder: Path, width: int = 800, height: int = 600) -> Path:
    """A JPEG with an EXIF orientation, so that the page has to turn it."""
    y, x = np.mgrid[:width, :height]  # stored on its side
    pixels = np.stack([x * 255 / height, y * 255 / width, 127 + 100 * np.sin(x / 40) * np.cos(y / 60)], -1)
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    path = folder / "photo.jpg"
    PIL.Image.fromarray(pixels.astype(np.uint8)).save(path, quality=90, exif=exif)
    return path


def upright(path: Path) -> np.ndarray:
    """The pixels of a picture file as they are looked at."""
    with PIL.Image.open(path) as image:
        return np.asarray(PIL.ImageOps.exif_transpose(image))
