"""A model's weights: which there are, whether they are on this machine, and getting them here.

Asked in this order: shipped in `weights/`, converted before, the deployer's own repository (`INPAINT_HUB_REPO`),
the published files. Whatever is got is kept as one canonical safetensors file per model and tag.
"""

import hashlib
import os
import shlex
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from ..contract import Card, Hub, InpaintError, Source, Weights
from ..imaging import files
from . import checkpoint, hub
from .published import Report, convert, first, identify

SHIPPED = Path(__file__).parents[2] / "weights"
OWN = "own"  # the tag of a checkpoint the user brought
NONE = Weights("none needed", {}, 0, "", True, "", "")
POLL = 0.2  # seconds


class Download(NamedTuple):
    """Where a download stands."""

    what: str
    done: int
    total: int  # 0: not known

    def __str__(self) -> str:
        total = f" of {self.total / 1e6:.0f}" if self.total else ""
        return f"{self.what}: {self.done / 1e6:.1f}{total} MB"


CONNECTING = Download("connecting", 0, 0)


# ---- which there are


def commercial_only() -> bool:
    """Whether the deployer wants only what may be used commercially (`INPAINT_COMMERCIAL_ONLY`)."""
    return os.environ.get("INPAINT_COMMERCIAL_ONLY", "").strip().lower() in ("1", "true", "yes", "on")


def tags(name: str, card: Card) -> tuple[str, ...]:
    """The weights on offer for a model, the default first. Empty for models that have none, or none allowed."""
    allowed = [tag for tag, w in card.weights.items() if w.commercial or not commercial_only()]
    return (OWN, *allowed) if card.networks and name in own() else tuple(allowed)


def repository() -> str:
    """The deployer's own Hub repository (`INPAINT_HUB_REPO`), or ""."""
    return os.environ.get("INPAINT_HUB_REPO", "").strip()


@cache
def own() -> dict[str, tuple[Path, ...]]:
    """Checkpoints the user brought, by model: from INPAINT_WEIGHTS="model=FILE[,FILE] …" and from `bring`."""
    found = {}
    for word in shlex.split(os.environ.get("INPAINT_WEIGHTS", "")):
        name, equals, files = word.partition("=")
        if not equals or not files:
            raise InpaintError(f"INPAINT_WEIGHTS takes model=FILE[,FILE], not {word!r}.")
        found[name] = tuple(Path(file).expanduser() for file in files.split(","))
    return found


def bring(name: str, files: tuple[Path, ...]) -> None:
    """Use these files as the weights of a model, as the tag `own`."""
    own()[name] = files


# ---- a model with one of its weights


