"""Who may import whom. If this fails, the code is in the wrong room."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "inpaint"
# each room, and which of those above it in this list it may import; the list is the order of the house
ORDER = {
    "contract": "",
    "imaging": "contract",
    "nets": "",
    "checkpoints": "contract nets imaging",
    "models": "contract imaging nets",
    "zoo": "contract nets checkpoints models",
    "fill": "contract imaging",
    "__init__": "contract zoo fill",
    "training": "contract imaging nets checkpoints",
    "lab": "contract imaging nets checkpoints zoo fill __init__",
    "page": "contract imaging checkpoints zoo fill __init__ lab",
    "cli": "contract imaging nets checkpoints zoo fill __init__ training lab page",
    "__main__": "cli",
}
ONLY = {  # packages of others, and the only rooms that know them
    "gradio": "page",
    "typer": "cli",
    "rich": "cli",
    "numba": "imaging",
    "safetensors": "checkpoints",
    "huggingface_hub": "checkpoints",
    "onnxruntime": "models",
    "accelerate": "training",
    "torchvision": "training",
    "torch": "nets checkpoints models zoo training lab cli",
    "scipy": "models lab",
    "skimage": "imaging models training",
    "matplotlib": "imaging",
}
HEAVY = set(ONLY)
FILES = sorted(ROOT.rglob("*.py"))


def imports(file: Path, everywhere: bool = True) -> set[str]:
    """Packages and rooms a file imports: anywhere in it, or only when it is itself imported."""
    tree = ast.parse(file.read_text("utf-8"))
    folder = ["inpaint", *file.relative_to(ROOT).parts[:-1]]
    nodes = ast.walk(tree) if everywhere else tree.body
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {
                "__init__" if (name := alias.name.split(".")[0]) == "inpaint" else name for alias in node.names
            }
        elif isinstance(node, ast.ImportFrom):
            above = folder[: len(folder) - node.level + 1] if node.level else []
            parts = [*above, *(node.module.split(".") if node.module else ())]
            if parts != ["inpaint"]:
                found.add(parts[1] if parts[0] == "inpaint" else parts[0])
            else:  # `from . import x`: a room, or a name that the package itself offers
                found |= {alias.name if alias.name in ORDER else "__init__" for alias in node.names}
    return found & (HEAVY | ORDER.keys())


def room(file: Path) -> str:
    return file.relative_to(ROOT).parts[0].removesuffix(".py")


def test_every_room_has_its_place():
    assert {room(file) for file in FILES} == ORDER.keys()
    seen: set[str] = set()
    for name, below in ORDER.items():
        assert set(below.split()) <= seen, f"{name} stands above what it imports"
        seen.add(name)


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(ROOT)))
def test_imports_only_what_its_room_may(file):
    here, found = room(file), imports(file)
    assert found & ORDER.keys() <= {here, *ORDER[here].split()}
    assert {package for package in found & HEAVY if here not in ONLY[package].split()} == set()


@pytest.mark.parametrize("file", sorted((ROOT / "models").glob("*.py")), ids=lambda f: f.stem)
def test_a_model_is_light_until_it_is_loaded(file):
    assert not imports(file, everywhere=False) & (HEAVY | {"nets"})


def test_only_one_place_may_import_torchvision():
    assert sum("torchvision" in imports(file) for file in FILES) <= 1


@pytest.mark.parametrize("code", ["import inpaint", "from inpaint import zoo; [zoo.card(n) for n in zoo.names()]"])
def test_import_is_light(code):
    code += f"; import sys; print(sorted({HEAVY} & sys.modules.keys()))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True, cwd=ROOT.parent).strip() == "[]"


def test_one_oldest_python_is_promised():
    """Installed, linted and type-checked for; `hashlib.file_digest`, which is used, came with 3.11."""
    said = tomllib.loads((ROOT.parent / "pyproject.toml").read_text("utf-8"))
    oldest = said["project"]["requires-python"].removeprefix(">=")
    assert oldest == "3.11" == said["tool"]["mypy"]["python_version"]
    assert said["tool"]["ruff"]["target-version"] == f"py{oldest.replace('.', '')}"
