"""Files from the Hugging Face Hub or from any address: fetched once, verified, kept.

`HF_HOME`, `HF_HUB_OFFLINE`, `HF_ENDPOINT`, `HF_TOKEN` and the proxy variables mean what they mean for every program
that uses the Hub. What is in the Hub's cache is used; downloads go to its assets folder, because `hf_hub_download`
begins a file anew after a kill, and puts it into the cache before it could be verified.
"""

import errno
import hashlib
import io
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..contract import Hub, InpaintError, Source
from ..imaging import files

Report = Callable[[int, int], None]  # bytes so far, bytes in all (0: not known)
CHUNK = 1 << 20
ONE_AT_A_TIME = threading.Lock()  # the client's threads share a connection, and one that fails closes it


NO_ANSWER = "there is no connection; check the network"


class Unavailable(InpaintError):
    """A file that cannot be had from one place, and why."""

    def __init__(self, source: Source, reason: str):
        super().__init__(f"{source.address.rsplit('/', 1)[-1]} cannot be had from {host(source)}: {reason}.")
        self.source, self.reason, self.host = source, reason, host(source)


class Offline(InpaintError):
    """No place that was asked gives an answer: it is the network."""

    def __init__(self, words: str, hosts: frozenset[str]):
        super().__init__(words)
        self.hosts = hosts


def retold(error: InpaintError, words: str) -> InpaintError:
    """The same in other words."""
    return Offline(words, error.hosts) if isinstance(error, Offline) else InpaintError(words)


def host(source: Source) -> str:
    """Whom to ask."""
    return source.address.split("/")[2]


def folder(name: str) -> Path:
    """A folder of this program's in the cache."""
    from huggingface_hub import cached_assets_path, constants

    try:
        return cached_assets_path("inpaint", name, "files", assets_dir=constants.HF_ASSETS_CACHE)
    except OSError as error:
        raise InpaintError(f"The cache cannot be written: {error}; set HF_HOME to another folder.") from None


def local(source: Source) -> Path | None:
    """The file, if it is on this machine and is the right one. Asks nobody."""
    return next((path for path in _kept(source) if not mismatch(path, required(source))), None)


def kept(source: Source) -> bool:
    """Whether a file of that name is on this machine: a quick look, it may be another one."""
    return any(True for _ in _kept(source))


def fetch(source: Source, report: Report = lambda done, total: None) -> Path:
    """The file, downloaded if need be, verified. Raises InpaintError with the reason in one sentence."""
    path = local(source) or _download(source, report)
    _remember(source, path)
    return path


def listed(repo: str, file: str) -> str | None:
    """The digest a Hub repository gives for one of its files; None if it has no such file. Raises InpaintError."""
    from huggingface_hub import errors, get_hf_file_metadata, hf_hub_url

    try:
        etag = get_hf_file_metadata(hf_hub_url(repo, file)).etag
    except errors.RemoteEntryNotFoundError:
        return None
    except Exception as error:
        raise InpaintError(f"{repo} on the Hub cannot be asked: {reason(error)}.") from error
    return f"sha256:{etag}" if len(etag or "") == 64 else f"git-blob:{etag}"


# ---- digests


def digest(path: Path, kind: str = "sha256") -> str:
    """Of a file, as "kind:…". The kinds are sha256 and git-blob (sha1 of git's header and the content)."""
    with path.open("rb") as file:
        if kind != "git-blob":
            return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
        sha = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
        while block := file.read(CHUNK):
            sha.update(block)
    return f"git-blob:{sha.hexdigest()}"


def mismatch(path: Path, wanted: str) -> str:
    """Why a file is not the one of that digest; "" if it is."""
    kind, _, value = wanted.partition(":")
    if kind not in ("sha256", "sha256-prefix", "git-blob") or len(value) < 8:
        return f"no usable digest is known, {wanted!r}"
    have = digest(path, kind).partition(":")[2]
    if have == value or (kind == "sha256-prefix" and have.startswith(value)):
        return ""
    return f"its {kind.removesuffix('-prefix')} is {have[:16]}…, not {value[:16]}"


def required(source: Source) -> str:
    """The digest to ask for: the full sha256 of the first good download where only a weaker one is published."""
    return noted(_note(source)) or source.digest


def noted(note: Path) -> str:
    """The sha256 that a note beside a file holds; "" where there is no note, or nothing of use in it."""
    try:
        text = note.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
    return text if re.fullmatch(r"sha256:[0-9a-f]{64}", text) else ""


def _remember(source: Source, path: Path) -> None:
    if not source.digest.startswith("sha256:") and not noted(_note(source)):
        files.write(_note(source), digest(path).encode())


def _note(source: Source) -> Path:
    name = hashlib.sha256(f"{source.address} {source.digest}".encode()).hexdigest()
    return folder("digests") / name[:32]


# ---- the network


