"""A Hugging Face Hub on 127.0.0.1, and a plain web host beside it, both with faults to order.

It speaks the Hub's HTTP protocol as far as `huggingface_hub` needs it to download, look up and publish files of
models and spaces. Large files travel by git-lfs: the hub answers 302 to a second server (the CDN: another port, so
another origin) that must not be shown the token. Nothing is stored with Xet: set HF_HUB_DISABLE_XET=1 to upload.

    with HubServer() as hub:
        hub.put("owner/name", "net.safetensors", data, lfs=True)
        hub.fail("net.safetensors", cut=1000, times=1)
        hf_hub_download("owner/name", "net.safetensors", endpoint=hub.endpoint, cache_dir=folder)
        assert len(hub.asked("net.safetensors", "GET")) == 2
"""

import base64
import contextlib
import hashlib
import json
import re
import socket
import struct
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote, unquote, urlsplit

INVERTED = bytes(range(255, -1, -1))  # translates each byte b to 255 - b
LARGE = re.compile(r"\.(safetensors|bin|pth?|ckpt|onnx|npz|zip|tar|jpe?g|png)$")  # git-lfs whatever their size
ROUTES: list[tuple[str, re.Pattern[str], str, Callable]] = []  # method, path, access, method of HubServer


@dataclass
class Request:
    """One line of the log. `path` is unquoted and without its query, `sent` counts the bytes of the body sent."""

    method: str
    path: str
    range: str | None
    token: str | None = field(repr=False)  # the bearer's, right or wrong
    body: bytes = field(repr=False)
    cdn: bool  # came to the second server
    status: int = 0
    sent: int = 0

    @property
    def authorized(self) -> bool:
        return self.token is not None


@dataclass
class Fault:
    """What goes wrong with the requests whose path contains `path`, `times` times (None: always).

    `status` and `delay` befall every request, the rest only a GET that is answered with a file's bytes.
    """

    path: str
    method: str = ""  # "": any
    times: int | None = None
    status: int | None = None  # answer this status instead
    cut: int | None = None  # close the connection after so many bytes of the body
    reset: bool = False  # cut with a TCP reset rather than politely
    pace: float | None = None  # bytes per second
    delay: float = 0  # seconds before the answer
    wrong: bool = False  # every byte inverted
    ranges: bool = True  # False: the Range header is ignored
    length: int | None = None  # announce this Content-Length


@dataclass
class Reply:
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    ranges: bool = False  # the body may be asked for in parts


@dataclass
class File:
    data: bytes
    lfs: bool

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @property
    def pointer(self) -> bytes:
        """What git itself stores: the file, or for git-lfs the note where to find it."""
        note = f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256}\nsize {len(self.data)}\n"
        return note.encode() if self.lfs else self.data

    @property
    def blob(self) -> str:
        return hashlib.sha1(b"blob %d\0" % len(self.pointer) + self.pointer).hexdigest()

    @property
    def etag(self) -> str:
        return self.sha256 if self.lfs else self.blob

    def entry(self, path: str) -> dict:
        """As it stands in listings of every kind."""
        size = {"size": len(self.data)}
        lfs = {"lfs": size | {"oid": self.sha256, "sha256": self.sha256, "pointerSize": len(self.pointer)}}
        names = {"type": "file", "path": path, "rfilename": path, "oid": self.blob, "blobId": self.blob}
        return names | size | (lfs if self.lfs else {})


class Refused(Exception):
    """Raised with the Reply that says no."""


@dataclass
class Repo:
    name: str
    kind: str  # model or space
    private: bool = False
    gated: bool = False
    branches: dict[str, str] = field(default_factory=dict)  # branch -> commit
    commits: dict[str, dict[str, File]] = field(default_factory=dict)  # commit -> path -> file

    def commit(self, branch: str, files: dict[str, File]) -> str:
        name = hashlib.sha1(f"{self.kind} {self.name} {branch} {len(self.commits)}".encode()).hexdigest()
        self.commits[name] = files
        self.branches[branch] = name
        return name

    def resolve(self, revision: str) -> str:
        """The commit that a branch, or a commit's own name, stands for."""
        commit = self.branches.get(revision, revision)
        if commit not in self.commits:
            raise Refused(refusal(404, f"Invalid rev id: {revision}", "RevisionNotFound"))
        return commit


