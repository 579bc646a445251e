"""Who may import whom. If this fails, the code is in the wrong room."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "inpaint"
HEAVY = {
    "torch",
    "torchvision",
    "accelerate",
    "numba",
    "scipy",
    "skimage",
    "matplotlib",
    "gradio",
    "safetensors",
    "huggingface_hub",
    "onnxruntime",
    "typer",
    "rich",
}
OUTSIDE = HEAVY | {"cv2", "PIL"}
MAY = {  # room: rooms and packages it may import, besides numpy and the standard library
    "contract": set(),
    "masks": {"cv2", "contract"},
    "flow": set(),
    "plot": {"matplotlib"},
    "sources": {"contract"},
    "matching": {"numba"},
    "nets": {"torch", "nets"},
    "checkpoint": {"torch", "safetensors", "contract", "nets"},
    "hub": {"huggingface_hub", "contract"},
    "store": {"contract", "hub", "checkpoint"},
    "publish": {"huggingface_hub", "contract", "hub", "zoo"},
    "cli_weights": {"typer", "rich", "contract", "checkpoint", "store", "zoo", "publish", "__init__"},
    "models": {
        "torch",
        "cv2",
        "scipy",
        "skimage",
        "onnxruntime",
        "contract",
        "masks",
        "nets",
        "matching",
        "flow",
        "plot",
        "sources",
    },
    "detail": {"cv2", "contract", "masks", "matching"},
    "pipeline": {"cv2", "contract", "detail", "masks", "groups", "plot"},
    "groups": {"cv2", "contract", "masks"},
    "picture": {"cv2", "PIL", "contract", "masks"},
    "zoo": {"torch", "contract", "models", "store", "checkpoint"},
    "__init__": {"contract", "pipeline", "zoo"},
    "session": {"cv2", "contract", "lab", "masks", "picture", "pipeline"},
    "painter": {"gradio", "PIL", "contract", "masks"},
    "zerogpu": {"contract", "pipeline", "zoo", "__init__"},
    "endpoint": {"gradio", "contract", "lab", "picture", "zerogpu", "zoo"},
    "inside": {"gradio", "cv2", "contract", "masks", "picture", "painter", "session", "zoo"},
    "cards": {"gradio", "contract", "store", "zoo"},
    "page": {
        *("gradio", "contract", "masks", "picture", "cards", "endpoint", "lab", "painter", "session", "tabs"),
        "__init__",
    },
    "cli": {
        *("typer", "rich", "picture", "pipeline", "zoo", "page", "bench", "speed", "lab", "terminal"),
        *("cli_canvas", "cli_lab", "cli_train", "cli_weights", "__init__"),
    },
    "metrics": {"skimage", "contract", "masks"},
    "lab": {
        *("cv2", "scipy", "contract", "masks", "metrics", "picture", "pipeline", "sheet", "speed"),
        *("versions", "zoo", "__init__"),
    },
    "cli_lab": {"typer", "rich", "bench", "contract", "picture", "terminal", "zoo", "cli_weights", "lab"},
    "cli_canvas": {
        *("typer", "contract", "picture", "sheet", "terminal", "zoo", "cli_weights", "lab", "__init__"),
    },
    "terminal": {"rich", "contract", "picture", "store", "zoo", "__init__"},
    "viewer": {"gradio"},
    "placer": {"gradio", "PIL", "contract", "lab"},
    "tabs": {
        *("gradio", "cv2", "contract", "masks", "picture", "pipeline", "zoo", "lab"),
        *("cards", "inside", "painter", "placer", "session", "viewer", "zerogpu"),
    },
    "training": {
        *("torch", "torchvision", "accelerate", "cv2", "PIL", "skimage", "matplotlib"),
        *("contract", "nets", "checkpoint"),
    },
    "cli_train": {"typer", "rich", "torch", "contract", "training"},
    "speed": {"torch", "contract", "checkpoint", "zoo"},
    "sheet": {"PIL", "matplotlib", "contract"},
    "versions": {"__init__"},
    "bench": {"torch", "versions", "metrics", "picture", "sheet", "speed", "zoo", "contract", "__init__"},
    "__main__": {"cli"},
}
ROOMS = {path.stem for path in ROOT.iterdir()}
FILES = sorted(ROOT.rglob("*.py"))


def imports(file: Path, everywhere: bool = True) -> set[str]:
    """Packages and rooms a file imports: anywhere in it, or only when it is itself imported."""
    tree = ast.parse(file.read_text("utf-8"))
    folder = ["inpaint", *file.relative_to(ROOT).parts[:-1]]
    nodes = ast.walk(tree) if everywhere else tree.body
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = folder[: len(folder) - node.level + 1] if node.level else []
            parts = [*above, *(node.module.split(".") if node.module else ())]
            if parts != ["inpaint"]:
                found.add(parts[1] if parts[0] == "inpaint" else parts[0])
            else:  # `from . import x`: a room, or a name that the package itself offers
                found |= {alias.name if alias.name in ROOMS else "__init__" for alias in node.names}
    return found & (OUTSIDE | ROOMS)


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(ROOT)))
def test_imports_only_what_its_room_may(file):
    room = file.relative_to(ROOT).parts[0].removesuffix(".py")
    assert imports(file) <= MAY[room] | {room}


@pytest.mark.parametrize("file", sorted((ROOT / "models").glob("*.py")), ids=lambda f: f.stem)
def test_a_model_is_light_until_it_is_loaded(file):
    assert not imports(file, everywhere=False) & (HEAVY | {"nets", "matching", "plot"})


def test_only_one_place_may_import_torchvision():
    assert sum("torchvision" in imports(file) for file in FILES) <= 1


@pytest.mark.parametrize("code", ["import inpaint", "from inpaint import zoo; [zoo.card(n) for n in zoo.names()]"])
def test_import_is_light(code):
    code += f"; import sys; print(sorted({HEAVY} & sys.modules.keys()))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True, cwd=ROOT.parent).strip() == "[]"
