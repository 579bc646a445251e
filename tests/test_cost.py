"""What a fill costs: memory that follows the hole, not the picture. Measured in a process of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
import re
import numpy as np
import inpaint

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) * 1024

small, hole = np.zeros((400, 400, 3), np.uint8) + 90, np.zeros((400, 400), bool)
hole[100:300, 100:300] = True
inpaint.inpaint(small, hole, "navier_stokes")   # everything loaded, and the crop's own cost paid
photo = np.full((6000, 8000, 3), 90, np.uint8)
mask = np.zeros(photo.shape[:2], bool)
mask[3000:3200, 3000:3200] = True
mask |= False                                   # its pages are real memory too
before = peak()
out = inpaint.inpaint(photo, mask, "navier_stokes")
assert (out[0] == photo[0]).all()
print((peak() - before) / mask.size)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
def test_peak_memory_of_a_48_megapixel_photo():
    root = Path(__file__).parent.parent
    per_pixel = float(subprocess.check_output([sys.executable, "-c", CODE], cwd=root, text=True))
    assert 0 < per_pixel < 8, f"{per_pixel:.1f} bytes per pixel beyond the decoded picture and its mask"
