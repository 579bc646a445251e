"""Where weights come from: the real client of the Hub, and plain addresses, against servers on 127.0.0.1."""

import errno
import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub.utils._http as hub_http
import numpy as np
import pytest
import tiny
import torch
from hubserver import HubServer
from huggingface_hub import constants, file_download
from typer.testing import CliRunner

import inpaint
from inpaint import InpaintError, zoo
from inpaint.checkpoints import checkpoint, hub, store
from inpaint.cli import app as cli
from inpaint.contract import Hub, Url

REPO, FILE = "owner/tiny", "net.pth"
DATA = tiny.published()
SHA = f"sha256:{hashlib.sha256(DATA).hexdigest()}"
BLOB = f"git-blob:{hashlib.sha1(b'blob %d' % len(DATA) + bytes(1) + DATA).hexdigest()}"
HERE = Path(__file__).parent


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A Hub with the checkpoint, also at a plain address; this process takes it for the real one."""
    with HubServer() as server:
        server.put(REPO, FILE, DATA, lfs=True)
        server.put(REPO, FILE, DATA, lfs=True, space=True)
        server.plain(f"/{FILE}", DATA)
        cache = {
            "ENDPOINT": server.endpoint,
            "HF_HUB_CACHE": str(tmp_path / "hub"),
            "HF_HUB_DISABLE_XET": True,
            "HF_HUB_DISABLE_TELEMETRY": True,
        }
        cache |= {"HF_ASSETS_CACHE": str(tmp_path / "assets"), "DOWNLOAD_CHUNK_SIZE": 1000, "HF_HUB_OFFLINE": False}
        template = constants.HUGGINGFACE_CO_URL_TEMPLATE
        cache["HUGGINGFACE_CO_URL_TEMPLATE"] = template.replace(constants.ENDPOINT, server.endpoint)
        for name, value in (cache | {"HF_HUB_DISABLE_IMPLICIT_TOKEN": False}).items():
            monkeypatch.setattr(constants, name, value)
        for module in (hub_http, file_download):  # no waiting between the client's retries
            patient = SimpleNamespace(**vars(time) | {"sleep": lambda seconds: None})
            monkeypatch.setattr(module, "time", patient)
        monkeypatch.delenv("HF_TOKEN", raising=False)
        yield server


def source(server, kind):
    if kind == "address":
        return Url(server.url(f"/{FILE}"), SHA)
    return Hub(REPO, FILE, SHA, space=kind == "space")


both = pytest.mark.parametrize("kind", ["model", "space", "address"])


def use(name=tiny.NAME, **settings):
    """Fill with the model; the picture it gives."""
    image, mask = np.zeros((20, 20, 3), np.uint8), np.zeros((20, 20), bool)
    mask[5:9, 5:9] = True
    return inpaint.inpaint(image, mask, name, **settings)


@both
def test_the_first_use_downloads_and_the_second_asks_nobody(server, monkeypatch, kind):
    tiny.put_into(monkeypatch, places=tiny.weights(source(server, kind)))
    assert not zoo.ready(tiny.NAME)
    server.fail(FILE, pace=30_000)
    monkeypatch.setattr(store, "POLL", 0.02)
    told = list(zoo.fetch(tiny.NAME))
    amounts = [step.done for step in told if step.total == len(DATA)]
    assert amounts == sorted(amounts) and any(0 < done < len(DATA) for done in amounts), "no progress was told"
    assert zoo.ready(tiny.NAME) and (use()[5:9, 5:9] == 99).all()
    asked = len(server.requests)
    zoo.release()
    assert not list(zoo.fetch(tiny.NAME)) and (use()[5:9, 5:9] == 99).all()
    assert len(server.requests) == asked


@both
def test_without_a_network_the_cache_is_enough(server, monkeypatch, kind):
    tiny.put_into(monkeypatch, places=tiny.weights(source(server, kind)))
    use()
    zoo.release()
    server.close()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    use()


@both
def test_offline_and_nothing_there(server, monkeypatch, kind):
    tiny.put_into(monkeypatch, places=tiny.weights(source(server, kind)))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(InpaintError, match=r"HF_HUB_OFFLINE is set.*Ready without a download"):
        use()
    assert not server.requests


FAULTS = {
    "401": ({"status": 401}, "HF_TOKEN"),
    "403": ({"status": 403}, "HF_TOKEN"),
    "404": ({"status": 404}, "no such file"),
    "500": ({"status": 500}, "answered 500"),
    "cut": ({"cut": 0}, "connection"),
    "reset": ({"cut": 0, "reset": True}, "connection"),
    "wrong": ({"wrong": True}, "not the file it should be"),
}


@both
@pytest.mark.parametrize("fault", FAULTS)
def test_each_failure_is_one_sentence_and_heals(server, monkeypatch, kind, fault):
    tiny.put_into(monkeypatch, places=tiny.weights(source(server, kind)))
    what, words = FAULTS[fault]
    server.fail(FILE, **what)
    if kind != "address":
        server.fail("/".join([*(["spaces"] if kind == "space" else []), REPO, "resolve"]), **what)
    with pytest.raises(InpaintError, match=words) as caught:
        use()
    assert "\n" not in str(caught.value) and "Ready without a download" in str(caught.value)
    server.mend()
    monkeypatch.setattr(store, "JOBS", {})
    assert (use()[5:9, 5:9] == 99).all()


@pytest.mark.parametrize("kind", ["model", "address"])
def test_a_cut_connection_is_taken_up_again(server, monkeypatch, kind):
    tiny.put_into(monkeypatch, places=tiny.weights(source(server, kind)))
    server.fail(FILE if kind == "address" else hashlib.sha256(DATA).hexdigest(), cut=3000, times=1, method="GET")
    use()
    assert any(request.range for request in server.requests), "it began anew"


def test_a_server_that_cannot_resume(server, monkeypatch):
    tiny.put_into(monkeypatch, places=tiny.weights(source(server, "address")))
    server.fail(FILE, ranges=False)
    server.fail(FILE, cut=3000, times=1, ranges=False)
    use()


def test_what_is_left_of_another_file_is_thrown_away(server, monkeypatch):
    tiny.put_into(monkeypatch, places=tiny.weights(where := source(server, "address")))
    part = hub._place(where).with_name(hub._place(where).name + ".part")
    part.write_bytes(bytes(len(DATA) + 10))
    use()


@pytest.mark.parametrize("kind", ["model", "address"])
def test_a_full_disk(server, monkeypatch, kind):
    tiny.put_into(monkeypatch, places=tiny.weights(source(server, kind)))

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as m, pytest.raises(InpaintError, match=r"disk of .* is full"):
        m.setattr(file_download, "http_get", full)
        use()
    monkeypatch.setattr(store, "JOBS", {})
    use()


def test_mirrors_are_asked_in_their_order(server, monkeypatch):
    gone = Url(server.url("/gone.pth"), SHA)
    tiny.put_into(monkeypatch, places=tiny.weights(gone, source(server, "address"), source(server, "model")))
    use()
    assert [bool(server.asked(path)) for path in ("gone.pth", f"/{FILE}", REPO)] == [True, True, False]


def test_the_same_reason_is_given_once(server, monkeypatch):
    gone = [Url(server.url(f"/{n}/net.pth"), SHA) for n in "ab"] + [Hub("nobody/tiny", "other.pth", SHA)]
    tiny.put_into(monkeypatch, places=tiny.weights(*gone))
    with pytest.raises(
        InpaintError, match=r"net\.pth cannot be had from 127\.0\.0\.1:\d+: there is no such file"
    ) as caught:
        use()
    assert str(caught.value).count("net.pth") == 1 and "other.pth" in str(caught.value)


@both
def test_two_visitors_cause_one_download(server, monkeypatch, kind):
    tiny.put_into(monkeypatch, places=tiny.weights(source(server, kind)))
    server.fail(FILE, pace=40_000)
    pictures, visitors = [], []
    for _ in range(4):
        visitors.append(threading.Thread(target=lambda: pictures.append(use())))
        visitors[-1].start()
    for visitor in visitors:
        visitor.join()
    assert len(pictures) == 4
    assert len([r for r in server.asked(method="GET") if r.sent and r.sent >= len(DATA) / 2]) == 1


@pytest.mark.parametrize("digest", [SHA[:7] + "-prefix:" + SHA[7:15], BLOB], ids=["sha256-prefix", "git-blob"])
def test_a_weak_digest_becomes_a_full_one(server, monkeypatch, digest):
    weak = Url(server.url(f"/{FILE}"), digest.replace("sha256:-", "sha256-"))
    if "prefix" in digest:
        weak = Url(server.url(f"/{FILE}"), f"sha256-prefix:{SHA[7:15]}")
    path = hub.fetch(weak)
    assert hub.required(weak) == SHA
    path.write_bytes(DATA + b" ")
    assert hub.local(weak) is None, "a changed file was taken for the one that was recorded"


@pytest.mark.parametrize("digest", ["", "sha256:", "md5:d41d8cd98f00b204e9800998ecf8427e", "sha256-prefix:ab"])
def test_without_a_digest_nothing_is_used(server, digest):
    with pytest.raises(InpaintError, match="no usable digest"):
        hub.fetch(Url(server.url(f"/{FILE}"), digest))


def test_a_damaged_file_in_the_cache_heals(server, monkeypatch):
    card = tiny.put_into(monkeypatch, places=tiny.weights(source(server, "address")))
    use()
    path = store.Offer(tiny.NAME, card, "places").canonical()
    path.write_bytes(path.read_bytes()[:-5] + b"wrong")
    zoo.release()
    use()
    assert not hub.mismatch(path, path.with_suffix(".sha256").read_text())


SCRIPT = """
import sys; sys.path[:0] = [{tests!r}, {root!r}]
import json, pytest, tiny
from huggingface_hub import constants
from inpaint import zoo, contract
constants.DOWNLOAD_CHUNK_SIZE = 500
kind, value, digest = sys.argv[1:]
where = contract.Url(value, digest) if kind == "address" else contract.Hub(value, {file!r}, digest)
with pytest.MonkeyPatch.context() as m:
    tiny.put_into(m, places=tiny.weights(where))
    for step in zoo.fetch(tiny.NAME):
        print(json.dumps(step), flush=True)
    zoo.load(tiny.NAME, "cpu", "places")
    print("loaded", flush=True)
