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

import pytest
from playwright.sync_api import Page, Playwright

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


@contextmanager
def served(script: str | Path, folder: Path, **environment: str) -> Iterator[str]:
    """The address of a script that launches a Gradio page, run as a child process on a free port."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
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
    try:
        url, until = f"http://127.0.0.1:{port}/", time.monotonic() + 60
        while not answers(url):
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{script} does not answer:\n{log.read_text()}")
            time.sleep(0.2)
        yield url
    finally:
        process.terminate()
        process.wait(60)


def choose(page: Page, name: str) -> None:
    """Press a method in the list."""
    page.click(f".ms-row[data-name={name}] label")
    page.wait_for_timeout(500)


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
