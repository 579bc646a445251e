"""What this program runs with, as far as it may change a fill."""

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version

from .. import __version__

PACKAGES = ("numpy", "opencv-python", "scikit-image", "scipy", "numba", "torch", "onnxruntime")


def versions() -> dict[str, str]:
    """Package → version of those that are installed, and the kind of machine."""
    found = {"inpaint": __version__, "Python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found | {"machine": f"{sys.platform} {platform.machine()}, {os.cpu_count()} cores"}
