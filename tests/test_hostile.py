"""Two hundred fuzzed or hostile inputs, through the command line and through the HTTP endpoint.

Each ends in a correct fill or in one clear sentence: no traceback, no hang, nothing left behind.
"""

import io
import re
import signal
import sys
import zlib

import numpy as np
import PIL.Image
import pytest
from browser import ROOT, served
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from inpaint.cli import app as cli
from inpaint.imaging import picture

CLI_CASES, API_CASES = 140, 60
FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF")
WORDS = ("", "telea", "../telea", "dip\0", "x" * 5000, "<script>", "navier_stokes", "harmonic", "🖌", "None")
SEEDS = ("0", "-1", "1e9", "nan", "99999999999999999999", "2147483647", "seven")
OPTIONS = (
    "radius=3",
    "radius=",
    "radius=-1",
    "radius=inf",
    "=3",
    "radius",
    "order=x",
    "feather=1e400",
    "context=nan",
)


def picture_bytes(rng, mode=None, format=None):
    size = rng.integers(1, 60, 2)
    pixels = rng.integers(0, 256, (*size, 4), np.uint8)
    mode = mode or rng.choice(["L", "RGB", "RGBA", "P", "1", "CMYK", "I;16", "LA"])
    format = format or str(rng.choice(FORMATS))
    image = PIL.Image.fromarray(pixels[..., 0].astype(np.uint16) * 9) if mode == "I;16" else None
    image = image or PIL.Image.fromarray(pixels).convert(mode)
    out = io.BytesIO()
    try:
        image.save(out, format)
    except (OSError, ValueError):
        out = io.BytesIO()
        image.convert("RGB").save(out, format)
    return out.getvalue()


def corrupt(rng, data):
    """One of the ways in which files go wrong or are made to."""
    data = bytearray(data)
    at, n = int(rng.integers(0, len(data))), int(rng.integers(1, 64))
    kind = rng.integers(0, 7)
    if kind == 0:
        del data[at:]
    elif kind == 1:
        for k in rng.integers(0, len(data), n):
            data[k] ^= int(rng.integers(1, 256))
    elif kind == 2:
        data[at : at + n] = bytes(n)
    elif kind == 3:
        data[at:at] = rng.bytes(n)
    elif kind == 4:
        data[:] = rng.bytes(n * 10)
    elif kind == 5 and data[:4] == b"\x89PNG":  # other dimensions, with a right checksum
        data[16:24] = b"".join(int(2 ** rng.uniform(0, 31)).to_bytes(4, "big") for _ in range(2))
        data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    return bytes(data)


def files(rng, folder):
    """A photo and a mask, one or both of them wrong in some way, or by chance both right."""
    photo = picture_bytes(rng)
    try:
        with PIL.Image.open(io.BytesIO(photo)) as opened:
            w, h = opened.size
    except OSError:
        w, h = 30, 20
    hole = rng.random((h, w)) < rng.choice([0.0, 0.1, 0.5, 1.0])
    out = io.BytesIO()
    PIL.Image.fromarray(np.where(hole, 255, 0).astype(np.uint8)).save(out, "PNG")
    mask = out.getvalue()
    if rng.random() < 0.6:
        photo = corrupt(rng, photo)
    if rng.random() < 0.4:
        mask = corrupt(rng, mask) if rng.random() < 0.7 else picture_bytes(rng)
    for name, data in (("photo.png", photo), ("mask.png", mask)):
        (folder / name).write_bytes(data)
    return folder / "photo.png", folder / "mask.png"


@pytest.fixture(autouse=True)
def no_hang():
    signal.alarm(120)
    yield
    signal.alarm(0)


def check_fill(photo, mask, out):
    before = picture.open_picture(photo)
    hole, _ = picture.read_mask(mask, before.shape)
    after = picture.open_picture(out)
    assert hole.any() and not hole.all() and (after.pixels[~hole] == before.pixels[~hole]).all()


@pytest.mark.parametrize("case", range(CLI_CASES))
def test_command_line(case, tmp_path, monkeypatch, capsys):
    rng = np.random.default_rng(case)
    photo, mask = files(rng, tmp_path)
    args = ["inpaint", "fill", str(photo), str(mask), "-o", str(tmp_path / "out.png")]
    args += ["-m", str(rng.choice(WORDS)) if rng.random() < 0.3 else str(rng.choice(["telea", "navier_stokes"]))]
    if rng.random() < 0.2:
        args += ["--seed", str(rng.choice(SEEDS))]
    if rng.random() < 0.3:
        args += ["--option", str(rng.choice(OPTIONS))]
    monkeypatch.setattr(sys, "argv", args)
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    said = capsys.readouterr().err
    assert "Traceback" not in said and stopped.value.code in (0, 2)
    left = {path.name for path in tmp_path.iterdir()} - {"photo.png", "mask.png"}
    if stopped.value.code == 0:
        assert left == {"out.png"}
        check_fill(photo, mask, tmp_path / "out.png")
    else:
        assert said.strip() and not left


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "tmp").mkdir()
    with served(ROOT / "app.py", folder, TMPDIR=str(folder / "tmp")) as url:
        yield Client(url, verbose=False, download_files=str(folder / "down")), folder
    assert "Traceback" not in (folder / "page.log").read_text()


@pytest.mark.parametrize("case", range(1000, 1000 + API_CASES))
def test_endpoint(case, site, tmp_path):
    client, folder = site
    rng = np.random.default_rng(case)
    photo, mask = files(rng, tmp_path)
    model = str(rng.choice(WORDS)).replace("\0", "") if rng.random() < 0.3 else "telea"
    junk = [{}, {"radius": 1}, {"radius": "3"}, {"radius": None}, {"radius": [1]}, {"x": 1}, [], "text", 7, None]
    options = junk[int(rng.integers(0, len(junk)))] if rng.random() < 0.5 else {}
    seed = float(rng.choice([0, 0, 0, -1, 0.5, 1e30]))
    try:
        out, facts = client.predict(
            handle_file(photo), handle_file(mask), model, options, seed, api_name="/inpaint"
        )
    except AppError as error:
        said = str(error)
        assert said.strip() and "Traceback" not in said and len(said) < 6000
        assert not re.search(r"/tmp/|site-packages", said), "a path of the server leaked"
    else:
        assert facts["hole"] > 0
        check_fill(photo, mask, out)
    left = [p for p in (folder / "tmp").glob("inpaint-*") if any(p.rglob("*.png"))]
    assert not left, "a file was left behind"