def refusal(status: int, message: str, code: str = "", headers: dict[str, str] | None = None) -> Reply:
    named = {"X-Error-Message": message} | ({"X-Error-Code": code} if code else {})
    return Reply(status, json.dumps({"error": message}).encode(), named | (headers or {}))


def as_json(value: object, status: int = 200) -> Reply:
    return Reply(status, json.dumps(value).encode(), {"Content-Type": "application/json"})


def route(method: str, path: str, access: str = "") -> Callable:
    """Calls the method with the request, the repository where `access` (look, read, write) is said, {rev}, {file}.

    {kind} is models or spaces, {space} "spaces/" or nothing, {repo} owner/name, {rev} one quoted segment.
    """
    path = path.replace("{kind}", "(?P<kind>models|spaces)").replace("{space}", "(?P<kind>(?:spaces/)?)")
    for name, shape in {"repo": "[^/]+/[^/]+", "rev": "[^/]+", "file": ".+"}.items():
        path = path.replace("{" + name + "}", f"(?P<{name}>{shape})")

    def register(function: Callable) -> Callable:
        ROUTES.append((method, re.compile(path), access, function))
        return function

    return register


class _Server(ThreadingHTTPServer):
    """Keeps its open connections, so that closing need not wait for slow ones."""

    daemon_threads = False  # server_close joins them
    request_queue_size = 64

    def __init__(self, hub: "HubServer", cdn: bool):
        self.hub, self.cdn, self.open = hub, cdn, set()
        super().__init__(("127.0.0.1", 0), _Handler)
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def process_request(self, request, client_address) -> None:
        self.open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request) -> None:
        super().shutdown_request(request)
        self.open.discard(request)

    def handle_error(self, request, client_address) -> None:
        """A client that went away is no error; anything else is raised when the hub closes."""
        error = sys.exc_info()[1]
        if not isinstance(error, ConnectionError):
            self.hub.errors.append(error)

    def close(self) -> None:
        self.shutdown()
        self.thread.join()
        for connection in list(self.open):
            with contextlib.suppress(OSError):  # closed meanwhile
                connection.shutdown(socket.SHUT_RDWR)
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _do(self) -> None:
        hub = self.server.hub
        raw = urlsplit(self.path).path
        token = (self.headers["Authorization"] or "").removeprefix("Bearer ") or None
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        request = Request(self.command, unquote(raw), self.headers["Range"], token, body, self.server.cdn)
        hub.requests.append(request)
        reply = hub.answer(request, raw) if self.command in ("GET", "HEAD") else None
        fault = hub.take(request, has_file=self.command == "GET" and reply.ranges)
        hub.closing.wait(fault.delay)
        if fault.status:
            reply = refusal(fault.status, "ordered by the test")
        self._send(reply or hub.answer(request, raw), request, fault)

    do_GET = do_HEAD = do_POST = do_PUT = _do

    def _send(self, reply: Reply, request: Request, fault: Fault) -> None:
        body = reply.body.translate(INVERTED) if fault.wrong else reply.body
        status, body, headers = self._part(reply, body, fault)
        request.status = status
        length = len(body) if fault.length is None else fault.length
        self.send_response(status)
        headers |= {"Content-Length": str(length), "Connection": "close"}
        for name, value in (reply.headers | headers).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self._pour(body if fault.cut is None else body[: fault.cut], request, fault)
        if fault.reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.rfile.close()
            self.connection.close()

    def _part(self, reply: Reply, body: bytes, fault: Fault) -> tuple[int, bytes, dict[str, str]]:
        """Status, body and headers for the range asked for, if any."""
        if not (reply.ranges and fault.ranges):
            return reply.status, body, {}
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers["Range"] or "")
        changed = self.headers["If-Range"] not in (None, reply.headers.get("ETag"))
        if not wanted or changed or self.command == "HEAD":
            return reply.status, body, {"Accept-Ranges": "bytes"}
        start, stop = int(wanted[1]), min(int(wanted[2] or len(body)) + 1, len(body))
        if start >= stop:
            return 416, b"", {"Content-Range": f"bytes */{len(body)}"}
        return 206, body[start:stop], {"Content-Range": f"bytes {start}-{stop - 1}/{len(body)}"}

    def _pour(self, body: bytes, request: Request, fault: Fault) -> None:
        step = max(1, int(fault.pace / 20)) if fault.pace else 1 << 16
        for at in range(0, len(body), step):
            piece = body[at : at + step]
            request.sent += len(piece)
            self.wfile.write(piece)
            if fault.pace and self.server.hub.closing.wait(len(piece) / fault.pace):
                return


