"""The real client of the Hugging Face Hub, pointed at the small hub of the tests."""

import io
import os
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request

import httpx2
import pytest
from hubserver import HubServer
from huggingface_hub import HfApi, constants, hf_hub_download, snapshot_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.file_download import http_get

DATA = bytes(range(256)) * 400  # 100 kB
REPO = "owner/zoo"


@pytest.fixture
def hub():
    with HubServer() as hub:
        yield hub


@pytest.fixture(autouse=True)
def plain_transfers(monkeypatch):
    """No Xet, no login of this machine's, no questions to the real Hub, chunks smaller than the files here."""
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_IMPLICIT_TOKEN", True)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", True)
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 10_000)


def fetch(hub, folder, file="net.safetensors", **options):
    path = hf_hub_download(REPO, file, endpoint=hub.endpoint, cache_dir=folder, **options)
    with open(path, "rb") as stored:
        return stored.read()


@pytest.mark.parametrize("redirect", [True, False])
def test_plain_and_large_files_of_models_and_spaces(tmp_path, redirect):
    with HubServer(redirect) as hub:
        for space in (False, True):
            kind = "space" if space else None
            hub.put(REPO, "README.md", b"hello", space=space)
            hub.put(REPO, "sub/net.safetensors", DATA, lfs=True, space=space)
            assert fetch(hub, tmp_path, "README.md", repo_type=kind) == b"hello"
            assert fetch(hub, tmp_path, "sub/net.safetensors", repo_type=kind) == DATA
        assert any(line.cdn for line in hub.requests) == redirect


def test_the_second_use_asks_once_and_by_commit_not_at_all(hub, tmp_path):
    commit = hub.put(REPO, "net.safetensors", DATA, lfs=True)
    fetch(hub, tmp_path)
    fetch(hub, tmp_path)
    assert [line.method for line in hub.requests] == ["HEAD", "GET", "HEAD"]
    fetch(hub, tmp_path, revision=commit)
    assert len(hub.requests) == 3