@dataclass(frozen=True)
class Offer:
    """A model with one of its weights. Of a model that needs none the tag is "", and it is always present."""

    name: str
    card: Card
    tag: str

    def __str__(self) -> str:
        return f"{self.name}:{self.tag}" if self.tag else self.name

    @property
    def facts(self) -> Weights:
        """What there is to know before using them. Raises InpaintError for a tag that is not on offer."""
        if not self.tag:
            return NONE
        if self.tag not in (there := tags(self.name, self.card)):
            raise InpaintError(
                f"{self.card.title} has no weights {self.tag!r}; there are: {', '.join(there) or 'none'}."
            )
        if self.tag == OWN:
            named = ", ".join(path.name for path in own()[self.name])
            return Weights(f"your own: {named}", {}, 0, "as you know it", None, "as you know it", self.card.link)
        return self.card.weights[self.tag]

    @property
    def terms(self) -> tuple[str, bool | None]:
        """The licence of code and weights, and whether results may be made for money; None: unclear."""
        code = self.card.licence.removesuffix("; weights: see each tag")
        if not self.tag:
            return code, self.card.commercial
        return f"{code}; weights: {self.facts.licence}", self.card.commercial and self.facts.commercial

    @property
    def use(self) -> str:
        """Whether results may be made for money, as far as code and weights go, in words."""
        words = {
            True: "commercial use allowed",
            False: "no commercial use",
            None: "licence unclear: no commercial use",
        }
        return words[self.terms[1]]

    @property
    def converted(self) -> bool:
        """Whether the model's networks are ours, made of tensors; else it takes its published file as it is."""
        return is_converted(self.card)

    # -- whether they are here

    @property
    def present(self) -> bool:
        """Whether the model runs without a download. A quick look: weights are verified when they are loaded."""
        if self.tag in ("", OWN):
            return True
        if not self.converted:
            return all(any(map(hub.local, self._places(part))) for part in self.facts.parts)
        return self._is_kept or all(any(map(hub.kept, s)) for s in self.facts.parts.values())

    @property
    def _is_kept(self) -> bool:
        """Whether there is a canonical file, or none is needed."""
        if self.tag in ("", OWN) or not self.converted:
            return self.present
        return bool(self.facts.shipped) or self._canonical.exists()

    def canonical(self) -> Path:
        """The canonical file, here and intact. Raises InpaintError."""
        path = self.converted and self.tag not in ("", OWN) and self._here()
        if not path:
            raise InpaintError(f"{self} is not on this machine as a converted file: pull it first.")
        return path

    def file(self) -> tuple[Path, dict[str, Any]]:
        """The one file of weights that are here and intact, and what there is to say of it. Raises InpaintError."""
        if self.converted:
            path = self.canonical()
            return path, checkpoint.facts(path) or {}
        if not self.present:
            raise InpaintError(f"{self} is not on this machine: pull it first.")
        (path,) = self.load().values()
        return path, self._about()

    def digest(self) -> str:
        """ "sha256:…" of the file, or files, that the weights are loaded from; "" for none. Raises InpaintError."""
        if not self.tag:
            return ""
        return "+".join(map(hub.digest, own()[self.name] if self.tag == OWN else (self.file()[0],)))

    def verify(self) -> str:
        """What was checked of weights that are here. Raises InpaintError for whatever is wrong.

        A converted file is checked by its digest, name by name and shape by shape, and for numbers that are not
        finite; and against the published files as far as they are still in the cache.
        """
        if not self.converted:
            self.load()
            return "is good: its digest is the published one"
        if self.tag == OWN:
            return f"is good: {sum(len(part.state) for part in self.load().values())} tensors"
        parts = checkpoint.load(self.canonical(), self.card.networks)
        compared = []
        for part, place in self.card.networks.items():
            found = ((source, hub.local(source)) for source in self.facts.parts.get(part, ()))
            source, path = next(((s, p) for s, p in found if p), (None, None))
            if source and path:
                original = convert(path, place, self.facts.layout, source.digest.startswith("sha256:"))
                checkpoint.same({part: parts[part]}, {part: original}, path.name)
                compared.append(path.name)
        agree = f", equal to {', '.join(compared)}" if compared else "; its original is not in the cache"
        return f"is good: {sum(len(part.state) for part in parts.values())} tensors{agree}"

    # -- getting and loading them

    @property
    def coming(self) -> Download | None:
        """How far the download is that is under way, whoever began it; None where there is none."""
        job = JOBS.get((self.name, self.tag))
        return job.state if job and job.thread.is_alive() else None

    @property
    def hosts(self) -> frozenset[str]:
        """Whom to ask for what is not here."""
        return frozenset(hub.host(source) for sources in self.facts.parts.values() for source in sources)

    def fetch(self) -> "Iterator[Download]":
        """Get weights that are not here yet, and convert them, telling how far it is.

        Whoever asks meanwhile joins. Raises InpaintError. A closed iterator ends no download: others may wait.
        """
        if self._is_kept:
            return
        with LOCK:
            job = JOBS.get((self.name, self.tag))
            if job is None or not job.thread.is_alive():
                job = JOBS[self.name, self.tag] = Job(self)
        while job.thread.is_alive():
            yield job.state
            job.thread.join(POLL)
        if job.error:
            raise job.error

    def load(self, report: Report = lambda *_: None) -> dict[str, Any]:
        """What the networks are made of: a checkpoint.Part each, or the Path of a file taken as it is."""
        with _lock(self.name, self.tag):
            if self.tag == OWN:
                return _from_own(self.card, own()[self.name])
            if not self.converted:
                return {part: first(self._places(part), part, report)[0] for part in self.facts.parts}
            return checkpoint.load(self._here() or self._get(report), self.card.networks)

    @property
    def _canonical(self) -> Path:
        """Where the converted file is kept. Other sources or another layout are another file."""
        sources = [source.digest for part in self.facts.parts.values() for source in part]
        key = hashlib.sha256(" ".join([*sources, self.facts.layout]).encode()).hexdigest()[:8]
        return hub.folder("converted") / f"{self.name}.{self.tag}.{key}.safetensors"

    def _here(self) -> Path | None:
        """The canonical file if it is on this machine and intact."""
        if self.facts.shipped:
            path = SHIPPED / f"{self.name}.{self.tag}.safetensors"
            if wrong := hub.mismatch(path, self.facts.shipped) if path.exists() else "it is missing":
                raise InpaintError(f"weights/{path.name} is not the file that was shipped ({wrong}); restore it.")
            return path
        path = self._canonical
        wanted = hub.noted(_note(path))
        return path if wanted and path.exists() and not hub.mismatch(path, wanted) else None

    def _get(self, report: Report) -> Path:
        """The canonical file, made anew; one process makes it, and others that want it wait."""
        path = self._canonical
        with hub.alone(path):
            if found := self._here():
                return found
            reasons = []
            try:
                if found := self._from_repository(report):
                    checkpoint.load(found, self.card.networks)
                    return _kept(path, lambda part: _link(found, part))
            except InpaintError as error:
                reasons.append(str(error).rstrip("."))
            try:
                parts = self._from_sources(report)
            except InpaintError as error:
                whole = "; ".join([*reasons, str(error).rstrip(".")])
                size = f"{self.facts.megabytes:.0f} MB"
                raise hub.retold(error, f"{self.card.title} needs its weights, {size}, and {whole}.") from None
            return _kept(path, lambda part: checkpoint.save(parts, self._about(), part))

    def _about(self) -> dict[str, Any]:
        """What a canonical file says of itself."""
        facts = self.facts
        kept = ("title", "licence", "commercial", "data", "link", "note")
        sources = {part: [asdict(s) | {"address": s.address} for s in all_] for part, all_ in facts.parts.items()}
        return {"model": self.name, "tag": self.tag, **{k: getattr(facts, k) for k in kept}, "sources": sources}

    def _places(self, part: str) -> tuple[Source, ...]:
        """Where a file that is taken as it is may lie: in the deployer's repository, then where published."""
        sources = self.facts.parts[part]
        if not repository():
            return sources
        suffix = Path(sources[0].address).suffix
        return (Hub(repository(), f"{self.name}.{self.tag}{suffix}", sources[0].digest), *sources)

    def _from_repository(self, report: Report) -> Path | None:
        """The canonical file from the deployer's repository; None where there is none."""
        repo, file = repository(), f"{self.name}.{self.tag}.safetensors"
        known = hub.listed(repo, file) if repo else None
        return hub.fetch(Hub(repo, file, known), lambda *state: report(file, *state)) if known else None

    def _from_sources(self, report: Report) -> "dict[str, checkpoint.Part]":
        parts = {}
        for part, place in self.card.networks.items():
            path, trusted = first(self.facts.parts[part], part, report)
            report(f"converting {path.name}", 0, 0)
            parts[part] = convert(path, place, self.facts.layout, trusted)
        return parts


