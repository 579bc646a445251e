"""Published checkpoint files as networks: got from the first place that gives them, converted, told apart."""

from collections.abc import Callable, Mapping
from pathlib import Path

from ..contract import NOTHING, InpaintError, Source
from . import checkpoint, hub

Report = Callable[[str, int, int], None]  # what, bytes so far, bytes in all


def convert(path: Path, place: str, layout: str = "", trusted: bool = False) -> "checkpoint.Part":
    """A published file as the network at `place`. Raises InpaintError that names the file and the reason."""
    part = checkpoint.fit(checkpoint.read(path, trusted), checkpoint.family(place), layout, path.name)
    try:
        checkpoint.check_values(part)
    except InpaintError as error:
        raise InpaintError(f"{path.name} is refused: {error}") from None
    return part


def first(sources: tuple[Source, ...], part: str, report: Report) -> tuple[Path, bool]:
    """The file from the first source that gives it; with whether its full sha256 is a published one."""
    errors: list[InpaintError] = []
    for source in sorted(sources, key=lambda s: hub.local(s) is None):
        file = source.address.rsplit("/", 1)[-1]
        try:
            path = hub.fetch(source, lambda *state, file=file: report(file, *state))
            return path, source.digest.startswith("sha256:")
        except InpaintError as error:
            errors.append(error)
    words = _summed_up(errors) or f"no place is known to get {part} from"
    silent = [e.host for e in errors if isinstance(e, hub.Unavailable) and e.reason == hub.NO_ANSWER]
    raise hub.Offline(words, frozenset(silent)) if silent and len(silent) == len(sources) else InpaintError(words)


def _summed_up(errors: list[InpaintError]) -> str:
    """One sentence; where several places failed for one reason, the reason once."""
    told: dict[tuple[str, str], list[str]] = {}
    for error in errors:
        if isinstance(error, hub.Unavailable) and len(errors) > 1:
            file = error.source.address.rsplit("/", 1)[-1]
            told.setdefault((file, error.reason), []).append(error.host)
        else:
            told[str(error).rstrip("."), ""] = []
    return "; ".join(
        f"{what} cannot be had from {' or '.join(dict.fromkeys(hosts))}: {why}" if hosts else what
        for (what, why), hosts in told.items()
    )


def identify(
    networks: Mapping[str, str], files: tuple[Path, ...], layouts: Mapping[str, str] = NOTHING
) -> "dict[str, checkpoint.Part]":
    """Which file is which network, by the tensors in them.

    layouts: the only one to try, by network. Raises InpaintError for a file that is none of them.
    """
    found: dict[str, checkpoint.Part] = {}
    for file in files:
        reasons = []
        for part, place in networks.items():
            try:
                found[part] = convert(file, place, layouts.get(part, ""))
                break
            except InpaintError as error:
                reasons.append(str(error))
        else:
            raise InpaintError(reasons[0])
    if missing := networks.keys() - found.keys():
        raise InpaintError(f"Of {', '.join(networks)} there is no file for {', '.join(sorted(missing))}.")
    return found