def test_two_at_once_download_once(hub, tmp_path):
    hub.put(REPO, "net.safetensors", DATA, lfs=True)
    hub.fail("net.safetensors", pace=200_000)
    visitors = [threading.Thread(target=fetch, args=(hub, tmp_path)) for _ in range(2)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    assert len(hub.asked("net.safetensors", "GET")) == 1


@pytest.mark.parametrize("mark", ["private", "gated"])
def test_the_token_opens_a_closed_repository_and_stays_with_the_hub(hub, tmp_path, mark):
    hub.put(REPO, "net.safetensors", DATA, lfs=True)
    hub.repo(REPO, **{mark: True})
    for token, status in ((False, 401), (hub.stranger, 403 if mark == "gated" else 404)):
        with pytest.raises(RepositoryNotFoundError) as refused:
            fetch(hub, tmp_path, token=token)
        assert refused.value.response.status_code == status
        assert isinstance(refused.value, GatedRepoError) == (mark == "gated")
    with pytest.raises(HfHubHTTPError, match="Invalid credentials"):
        fetch(hub, tmp_path, token="hf_mistyped")
    assert fetch(hub, tmp_path, token=hub.token) == DATA
    assert [line.authorized for line in hub.requests[-2:]] == [True, False]


@pytest.mark.parametrize(
    "asked, error",
    [
        ({"file": "other.safetensors"}, EntryNotFoundError),
        ({"revision": "v9"}, RevisionNotFoundError),
        ({"repo_type": "space"}, RepositoryNotFoundError),
    ],
)
def test_what_is_not_there(hub, tmp_path, asked, error):
    hub.put(REPO, "net.safetensors", DATA)
    with pytest.raises(error):
        fetch(hub, tmp_path, **asked)


@pytest.mark.parametrize("redirect", [True, False])
def test_a_cut_connection_is_resumed(tmp_path, redirect):
    with HubServer(redirect) as hub:
        hub.put(REPO, "net.safetensors", DATA, lfs=True)
        hub.fail("net.safetensors", cut=35_000, times=1)
        assert fetch(hub, tmp_path) == DATA
        first, second = hub.asked("net.safetensors", "GET")
        assert (first.sent, second.range, second.status) == (35_000, "bytes=30000-", 206)


def test_without_ranges_the_whole_is_sent_again(hub, tmp_path):
    hub.put(REPO, "net.safetensors", DATA, lfs=True)
    hub.fail("net.safetensors", ranges=False)
    hub.fail("net.safetensors", cut=35_000, times=1)
    assert fetch(hub, tmp_path) == DATA
    assert [line.sent for line in hub.asked("net.safetensors", "GET")] == [35_000, len(DATA)]


def test_a_reset_connection_ends_the_download(hub, tmp_path):
    hub.put(REPO, "net.safetensors", DATA, lfs=True)
    hub.fail("net.safetensors", cut=35_000, reset=True)
    with pytest.raises(httpx2.ReadError):
        fetch(hub, tmp_path)


def test_wrong_bytes_and_wrong_lengths(hub, tmp_path):
    hub.put(REPO, "net.safetensors", DATA, lfs=True)
    hub.fail("net.safetensors", length=50_000)
    with pytest.raises(OSError, match="Consistency check failed"):
        fetch(hub, tmp_path)
    hub.mend()
    hub.fail("net.safetensors", wrong=True)
    assert fetch(hub, tmp_path) == bytes(255 - value for value in DATA)  # the client checks the size alone


@pytest.mark.parametrize("status", [403, 404, 500, 503])
def test_ordered_statuses(hub, tmp_path, status):
    hub.put(REPO, "net.safetensors", DATA)
    hub.fail("net.safetensors", method="GET", status=status)
    with pytest.raises(HfHubHTTPError) as refused:
        fetch(hub, tmp_path)
    assert refused.value.response.status_code == status


def test_a_delay_is_waited_for(hub):
    url = hub.plain("/late.pth", DATA)
    hub.fail("late", delay=1)
    with pytest.raises(httpx2.ReadTimeout):
        httpx2.get(url, timeout=0.2)


def test_looking_up(hub, tmp_path):
    hub.put(REPO, "README.md", b"hello")
    commit = hub.put(REPO, "nets/a.safetensors", DATA, lfs=True)
    hub.put("owner/hidden", "a", b"a")
    hub.repo("owner/hidden", private=True)
    api = HfApi(hub.endpoint, token=hub.stranger)
    assert [api.repo_exists(name) for name in (REPO, "owner/none", "owner/hidden")] == [True, False, False]
    assert [api.file_exists(REPO, name) for name in ("README.md", "none")] == [True, False]
    assert api.revision_exists(REPO, commit) and not api.revision_exists(REPO, "v9")
    info = api.model_info(REPO, files_metadata=True)
    assert (info.sha, [(file.rfilename, file.size) for file in info.siblings]) == (
        commit,
        [("README.md", 5), ("nets/a.safetensors", len(DATA))],
    )
    assert api.list_repo_files(REPO) == ["README.md", "nets/a.safetensors"]
    folder = snapshot_download(REPO, endpoint=hub.endpoint, cache_dir=tmp_path)
    assert sorted(os.listdir(folder)) == ["README.md", "nets"]
    assert api.whoami()["name"] == "stranger"


@pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # the client's own way to send a file
@pytest.mark.parametrize("space", [False, True])
def test_what_is_published_comes_back(hub, tmp_path, space):
    api, kind = HfApi(hub.endpoint, token=hub.token), "space" if space else "model"
    more = {"space_sdk": "gradio"} if space else {}
    for _ in range(2):
        url = api.create_repo(REPO, repo_type=kind, private=True, exist_ok=True, **more)
    assert (url.repo_id, url.repo_type) == (REPO, kind)
    (tmp_path / "nets").mkdir()
    files = {"README.md": b"---\nlicense: mit\n---\n", "nets/a.safetensors": DATA, "nets/b.safetensors": DATA[::-1]}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    first = api.upload_folder(repo_id=REPO, repo_type=kind, folder_path=tmp_path)
    api.upload_file(repo_id=REPO, repo_type=kind, path_or_fileobj=io.BytesIO(b"more"), path_in_repo="c.pth")
    assert len(hub.asked("/upload/", "PUT")) == 3 and len(hub.asked("/verify")) == 3
    again = api.upload_folder(repo_id=REPO, repo_type=kind, folder_path=tmp_path)
    assert first.oid != again.oid and len(hub.asked("/commit/")) == 2  # nothing new: nothing committed
    cache = tmp_path / "cache"
    for name, data in [*files.items(), ("c.pth", b"more")]:
        assert fetch(hub, cache, name, token=hub.token, repo_type=kind) == data
    with pytest.raises(EntryNotFoundError):
        fetch(hub, cache, "c.pth", token=hub.token, repo_type=kind, revision=first.oid)
    api.delete_file("c.pth", REPO, repo_type=kind)
    assert api.list_repo_files(REPO, repo_type=kind) == list(files)


def test_who_may_not_publish(hub):
    hub.put(REPO, "README.md", b"hello")
    api = HfApi(hub.endpoint, token=hub.stranger)
    with pytest.raises(HfHubHTTPError, match="may not create"):
        api.create_repo("owner/new", exist_ok=True)
    with pytest.raises(HfHubHTTPError, match="no write access"):
        api.upload_file(repo_id=REPO, path_or_fileobj=b"x", path_in_repo="x.txt")
    with pytest.raises(RepositoryNotFoundError):
        HfApi(hub.endpoint, token=hub.token).upload_file(
            repo_id="owner/none", path_or_fileobj=b"x", path_in_repo="x.txt"
        )


@pytest.mark.parametrize("redirect", [False, True])
def test_plain_urls(hub, redirect):
    url = hub.plain("/plain/a net.pth", DATA, redirect=redirect)

    def ask(method="GET", **headers):
        return urllib.request.urlopen(urllib.request.Request(url, method=method, headers=headers))

    with ask("HEAD") as head, ask() as whole:
        assert (head.headers["Content-Length"], whole.read()) == (str(len(DATA)), DATA)
        etag = head.headers["ETag"]
    for wanted, part in (("bytes=100-", DATA[100:]), ("bytes=100-199", DATA[100:200])):
        with ask(**{"Range": wanted, "If-Range": etag}) as answer:
            assert (answer.status, answer.read()) == (206, part)
    with ask(**{"Range": "bytes=100-", "If-Range": '"older"'}) as answer:
        assert (answer.status, answer.read()) == (200, DATA)
    with pytest.raises(urllib.error.HTTPError) as refused:
        ask(Range=f"bytes={len(DATA)}-")
    with refused.value as answer:
        assert (answer.status, answer.headers["Content-Range"]) == (416, f"bytes */{len(DATA)}")


def test_the_clients_downloader_resumes_a_plain_url(hub):
    url = hub.plain("/net.pth", DATA, redirect=True)
    hub.fail("net.pth", cut=35_000, times=1)
    file = io.BytesIO(DATA[:500])
    file.seek(0, io.SEEK_END)
    http_get(url, file, resume_size=500)
    assert file.getvalue() == DATA
    assert [line.range for line in hub.asked("net.pth") if line.cdn] == ["bytes=500-", "bytes=30500-"]


PROGRAM = """
import sys
from huggingface_hub import hf_hub_download
try:
    print(len(open(hf_hub_download("owner/zoo", "net.safetensors"), "rb").read()))
except Exception as error:
    print(type(error).__name__)
"""


def test_another_process_takes_it_for_the_hub_and_does_without_it_offline(hub, tmp_path):
    hub.put(REPO, "net.safetensors", DATA, lfs=True)

    def run(**more):
        environment = {"PATH": os.environ["PATH"]} | hub.environment(tmp_path) | more
        command = [sys.executable, "-c", PROGRAM]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()

    assert run(HF_HUB_OFFLINE="1") == LocalEntryNotFoundError.__name__
    assert not hub.requests
    assert run() == str(len(DATA))
    assert run(HF_HUB_OFFLINE="1") == str(len(DATA))
    assert [line.method for line in hub.requests] == ["HEAD", "GET"]


def test_closing_leaves_nothing_behind(hub):
    url = hub.plain("/slow.pth", DATA)
    hub.fail("slow", pace=10)
    there = urllib.parse.urlsplit(url)
    with socket.create_connection((there.hostname, there.port)) as idle, httpx2.stream("GET", url):
        hub.close()
        assert idle.recv(1) == b""
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(url)
    assert not [thread for thread in threading.enumerate() if "_request_thread" in thread.name]
