"""Files are written whole or not at all, and a disk that is full is one sentence."""

import errno
import subprocess
import sys

import numpy as np
import PIL.Image
import pytest
from browser import ROOT

from inpaint import InpaintError
from inpaint.imaging import files
from inpaint.page.session import Session


def full(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_what_fails_leaves_the_former_file(tmp_path):
    path = tmp_path / "kept.json"
    files.write(path, b"former")
    with pytest.raises(ZeroDivisionError), files.replacing(path) as part:
        part.write_bytes(b"half")
        raise ZeroDivisionError
    assert path.read_bytes() == b"former" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("way", ["write", "copy"])
def test_a_full_disk_is_a_sentence(tmp_path, monkeypatch, way):
    path, source = tmp_path / "kept.bin", tmp_path / "source.bin"
    path.write_bytes(b"former")
    source.write_bytes(b"new")
    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(InpaintError, match=r"kept\.bin cannot be written: No space left"):
        files.write(path, b"new") if way == "write" else files.copy(source, path)
    assert path.read_bytes() == b"former" and sorted(tmp_path.iterdir()) == [path, source]


@pytest.mark.parametrize("place", ["no/such/folder/file", "."])
def test_a_place_that_takes_no_file(tmp_path, place):
    with pytest.raises(InpaintError, match="cannot be written"):
        files.write(tmp_path / place, b"data")


def test_a_kill_while_writing_leaves_the_former_file(tmp_path):
    path = tmp_path / "kept.bin"
    path.write_bytes(b"former")
    code = (
        "import os, sys; from pathlib import Path; from inpaint.imaging import files\n"
        "with files.replacing(Path(sys.argv[1])) as part:\n"
        "    part.write_bytes(b'half'); os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(path)], cwd=ROOT).returncode == -9
    assert path.read_bytes() == b"former"


def test_a_full_disk_keeps_the_visitors_photo(tmp_path, monkeypatch):
    first, second = tmp_path / "first.png", tmp_path / "second.png"
    for path, value in ((first, 10), (second, 200)):
        PIL.Image.fromarray(np.full((8, 8, 3), value, np.uint8)).save(path)
    session = Session()
    session.open(first)
    monkeypatch.setattr(files.shutil, "copyfile", full)
    with pytest.raises(InpaintError, match="No space left"):
        session.open(second)
    assert (session.load().rgb == 10).all() and session.name == "first.png"
    session.close()