"""


def visitor(server, home, kind, limit=None, **environment):
    """Another process that wants the weights; `limit`: of the bytes it may write to a file."""
    script = SCRIPT.format(tests=str(HERE), root=str(HERE.parent), file=FILE)
    where = server.url(f"/{FILE}") if kind == "address" else REPO
    return subprocess.Popen(
        [sys.executable, "-c", script, kind, where, SHA],
        env={**os.environ, **server.environment(home), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=limit and (lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))),
    )


@pytest.mark.parametrize("kind", ["model", "address"])
def test_a_disk_that_takes_a_part_only(server, tmp_path, kind):
    out, errors = visitor(server, tmp_path / "home", kind, limit=2700).communicate(timeout=60)
    assert "loaded" not in out and "is full" in errors.splitlines()[-1], errors
    asked = len(server.requests)
    out, errors = visitor(server, tmp_path / "home", kind).communicate(timeout=60)
    assert "loaded" in out, errors
    assert next(r.range for r in server.requests[asked:] if r.method == "GET" and r.sent) == "bytes=2700-"


@pytest.mark.parametrize("kind", ["model", "address"])
def test_a_kill_half_way(server, tmp_path, kind):
    server.fail(FILE, pace=2000)
    victim = visitor(server, tmp_path / "home", kind)
    deadline = time.monotonic() + 60
    while (
        not any(r.sent for r in server.requests if r.method == "GET" and r.status == 200)
        and time.monotonic() < deadline
    ):
        time.sleep(0.05)
    time.sleep(1)
    victim.send_signal(signal.SIGKILL)
    victim.communicate()
    server.mend()
    before = len(server.requests)
    out, errors = visitor(server, tmp_path / "home", kind).communicate(timeout=60)
    assert "loaded" in out, errors
    assert any(r.range for r in server.requests[before:]), "it began anew"
    out, errors = visitor(server, tmp_path / "home", kind, HF_HUB_OFFLINE="1").communicate(timeout=60)
    assert out.strip() == "loaded", errors


@pytest.mark.parametrize("kind", ["model", "address"])
def test_two_processes_cause_one_download(server, tmp_path, kind):
    server.fail(FILE, pace=10_000)
    both = [visitor(server, tmp_path / "home", kind) for _ in range(2)]
    for each in both:
        out, errors = each.communicate(timeout=60)
        assert "loaded" in out, errors
    assert len([r for r in server.asked(method="GET") if r.sent and r.sent >= len(DATA) / 2]) == 1


# ---- the deployer's own repository, and the command line


@pytest.fixture
def run(monkeypatch):
    """Run a command; its output and exit status. What the user can put right is raised."""

    def command(*words):
        result = CliRunner().invoke(cli.app, ["weights", *map(str, words)], env={"COLUMNS": "200"})
        if isinstance(result.exception, InpaintError):
            raise result.exception
        return result.output, result.exit_code

    return command


@pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # the client's own way to send a file
def test_publish_and_pull(server, monkeypatch, run, tmp_path):
    monkeypatch.setenv("HF_TOKEN", server.token)
    tiny.put_into(monkeypatch, places=tiny.weights(source(server, "address")), faces=tiny.weights(commercial=None))
    run("pull", "tiny:places")
    said, status = run("publish", "owner/mine", tiny.NAME + ":places")
    assert status == 0 and "owner/mine" in said
    files = {
        name
        for repo in server.repos.values()
        if repo.name == "owner/mine"
        for c in repo.commits.values()
        for name in c
    }
    assert {"tiny.places.safetensors", "README.md"} <= files
    elsewhere(monkeypatch, tmp_path / "elsewhere")
    monkeypatch.setenv("INPAINT_HUB_REPO", "owner/mine")
    asked = len(server.requests)
    run("pull", "tiny:places")
    assert all("mine" in r.path or r.cdn for r in server.requests[asked:]), "another place was asked first"
    said, status = run("verify", "tiny:places")
    assert status == 0 and "is good" in said
    asked = len(server.requests)
    zoo.release()
    use()
    assert len(server.requests) == asked


def elsewhere(monkeypatch, folder):
    """Another machine, whose cache is empty."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder / "hub"))
    monkeypatch.setattr(constants, "HF_ASSETS_CACHE", str(folder / "assets"))
    monkeypatch.setattr(store, "JOBS", {})
    zoo.release()


@pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
def test_publish_and_pull_a_file_that_is_taken_as_it_is(server, monkeypatch, run, tmp_path):
    monkeypatch.setenv("HF_TOKEN", server.token)
    data = b"an ONNX file"
    there = Url(server.plain("/net.onnx", data), f"sha256:{hashlib.sha256(data).hexdigest()}")
    card = tiny.put_into(monkeypatch, places=tiny.weights(there))
    card.networks["net"] = "onnx"
    try:
        run("pull", tiny.NAME)
        assert run("publish", "owner/mine", tiny.NAME)[1] == 0
        elsewhere(monkeypatch, tmp_path / "elsewhere")
        monkeypatch.setenv("INPAINT_HUB_REPO", "owner/mine")
        before = len(server.asked("/net.onnx"))
        run("pull", tiny.NAME)
        assert store.Offer(tiny.NAME, card, "places").load()["net"].read_bytes() == data
        assert len(server.asked("/net.onnx")) == before
    finally:
        card.networks["net"] = "tiny:FAMILY"


def test_the_readme_of_a_published_repository(server, monkeypatch):
    from inpaint.checkpoints import publish

    tiny.put_into(
        monkeypatch, places=tiny.weights(source(server, "address"), commercial=False, licence="CC BY-NC 4.0")
    )
    use()
    text = publish.card(publish.gather([zoo.offer(tiny.NAME, "places")]))
    for word in ("CC BY-NC 4.0", "not allowed", server.url(f"/{FILE}"), SHA, "photographs"):
        assert word in text


