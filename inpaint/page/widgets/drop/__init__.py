"""A drop zone: a picture is taken by click, by drop, or pasted, and seen as a thumbnail.

The file goes, untouched, to a hidden gr.UploadButton beside the widget: `picture_file`.
Python to page, the component's value: {"n", "thumb": data URL, "name"}; None empties the zone.
Page to Python: `entered` when the zone comes in sight, or the stage changes meanwhile; with no data.
What is pasted or dropped goes to the zone under the pointer or with the focus, else to the main one.
"""

import secrets
from pathlib import Path

import gradio as gr

from ....contract import Image
from ...pictures import picture_url, preview
from ..strip import widget

THUMB = 160  # longest side of the thumbnail, in pixels


def drop_zone(title: str, into: str, *, main: bool = False, **kwargs) -> gr.HTML:
    """The widget: what it wants, and the id of its `picture_file`. The rest are gr.HTML's own arguments."""
    return widget(
        Path(__file__).parent, {"title": title, "into": into} | ({"main": "yes"} if main else {}), **kwargs
    )


def picture_file(elem_id: str) -> gr.UploadButton:
    """Where a zone puts its pictures; alone with it in a column. Listen to `upload`, and set it back to None."""
    return gr.UploadButton(elem_id=elem_id, visible="hidden", file_types=["image"])


def to_zone(image: Image, name: str, icc: bytes | None = None) -> dict:
    """The value that shows a picture, (H, W, 3) uint8 in the colours of `icc`, and its name."""
    return {"n": secrets.randbits(48), "thumb": picture_url(preview(image, THUMB), "JPEG", icc), "name": name}
