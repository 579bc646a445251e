"""The page in other languages: one file each, named by its BCP 47 tag, such as `zh-CN.json`; English needs none.

A file holds what the page says, in English, and how the language says it; `{}` stands for what changes, as often on
both sides and in the same order. To add a language, copy a file under a new tag and translate its right-hand sides:
what is left out stays English. `translate.js` puts the words into the page, in the visitor's browser.
"""

import json
from pathlib import Path
from urllib.parse import quote

HERE = Path(__file__).parent
SCRIPT = HERE.parent / "translate.js"


def files() -> dict[str, Path]:
    """The languages' tags, and their files."""
    return {path.stem: path for path in sorted(HERE.glob("*.json"))}


def script() -> str:
    """What the browser runs; it gets a language's file where its visitor reads that language."""
    addresses = {tag: f"gradio_api/file={quote(path.as_posix())}" for tag, path in files().items()}
    return f"const LANGUAGES = {json.dumps(addresses)};\n{SCRIPT.read_text('utf-8')}"