def is_converted(card: Card) -> bool:
    """Whether a card's networks are ours, made of tensors; else it takes its published file as it is."""
    return all(":" in place for place in card.networks.values())


def _note(path: Path) -> Path:
    return path.with_suffix(".sha256")


def _kept(path: Path, write: Callable[[Path], None]) -> Path:
    """The canonical file, with the note of its digest there before it is: a file without one counts for nothing."""
    with files.replacing(path) as part:
        write(part)
        files.write(_note(path), hub.digest(part).encode())
    return path


def _link(found: Path, path: Path) -> None:
    """The same bytes under another name, without a copy where the file system can."""
    try:
        os.link(found.resolve(), path)
    except OSError:
        shutil.copyfile(found, path)


# ---- downloads under way


@dataclass
class Job:
    """One download, whoever waits for it."""

    offer: Offer
    state: Download = CONNECTING
    error: Exception | None = None
    thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._run, daemon=True, name=f"weights of {self.offer.name}")
        self.thread.start()

    def _run(self) -> None:
        try:
            self.offer.load(lambda *state: setattr(self, "state", Download(*state)))
        except Exception as error:
            self.error = error


LOCK = threading.Lock()
JOBS: dict[tuple[str, str], Job] = {}
LOCKS: dict[tuple[str, str], threading.RLock] = {}


def forked() -> None:
    """To be called in a process that was forked: locks that threads of the other one held are made anew."""
    global LOCK
    LOCK = threading.Lock()
    LOCKS.clear()
    JOBS.clear()
    hub.ONE_AT_A_TIME = threading.Lock()


def _lock(name: str, tag: str) -> "threading.RLock":
    with LOCK:
        return LOCKS.setdefault((name, tag), threading.RLock())


def _from_own(card: Card, brought: tuple[Path, ...]) -> dict[str, Any]:
    """The user's files: a canonical one, or published ones of any layout of the card's families."""
    if not is_converted(card):
        return dict(zip(card.networks, brought, strict=False))
    if len(brought) == 1 and checkpoint.facts(brought[0]):
        return checkpoint.load(brought[0], card.networks)
    return identify(card.networks, brought)
