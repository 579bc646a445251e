"""Files that are written whole or not at all."""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..contract import InpaintError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to; when the block ends well, what was written takes the place of `path`.

    A block that fails, a full disk or a kill leaves `path` as it was. Raises InpaintError where it cannot be
    written.
    """
    path = Path(path)
    if path.exists() and not path.is_file():
        raise InpaintError(f"{path} cannot be written: it is not a file; choose another name.")
    part = path.with_name(f".{uuid.uuid4().hex}.part{path.suffix}")
    try:
        yield part
        with part.open("rb+") as file:
            os.fsync(file.fileno())  # on the disk before the name is
        os.replace(part, path)
    except (OSError, RuntimeError) as error:  # torch tells of a full disk by the latter
        raise InpaintError(f"{path} cannot be written: {getattr(error, 'strerror', None) or error}.") from None
    finally:
        part.unlink(missing_ok=True)


def write(path: Path, data: bytes) -> None:
    """Write `data` to `path`, whole or not at all. Raises InpaintError."""
    with replacing(path) as part:
        part.write_bytes(data)


def copy(source: Path, path: Path) -> None:
    """The same bytes at `path`, whole or not at all. Raises InpaintError."""
    with replacing(path) as part:
        shutil.copyfile(source, part)