def test_weights_of_unclear_licence_are_not_passed_on(server, monkeypatch, run):
    monkeypatch.setenv("HF_TOKEN", server.token)
    tiny.put_into(
        monkeypatch, places=tiny.weights(source(server, "address"), commercial=None, licence="none found")
    )
    use()
    with pytest.raises(InpaintError, match="no licence that allows"):
        run("publish", "owner/mine")


def test_the_own_repository_without_the_file_or_the_right(server, monkeypatch):
    server.repo("owner/mine", private=True)
    tiny.put_into(monkeypatch, places=tiny.weights(source(server, "address")))
    monkeypatch.setenv("INPAINT_HUB_REPO", "owner/mine")
    use()  # may not read it: the published file is taken
    assert server.asked("owner/mine") and server.asked(f"/{FILE}", "GET")


def test_list_and_verify(server, monkeypatch, run):
    tiny.put_into(monkeypatch, places=tiny.weights(source(server, "address"), megabytes=12))
    assert "needs a download of 12 MB" in run("list")[0].replace("\n", " ")
    run("pull", tiny.NAME)
    said, status = run("verify", tiny.NAME)
    assert status == 0 and f"equal to {hub._place(source(server, 'address')).name}" in said.replace("\n", "")
    card = zoo.card(tiny.NAME)
    store.Offer(tiny.NAME, card, "places").canonical().write_bytes(b"{}")
    said, status = run("verify", tiny.NAME + ":places")
    assert status == 2 and "pull it first" in said.replace("\n", " ")


