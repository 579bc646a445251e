"""The page as on a ZeroGPU Space: the real `spaces` package, its API served on 127.0.0.1, no driver.

Stubbed is only what needs a driver: the GPU's initialisation in the forked process, and what torch says of it, so
that networks run on the CPU there.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlparse

SCRIPT = """
import torch

if not torch.version.cuda:  # a build for the CPU: what one for GPUs has
    torch.version.cuda, torch._C._cuda_init, torch.cuda._is_in_bad_fork = "12.8", lambda: None, bool

import spaces.zero.torch as driver

driver.init = lambda uuid: None
driver.move = lambda callback=None: None
torch.cuda.is_available = lambda: False

from app import demo
from inpaint.page import launch

launch(demo)
"""


class Api(ThreadingHTTPServer):
    """What a Space asks: to say that it has a GPU function, for a GPU, and to give it back."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.refuse: dict | None = None  # the answer to whoever has used up the day's time
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def of(self, path: str) -> list[dict[str, str]]:
        """The parameters of each request for a path."""
        return [parameters for asked, parameters in self.asked if asked == path]


class Handler(BaseHTTPRequestHandler):
    server: Api

    def do_POST(self) -> None:
        address = urlparse(self.path)
        self.server.asked.append((address.path, {k: v[0] for k, v in parse_qs(address.query).items()}))
        answer: dict = {}
        status = 200
        if address.path == "/schedule":
            answer = {"idle": True, "nvidiaIndex": 0, "nvidiaUUID": "MIG-0", "allowToken": "token"}
            if self.server.refuse:
                status, answer = 429, self.server.refuse
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def space(folder: Path) -> Iterator[tuple[Api, Path, dict[str, str]]]:
    """The API, the script that serves the page, and the environment it needs."""
    script = folder / "space.py"
    root = str(Path(__file__).parent.parent)
    script.write_text(f"import sys\nsys.path.insert(0, {root!r})\n{SCRIPT}")
    cgroup = folder / "cgroup"
    cgroup.write_text("0::/space\n")
    with Api() as api:
        thread = threading.Thread(target=api.serve_forever, daemon=True)
        thread.start()
        environment = {
            "SPACES_ZERO_GPU": "true",
            "SPACES_ZERO_DEVICE_API_URL": api.url,
            "ZEROGPU_PROC_SELF_CGROUP_PATH": str(cgroup),
            "PYTHONPATH": "",
        }
        try:
            yield api, script, environment
        finally:
            api.shutdown()
            thread.join()
