"""The page in other languages: their files are sound, and a visitor gets the one that is asked for."""

import ast
import json
import re
from functools import cache
from itertools import product
from pathlib import Path

import pytest
from browser import ROOT, browsing, served

from inpaint.page import languages

FILES = sorted(languages.files().items())
SAID = re.compile(r"\s+")


def texts(file: Path) -> list[str]:
    """What a file may say: all of it, or of Python the strings, with `{}` for what is put into them."""
    code = file.read_text("utf-8")
    if file.suffix != ".py":
        return [code]
    found = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.append(node.value)
        elif isinstance(node, ast.JoinedStr):
            found += ["".join(parts) for parts in product(*map(ways, node.values))]
    return found


def ways(part: ast.expr) -> list[str]:
    """What may stand in a part of an f-string: itself, one of two words, or what is known later."""
    value = part.value
    if isinstance(part, ast.Constant):
        return [value]
    either = [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]
    return [one.value if isinstance(one, ast.Constant) and isinstance(one.value, str) else "{}" for one in either]


@cache
def source() -> str:
    """All that the program may say, in small letters; names of options as they are shown."""
    files = [f for kind in ("py", "html", "js") for f in sorted((ROOT / "inpaint").rglob(f"*.{kind}"))]
    files += sorted((ROOT / "examples").glob("*.json"))
    said = "\n".join(text for file in files for text in texts(file))
    return SAID.sub(" ", said.replace("_", " ")).lower()


def occurs(key: str) -> bool:
    """Whether the program says this: its fixed pieces, and what it puts together of several, are in the source."""
    pieces = [piece for part in re.split(" · | – ", key) for piece in part.lower().split("{}")]
    return all(words(piece) in source() for piece in pieces)


def words(piece: str) -> str:
    """A piece without the signs around it, which may come from elsewhere."""
    return re.sub(r"^[^\w]+|[^\w]+$", "", piece)


@pytest.fixture(params=FILES, ids=lambda pair: pair[0])
def pairs(request):
    return json.loads(request.param[1].read_text("utf-8"))


def test_what_is_translated_is_still_said(pairs):
    assert [key for key in pairs if not occurs(key)] == []


def test_what_changes_is_on_both_sides(pairs):
    assert [key for key, text in pairs.items() if key.count("{}") != text.count("{}")] == []
    assert [key for key, text in pairs.items() if key != key.strip() or text != text.strip() or key == text] == []


def test_no_translation_is_translated_again(pairs):
    assert [text for text in pairs.values() if text in pairs] == []