def _kept(source: Source) -> Iterator[Path]:
    """Where the file is on this machine: in the Hub's cache, where others may have put it, or in our own folder."""
    if isinstance(source, Hub):
        from huggingface_hub import try_to_load_from_cache

        found = try_to_load_from_cache(source.repo, source.file, revision=source.revision, repo_type=_kind(source))
        if isinstance(found, str) and Path(found).exists():
            yield Path(found)
    if (path := _place(source)).exists():
        yield path


def _kind(source: Hub) -> str:
    return "space" if source.space else "model"


def _place(source: Source) -> Path:
    """Where a downloaded file is kept: under its own name, and apart from others of that name."""
    name = source.address.rsplit("/", 1)[-1]
    key = hashlib.sha256(source.address.encode()).hexdigest()[:12]
    return folder("downloads") / f"{key}-{name}"


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold a file for this process: others that want to make it wait. Raises InpaintError."""
    from filelock import FileLock

    try:
        lock = FileLock(f"{path}.lock")
        lock.acquire()
    except OSError as error:
        raise InpaintError(f"{path.parent} cannot be written: {error.strerror or error}.") from None
    try:
        yield
    finally:
        lock.release()


def _download(source: Source, report: Report) -> Path:
    path = _place(source)
    part = path.with_name(f"{path.name}.part")
    try:
        with ONE_AT_A_TIME, alone(path):  # another process may be at it
            if found := local(source):
                return found
            _go_on(source, part, report)
            if wrong := mismatch(part, required(source)):
                part.unlink()
                raise InpaintError(f"{source.address} is not the file it should be ({wrong}); it was thrown away.")
            os.replace(part, path)
    except InpaintError:
        raise
    except Exception as error:
        raise Unavailable(source, reason(error)) from error
    return path


def _go_on(source: Source, part: Path, report: Report) -> None:
    """Download what an earlier attempt has not left in `part`."""
    from huggingface_hub import constants, hf_hub_url
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers

    constants.DOWNLOAD_CHUNK_SIZE = min(CHUNK, constants.DOWNLOAD_CHUNK_SIZE)  # how often progress is told
    asked = {"url": source.address, "tqdm_class": bar(report)}
    if isinstance(source, Hub):  # at HF_ENDPOINT, with the visitor's token
        url = hf_hub_url(source.repo, source.file, revision=source.revision, repo_type=_kind(source))
        asked |= {"url": url, "headers": build_hf_headers()}
    with Whole(part, "ab") as file:
        try:
            http_get(temp_file=file, resume_size=file.tell(), **asked)
        except Exception as error:
            if _status(error) != 416:  # there is more than there should be
                raise
            file.truncate(0)
            http_get(temp_file=file, **asked)


class Whole(io.FileIO):
    """A file without a buffer, so that a kill loses nothing, that writes all of what it is given or raises."""

    def write(self, data: Any, /) -> int:
        left = memoryview(data).cast("B")
        size = len(left)
        while left:  # a disk that gets full takes a part of it first, and says nothing
            left = left[super().write(left) :]
        return size


def bar(report: Report) -> type:
    """A progress bar for the Hub's client that reports instead of drawing."""

    class Bar:
        def __init__(self, *, total: float | None = None, initial: float = 0, **_: Any):
            self.n, self.total = int(initial), int(total or 0)
            report(self.n, self.total)

        def update(self, n: float | None = 1) -> None:
            self.n += int(n or 0)
            report(self.n, self.total)

        def __enter__(self) -> "Bar":
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def __getattr__(self, name: str) -> Any:  # whatever else a bar can do: nothing happens
            if name == "update_transfer":  # asked for only to be told twice
                raise AttributeError(name)
            return lambda *args, **kwargs: None

    return Bar


def _status(error: BaseException) -> int | None:
    return getattr(getattr(error, "response", None), "status_code", None)


def reason(error: BaseException) -> str:
    """What went wrong, for a person."""
    from huggingface_hub import errors

    status = _status(error)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return f"the disk of {os.environ.get('HF_HOME', 'the cache')} is full"
    if isinstance(error, errors.OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE is set and the file is not in the cache"
    if isinstance(error, errors.GatedRepoError) or status in (401, 403):
        return "it wants to know who asks: set HF_TOKEN to a token that may read it"
    if status == 404 or isinstance(error, errors.RepositoryNotFoundError | errors.EntryNotFoundError):
        cause = error.__cause__
        if status is None and cause is not None:  # the client's word for "not in the cache, and no answer"
            return reason(cause)
        return (
            "there is no such file any more" if status else "there is no network and the file is not in the cache"
        )
    if status:
        return f"the server answered {status}; try again later"
    if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EROFS):
        return f"the cache cannot be written ({error.strerror}); set HF_HOME to another folder"
    if "consistency" in str(error).lower():
        return "the connection was cut; try again"
    if any(word in type(error).__name__ for word in ("Connect", "Timeout", "Protocol", "Network", "Proxy", "Read")):
        return NO_ANSWER
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no reason given'}".rstrip(".")
