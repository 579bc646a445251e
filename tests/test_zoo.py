"""What is offered first, what stays in memory, and how long a fill may take."""

import threading
from dataclasses import replace

import numpy as np
import pytest
import tiny

import inpaint
from inpaint import InpaintError, Step, zoo
from inpaint.checkpoints import checkpoint, hub, store


def picture(side=64):
    image, mask = np.full((side, side, 3), 90, np.uint8), np.zeros((side, side), bool)
    mask[20:30, 20:30] = True
    return image, mask


@pytest.fixture
def shipped(monkeypatch, tmp_path):
    """Weights of the tiny model as they are shipped: to be added to a card."""
    monkeypatch.setattr(store, "SHIPPED", tmp_path)
    path = tmp_path / "tiny.lite.safetensors"
    checkpoint.save({"net": checkpoint.fit(tiny.state(), tiny.FAMILY)}, {"model": tiny.NAME}, path)
    return tiny.weights(shipped=hub.digest(path), title="Lite")


@pytest.fixture
def pulled(monkeypatch, tmp_path):
    """Weights of the tiny model that are published, and a function that puts them on this machine."""
    monkeypatch.setattr(hub, "folder", lambda name: tmp_path)
    there = tiny.weights(title="Published")

    def pull(card):
        offer = store.Offer(tiny.NAME, card, "places")
        store._kept(
            offer._canonical, lambda p: checkpoint.save({"net": checkpoint.fit(tiny.state(), tiny.FAMILY)}, {}, p)
        )

    return there, pull


def test_a_small_network_is_never_the_first_choice(monkeypatch, shipped):
    tiny.put_into(monkeypatch, lite=shipped)
    monkeypatch.setattr(zoo, "MODELS", (tiny.NAME, "telea", "patchmatch"))
    assert zoo.ready(tiny.NAME) and zoo.default() == "patchmatch"


def test_a_big_network_on_this_machine_is(monkeypatch, shipped, pulled):
    weights, pull = pulled
    card = tiny.put_into(monkeypatch, lite=shipped, places=weights)
    monkeypatch.setattr(zoo, "MODELS", ("patchmatch", tiny.NAME))
    assert zoo.default() == "patchmatch" and zoo.offer(tiny.NAME).tag == "lite"
    pull(card)
    assert zoo.default() == tiny.NAME
    assert zoo.offer(tiny.NAME).tag == "places", "the published weights come before the small ones"
    assert zoo.offer(tiny.NAME, "lite").tag == "lite"


# ---- in memory


@pytest.fixture
def three(monkeypatch):
    """Three models of 10 MB each."""
    monkeypatch.setattr(zoo, "RESIDENT", type(zoo.RESIDENT)())
    monkeypatch.setattr(store, "own", lambda: {"pconv": (), "glcic": (), "aotgan": ()})
    monkeypatch.setattr(zoo, "_megabytes", lambda what, precision: 10.0)
    monkeypatch.setattr(zoo, "_placed", lambda what, device, precision: None)
    monkeypatch.setattr(store.Offer, "load", lambda offer: dict.fromkeys(offer.card.networks))
    cards = {name: replace(zoo.card(name), load=lambda device, **nets: slow(1)) for name in zoo.MODELS}
    monkeypatch.setattr(zoo, "card", cards.get)
    return "pconv", "glcic", "aotgan"


def resident():
    return [name for name, *_ in zoo.RESIDENT]


def test_memory_is_bounded_by_megabytes(monkeypatch, three):
    monkeypatch.setenv("INPAINT_RESIDENT", "9")
    monkeypatch.setenv("INPAINT_RESIDENT_MB", "25")
    for name in three:
        zoo.load(name)
    assert resident() == ["glcic", "aotgan"]
    zoo.load("glcic")
    zoo.load("pconv")
    assert resident() == ["glcic", "pconv"], "the one used last was thrown out"
    monkeypatch.setenv("INPAINT_RESIDENT_MB", "5")
    zoo.load("aotgan")
    assert resident() == ["aotgan"], "a model that is too large by itself is the only one"


def test_a_model_in_use_is_not_thrown_out(monkeypatch, three):
    monkeypatch.setenv("INPAINT_RESIDENT", "1")
    with zoo.using("pconv"):
        zoo.load("glcic")
        zoo.load("aotgan")
        zoo.release()
        assert resident() == ["pconv"]
        zoo.load("glcic")
    zoo.load("aotgan")
    assert resident() == ["aotgan"]


def test_a_fill_uses_its_model_until_it_is_closed(image, mask):
    fills = inpaint.stream(image, mask, "patchmatch")
    next(fills)
    assert zoo.RESIDENT["patchmatch", "cpu", "", "float32"].users == 1
    fills.close()
    assert zoo.RESIDENT["patchmatch", "cpu", "", "float32"].users == 0


@pytest.mark.parametrize("variable", ["INPAINT_RESIDENT", "INPAINT_RESIDENT_MB"])
@pytest.mark.parametrize("value", ["many", "0", "-1", "1.5", "nan"])
def test_limits_that_make_no_sense(monkeypatch, three, variable, value):
    monkeypatch.setenv(variable, value)
    with pytest.raises(InpaintError, match=f"{variable} must be a whole number"):
        zoo.load("glcic")