def test_convert(monkeypatch, run, tmp_path):
    tiny.put_into(monkeypatch, places=tiny.weights())
    original, out = tmp_path / FILE, tmp_path / "out.safetensors"
    original.write_bytes(DATA)
    said, status = run("convert", tiny.NAME, original, "-o", out)
    assert status == 0 and "equal to net.pth" in said.replace("\n", "")
    assert run("verify", out, original)[1] == 0
    part = checkpoint.load(out, {"net": "tiny:FAMILY"})["net"]
    assert part.layout == "published" and part.state["first.weight"].equal(tiny.state()["a.weight"])
    other = tiny.published(**{"b.bias": torch.zeros(3)})
    original.write_bytes(other)
    with pytest.raises(InpaintError, match=r"net\.last\.bias is not what the original holds"):
        run("verify", out, original)
    run("convert", tiny.NAME, original, "-o", out, "--layout", "sharp")
    assert checkpoint.load(out, {"net": "tiny:FAMILY"})["net"].config.sharp


def test_a_checkpoint_of_ones_own(monkeypatch, tmp_path, server):
    tiny.put_into(monkeypatch, places=tiny.weights(source(server, "address")))
    path = tmp_path / "mine.pth"
    path.write_bytes(DATA)
    monkeypatch.setenv("INPAINT_WEIGHTS", f"tiny={path}")
    store.own.cache_clear()
    assert zoo.tags(tiny.NAME) == ("own", "places") and zoo.ready(tiny.NAME)
    assert (use()[5:9, 5:9] == 99).all() and not server.requests
    path.write_bytes(b"nonsense")
    zoo.release()
    with pytest.raises(InpaintError, match=r"mine\.pth is refused"):
        use()
    store.own.cache_clear()


def test_the_http_endpoint_cannot_name_files(monkeypatch, tmp_path):
    tiny.put_into(monkeypatch, places=tiny.weights())
    path = tmp_path / "mine.pth"
    path.write_bytes(DATA)
    with pytest.raises(InpaintError, match="has no weights"):
        use(weights=str(path))


def test_only_what_may_be_used_commercially(monkeypatch):
    tiny.put_into(
        monkeypatch,
        free=tiny.weights(),
        paid=tiny.weights(commercial=False),
        unclear=tiny.weights(commercial=None),
    )
    assert zoo.tags(tiny.NAME) == ("free", "paid", "unclear")
    monkeypatch.setenv("INPAINT_COMMERCIAL_ONLY", "1")
    assert zoo.tags(tiny.NAME) == ("free",) and tiny.NAME in zoo.names()
    with pytest.raises(InpaintError, match="has no weights 'paid'"):
        use(weights="paid")
    tiny.put_into(monkeypatch, paid=tiny.weights(commercial=False))
    assert tiny.NAME not in zoo.names()


def test_shipped_weights(monkeypatch, tmp_path):
    monkeypatch.setattr(store, "SHIPPED", tmp_path)
    part = checkpoint.fit(tiny.state(), tiny.FAMILY)
    path = tmp_path / "tiny.lite.safetensors"
    checkpoint.save({"net": part}, {"model": "tiny"}, path)
    tiny.put_into(monkeypatch, lite=tiny.weights(shipped=hub.digest(path)))
    assert zoo.ready(tiny.NAME) and (use()[5:9, 5:9] == 99).all()
    path.write_bytes(path.read_bytes() + b" ")
    zoo.release()
    with pytest.raises(InpaintError, match="not the file that was shipped"):
        use()


def test_few_models_stay_in_memory(monkeypatch, server):
    tiny.put_into(monkeypatch, places=tiny.weights(source(server, "address")))
    monkeypatch.setenv("INPAINT_RESIDENT", "1")
    first = zoo.load(tiny.NAME, "cpu", "places")
    assert zoo.load(tiny.NAME, "cpu", "places") is first
    zoo.load("telea")
    assert list(zoo.RESIDENT) == [("telea", "cpu", "", "float32")]
    monkeypatch.setenv("INPAINT_RESIDENT", "many")
    with pytest.raises(InpaintError, match="whole number"):
        zoo.load("harmonic")


def test_what_weights_say_of_themselves_is_json(server, monkeypatch):
    card = tiny.put_into(monkeypatch, places=tiny.weights(source(server, "model")))
    use()
    facts = checkpoint.facts(store.Offer(tiny.NAME, card, "places").canonical())
    assert facts["licence"] == "MIT" and facts["networks"]["net"]["config"] == {"width": 64, "sharp": False}
    json.dumps(facts)


def test_a_file_in_the_hubs_cache_needs_no_download(server, monkeypatch):
    """As a Space has it that preloads it: it is there, if not yet converted."""
    from huggingface_hub import hf_hub_download

    tiny.put_into(monkeypatch, places=tiny.weights(source(server, "model")))
    assert not zoo.ready(tiny.NAME)
    hf_hub_download(REPO, FILE)
    asked = len(server.requests)
    assert zoo.ready(tiny.NAME)
    assert (use()[5:9, 5:9] == 99).all()
    assert len(server.requests) == asked