class HubServer:
    """The hub and its CDN, serving from construction until `close` (or the end of the `with` block).

    `token` owns every repository, `stranger` is a valid token that owns none; any other token is refused.
    With `redirect=False` the hub serves large files itself.
    """

    token = "hf_owner"
    stranger = "hf_stranger"

    def __init__(self, redirect: bool = True):
        self.redirect = redirect
        self.requests: list[Request] = []
        self.errors: list[BaseException | None] = []
        self.repos: dict[tuple[str, str], Repo] = {}
        self.blobs: dict[str, bytes] = {}  # sha256 -> bytes, what the CDN holds
        self.pages: dict[str, Reply] = {}  # plain paths
        self.faults: list[Fault] = []
        self.closing = threading.Event()
        self._lock = threading.RLock()
        self._servers = [_Server(self, cdn) for cdn in (False, True)]
        self.endpoint, self.cdn = (f"http://127.0.0.1:{server.server_port}" for server in self._servers)

    def __enter__(self) -> "HubServer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        if self.errors:
            raise RuntimeError("the hub itself failed") from self.errors[0]

    def close(self) -> None:
        """From here on connections are refused. Slow answers are cut short."""
        self.closing.set()
        while self._servers:
            self._servers.pop().close()

    def repo(self, name: str, space: bool = False, **marks: bool) -> Repo:
        """The repository of that name, made if need be; marks: private, gated."""
        kind = "space" if space else "model"
        with self._lock:
            repo = self.repos.setdefault((kind, name), Repo(name, kind))
            if not repo.commits:
                repo.commit("main", {})
            for mark, value in marks.items():
                setattr(repo, mark, value)
            return repo

    def put(
        self, repo: str, path: str, data: bytes, *, lfs: bool = False, revision: str = "main", space: bool = False
    ) -> str:
        """Commit one file to a branch; returns the commit."""
        home = self.repo(repo, space)
        with self._lock:
            self.blobs[hashlib.sha256(data).hexdigest()] = data
            files = home.commits.get(home.branches.get(revision, ""), {})
            return home.commit(revision, files | {path: File(data, lfs)})

    def plain(self, path: str, data: bytes, *, redirect: bool = False, etag: bool = True) -> str:
        """Serve `data` at a plain path, or from the CDN by way of a 302 as releases are; returns the URL."""
        digest = hashlib.sha256(data).hexdigest()
        with self._lock:
            self.blobs[digest] = data
        headers = {"ETag": f'"{digest[:32]}"'} if etag else {}
        there = {"Location": f"{self.cdn}/{digest}{quote(path)}"}
        self.pages[path] = Reply(302, b"", there) if redirect else Reply(200, data, headers, ranges=True)
        return self.url(path)

    def url(self, path: str) -> str:
        return self.endpoint + quote(path)

    def fail(self, path: str, **what: object) -> Fault:
        """From now on, do `what` (see Fault) to requests whose path contains `path`. The latest counts first."""
        fault = Fault(path, **what)
        with self._lock:
            self.faults.insert(0, fault)
        return fault

    def mend(self) -> None:
        """No more faults."""
        with self._lock:
            self.faults.clear()

    def asked(self, path: str = "", method: str = "") -> list[Request]:
        """The log's lines whose path contains `path`."""
        return [line for line in list(self.requests) if path in line.path and method in ("", line.method)]

    def environment(self, home: object) -> dict[str, str]:
        """Variables with which another process takes this for the Hub and keeps its files under `home`."""
        quiet = {"HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
        return {"HF_ENDPOINT": self.endpoint, "HF_HOME": str(home)} | quiet

    def take(self, request: Request, has_file: bool) -> Fault:
        """The fault that is due, counted."""
        with self._lock:
            for fault in self.faults:
                due = fault.path in request.path and fault.method in ("", request.method) and fault.times != 0
                if due and (has_file or fault.status or fault.delay):
                    fault.times = fault.times and fault.times - 1
                    return fault
        return Fault("")

    def answer(self, request: Request, raw: str) -> Reply:
        """`raw` is the path as it came: a quoted revision is one segment."""
        method = "GET" if request.method == "HEAD" else request.method
        with self._lock:
            try:
                if request.cdn:
                    return self._upload(request) if method == "PUT" else self._stored(request, raw.split("/")[1])
                for wanted, pattern, access, call in ROUTES:
                    if (found := pattern.fullmatch(raw)) and wanted == method:
                        return self._call(call, request, access, found.groupdict(""))
                return self.pages.get(request.path) or refusal(404, "Not found")
            except Refused as no:
                return no.args[0]

    def _call(self, call: Callable, request: Request, access: str, groups: dict[str, str]) -> Reply:
        kind = "space" if groups.pop("kind", "").startswith("spaces") else "model"
        home = [self._enter(request, kind, groups.pop("repo"), access)] if access else []
        return call(self, request, *home, **{key: unquote(value) for key, value in groups.items() if value})

    def _enter(self, request: Request, kind: str, name: str, access: str) -> Repo:
        """The repository if this token has access, or else the Hub's own way of saying no."""
        if request.token not in (None, self.token, self.stranger):
            raise Refused(refusal(401, "Invalid credentials in Authorization header"))
        repo, no = self.repos.get((kind, name)), 403 if request.token else 401
        if repo and request.token == self.token:
            return repo
        if repo is None or repo.private:
            raise Refused(refusal(404 if request.token else 401, "Repository not found", "RepoNotFound"))
        if access == "write":
            raise Refused(refusal(no, "You have no write access"))
        if access == "read" and repo.gated:
            raise Refused(refusal(no, "Access to this repository is restricted", "GatedRepo"))
        return repo

    def _stored(self, request: Request, digest: str) -> Reply:
        """A signed URL on other people's storage, which refuses to be signed twice."""
        if request.authorized:
            return refusal(400, "Only one auth mechanism allowed")
        if digest not in self.blobs:
            return refusal(404, "NoSuchKey")
        return Reply(200, self.blobs[digest], {"ETag": f'"{digest[:32]}"'}, ranges=True)

    def _upload(self, request: Request) -> Reply:
        self.blobs[hashlib.sha256(request.body).hexdigest()] = request.body
        return Reply()

    @route("GET", "/{space}{repo}/resolve/{rev}/{file}", "read")
    def _resolve(self, request: Request, home: Repo, rev: str, file: str) -> Reply:
        commit = home.resolve(rev)
        headers = {"X-Repo-Commit": commit}
        if not (found := home.commits[commit].get(file)):
            return refusal(404, "Entry not found", "EntryNotFound", headers)
        headers |= {"ETag": f'"{found.etag}"'}
        if found.lfs:
            headers |= {"X-Linked-Etag": f'"{found.etag}"', "X-Linked-Size": str(len(found.data))}
        if found.lfs and self.redirect:
            return Reply(302, b"", headers | {"Location": f"{self.cdn}/{found.sha256}/{home.name}/{quote(file)}"})
        return Reply(200, found.data, headers, ranges=True)

    @route("GET", "/api/{kind}/{repo}(?:/revision/{rev})?", "look")
    def _info(self, request: Request, home: Repo, rev: str = "main") -> Reply:
        commit = home.resolve(rev)
        siblings = [file.entry(path) for path, file in home.commits[commit].items()]
        marks = {"private": home.private, "gated": "manual" if home.gated else False, "tags": []}
        return as_json({"id": home.name, "sha": commit, "siblings": siblings} | marks)

    @route("GET", "/api/{kind}/{repo}/tree/{rev}(?:/{file})?", "read")
    def _tree(self, request: Request, home: Repo, rev: str, file: str = "") -> Reply:
        """Every file below the folder `file`, however deep."""
        files, below = home.commits[home.resolve(rev)], f"{file}/" if file else ""
        return as_json([found.entry(path) for path, found in files.items() if path.startswith(below)])

    @route("GET", "/api/whoami-v2")
    def _whoami(self, request: Request) -> Reply:
        if request.token not in (self.token, self.stranger):
            return refusal(401, "Invalid username or password.")
        return as_json({"type": "user", "name": request.token.removeprefix("hf_"), "orgs": []})

    @route("POST", "/api/repos/create")
    def _create(self, request: Request) -> Reply:
        if request.token != self.token:
            return refusal(403 if request.token else 401, "You may not create a repository here")
        wish = json.loads(request.body)
        name, space = f"{wish.get('organization') or 'owner'}/{wish['name']}", wish.get("type") == "space"
        answer = {"url": f"{self.endpoint}/{'spaces/' if space else ''}{name}"}
        if ("space" if space else "model", name) in self.repos:
            return as_json(answer | {"error": "You already created it"}, 409)
        self.repo(name, space, private=wish.get("visibility") == "private")
        return as_json(answer)

    @route("POST", "/api/validate-yaml")
    def _validate(self, request: Request) -> Reply:
        return as_json({"errors": [], "warnings": []})

    @route("POST", "/api/{kind}/{repo}/preupload/{rev}", "write")
    def _preupload(self, request: Request, home: Repo, rev: str) -> Reply:
        there, answer = home.commits[home.resolve(rev)], []
        for wish in json.loads(request.body)["files"]:
            path = wish["path"]
            large = LARGE.search(path) or wish["size"] > 10 << 20 or b"\0" in base64.b64decode(wish["sample"])
            known = {"oid": there[path].etag if path in there else None, "shouldIgnore": False}
            answer.append(known | {"path": path, "uploadMode": "lfs" if large else "regular"})
        return as_json({"files": answer})

    @route("POST", r"/{space}{repo}\.git/info/lfs/objects/batch", "write")
    def _batch(self, request: Request, home: Repo) -> Reply:
        """Where to upload what is not yet there."""
        verify, answer = {"href": self.url(request.path.replace("/batch", "/verify"))}, []
        for wish in json.loads(request.body)["objects"]:
            actions = {"actions": {"upload": {"href": f"{self.cdn}/upload/{wish['oid']}"}, "verify": verify}}
            answer.append(wish if wish["oid"] in self.blobs else wish | actions)
        return as_json({"transfer": "basic", "objects": answer})

    @route("POST", r"/{space}{repo}\.git/info/lfs/objects/verify", "write")
    def _verify(self, request: Request, home: Repo) -> Reply:
        wish = json.loads(request.body)
        whole = len(self.blobs.get(wish["oid"], b"")) == wish["size"]
        return as_json({}) if whole else refusal(400, "The file did not arrive whole")

    @route("POST", "/api/{kind}/{repo}/commit/{rev}", "write")
    def _commit(self, request: Request, home: Repo, rev: str) -> Reply:
        files = dict(home.commits[home.resolve(rev)])
        for line in request.body.splitlines():
            self._apply(files, **json.loads(line))
        commit = home.commit(rev, files)
        url = f"{self.endpoint}/{'spaces/' if home.kind == 'space' else ''}{home.name}/commit/{commit}"
        return as_json({"success": True, "commitOid": commit, "commitUrl": url})

    def _apply(self, files: dict[str, File], key: str, value: dict) -> None:
        """One line of a commit."""
        path = value.get("path", "")
        if key == "file":
            files[path] = File(base64.b64decode(value["content"]), lfs=False)
        elif key == "lfsFile":
            if value["oid"] not in self.blobs:
                raise Refused(refusal(400, f"{path} points to a file that was not uploaded"))
            files[path] = File(self.blobs[value["oid"]], lfs=True)
        elif key in ("deletedFile", "deletedFolder"):
            for name in [name for name in files if f"{name}/".startswith(path.rstrip("/") + "/")]:
                del files[name]