def test_memory_that_runs_out_while_loading(monkeypatch):
    """First what other models hold is given back, then the CPU is tried; the working size stays."""
    tiny.put_into(monkeypatch, own=tiny.weights())
    monkeypatch.setattr(store, "own", lambda: {tiny.NAME: ()})
    monkeypatch.setattr(store.Offer, "load", lambda offer: dict.fromkeys(offer.card.networks))
    monkeypatch.setattr(zoo, "pick_device", lambda name, wanted: "cuda")
    monkeypatch.setattr(zoo, "_megabytes", lambda what, precision: 10.0)
    tried = []

    def placed(what, device, precision):
        tried.append((device, "telea" in resident()))
        if device == "cuda":
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")

    monkeypatch.setattr(zoo, "_placed", placed)
    zoo.load("telea")
    *_, last = inpaint.stream(*picture(), tiny.NAME)
    assert tried == [("cuda", True), ("cuda", False), ("cpu", False)]
    assert last.report.device == "cpu" and "moved to the cpu" in str(last.report)


def test_memory_that_runs_out_on_the_cpu_too(monkeypatch):
    monkeypatch.setattr(zoo, "_resident", lambda key: (_ for _ in ()).throw(MemoryError()))
    with pytest.raises(MemoryError):
        inpaint.inpaint(*picture(), "telea")


# ---- how long


def slow(steps, last=1.0):
    """A model of so many steps."""

    def fill(image, mask, **options):
        for k in range(steps):
            yield Step(np.full_like(image, k), (k + 1) / steps * last if k + 1 < steps else last)

    return fill


def test_the_best_so_far_is_the_result_when_time_is_up(monkeypatch):
    now = iter(range(0, 10_000, 10))
    monkeypatch.setattr(inpaint.time, "monotonic", lambda: next(now))
    monkeypatch.setattr(zoo, "_resident", lambda key: zoo.Resident(slow(100), 0))
    monkeypatch.setenv("INPAINT_MAX_SECONDS", "45")
    image, mask = picture()
    *_, last = inpaint.stream(image, mask, "telea")
    assert 0 < last.progress < 1 and "ended after 45 s" in str(last.report)
    assert (last.image[mask] == 4).all(), "the fifth step is the first after 45 seconds"


def test_a_fill_in_time_is_whole(monkeypatch):
    monkeypatch.setenv("INPAINT_MAX_SECONDS", "1000")
    *_, last = inpaint.stream(*picture(), "telea")
    assert last.progress == 1 and "ended" not in str(last.report)


@pytest.mark.parametrize("value", ["soon", "0", "-3", "nan"])
def test_a_time_that_makes_no_sense(monkeypatch, value):
    monkeypatch.setenv("INPAINT_MAX_SECONDS", value)
    with pytest.raises(InpaintError, match="INPAINT_MAX_SECONDS"):
        inpaint.stream(*picture(), "telea")


def test_the_door_can_be_lent(monkeypatch):
    """Every fill goes through it, its settings checked before."""
    asked = []

    def door(image, mask, settings):
        asked.append(settings)
        yield from inpaint.here(image, mask, settings)

    monkeypatch.setattr(inpaint, "_door", inpaint._door)
    inpaint.lend(door)
    with pytest.raises(InpaintError, match="no option"):
        inpaint.stream(*picture(), "telea", nonsense=1)
    assert not asked
    inpaint.inpaint(*picture(), "telea", radius=4)
    assert asked[0].options["radius"] == 4 and asked[0].model == "telea"


# ---- two at the cache


def test_a_note_that_says_nothing_is_no_note(monkeypatch, tmp_path):
    """As a full disk or a kill once left it: the published digest counts."""
    from inpaint.contract import Url

    monkeypatch.setattr(hub, "folder", lambda name: tmp_path)
    source = Url("https://example.org/file.pth", "sha256-prefix:0123456789")
    for text in ("", "sha256:", "sha256:abc", "\x00\x00"):
        hub._note(source).write_text(text)
        assert hub.required(source) == source.digest


def test_a_full_disk_leaves_no_empty_note(monkeypatch, tmp_path):
    from inpaint.contract import Url
    from inpaint.imaging import files

    monkeypatch.setattr(hub, "folder", lambda name: tmp_path)
    file = tmp_path / "file.pth"
    file.write_bytes(b"data")
    source = Url("https://example.org/file.pth", hub.digest(file).replace("sha256:", "sha256-prefix:")[:30])

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(InpaintError, match="No space left"):
        hub._remember(source, file)
    assert [path.name for path in tmp_path.iterdir()] == ["file.pth"]
    monkeypatch.undo()


def test_a_converted_file_is_never_seen_without_its_note(monkeypatch, tmp_path):
    """Whoever looks while another converts sees nothing yet, and deletes nothing."""
    monkeypatch.setattr(hub, "folder", lambda name: tmp_path)
    card = tiny.put_into(monkeypatch, places=tiny.weights(title="Published"))
    offer = store.Offer(tiny.NAME, card, "places")
    hashing, go_on = threading.Event(), threading.Event()
    real = hub.digest

    def digest(path, kind="sha256"):
        if threading.current_thread().name == "first":
            hashing.set()
            assert go_on.wait(20)
        return real(path, kind)

    monkeypatch.setattr(hub, "digest", digest)
    made = {"net": checkpoint.fit(tiny.state(), tiny.FAMILY)}
    monkeypatch.setattr(store.Offer, "_from_sources", lambda self, report: made)
    errors = []

    def convert():
        try:
            offer._get(lambda *_: None)
        except Exception as error:
            errors.append(error)

    first = threading.Thread(target=convert, name="first")
    first.start()
    assert hashing.wait(20)
    assert offer._here() is None and not offer.present
    go_on.set()
    first.join(20)
    assert not errors and offer._here() == offer._canonical
