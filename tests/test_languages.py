"""The page in other languages: their files are sound, and a visitor gets the one that is asked for."""

import ast
import json
import re
from functools import cache
from itertools import product
from pathlib import Path

import pytest
from browser import ROOT, browsing, served
from playwright.sync_api import expect

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


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with served(ROOT / "app.py", tmp_path_factory.mktemp("page")) as address:
        yield address


def test_a_chinese_visitor_has_a_chinese_page(playwright, url, tmp_path):
    with browsing(playwright, url, tmp_path, locale="zh-CN") as page:
        page.locator(".mp-full").wait_for()
        assert page.locator("html").get_attribute("lang") == "zh-CN"
        tabs = page.locator("#rooms > .tab-wrapper [role=tab]:visible").all_inner_texts()
        assert [tab.strip() for tab in tabs][:3] == ["消除", "对比", "扩图"]
        assert page.locator("#run").inner_text() == "填充"
        assert page.locator("#painter button[data-tool=brush]").get_attribute("aria-label") == "画笔"
        assert page.locator("#painter button[data-tool=brush]").get_attribute("title") == "画笔 – B"
        assert page.locator(".fm-acts [data-do=download]").inner_text() == "下载"
        page.locator("#run").click()
        page.locator("#status", has_text="完成。自动选用了").wait_for(timeout=60_000)
        assert page.locator(".fm-list button").first.inner_text() == "原图"
        page.locator("[data-tab-id=extend]:visible").click()
        field = page.get_by_label("照片的位置")
        expect(field).to_have_value("居中")
        field.click()
        assert field.input_value() == "centre", "the field that is typed in is not Gradio's"
        page.get_by_role("option", name="左").click()
        field.click()
        page.get_by_role("option", name="居中").click()
        expect(field).to_have_value("居中")


def test_who_reads_english_first_has_the_page_as_it_is(playwright, url, tmp_path):
    with browsing(playwright, url, tmp_path, locale="en-GB") as page:
        page.locator(".mp-full").wait_for()
        assert page.locator("html").get_attribute("lang") == "en"
        assert page.locator("#run").inner_text() == "Fill"
