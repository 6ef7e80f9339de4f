"""One sandbox Plex for all tests of this folder, well again for each; an Overseerr per test."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from medianest.sandbox import SandboxProcess
from medianest.sandbox.overseerr import OverseerrServer
from medianest.sandbox.server import SandboxServer

PATIENCE = 5.0
KEY = "sandbox-token"
CAPTURES = Path(__file__).parents[2].parent / "shared" / "captures"

# The contract tests compare with recorded answers, and there is nothing to compare without them.
collect_ignore_glob = [] if CAPTURES.is_dir() else ["test_*captures.py"]


class Reply(NamedTuple):
    """One whole answer."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def container(self) -> Any:
        return self.json()["MediaContainer"]


@contextmanager
def connected(sandbox: SandboxProcess | SandboxServer) -> Iterator[http.client.HTTPConnection]:
    """A connection that is closed at the end."""
    where = urlsplit(sandbox.url).netloc
    with closing(http.client.HTTPConnection(where, timeout=PATIENCE)) as connection:
        yield connection


def ask(
    connection: http.client.HTTPConnection,
    path: str,
    *,
    method: str = "GET",
    body: Any = None,
    token: str | None = "sandbox-token",
    **headers: str,
) -> Reply:
    """One request; `_` in a header's name stands for `-`."""
    sent = {"X-Plex-Token": token} if token else {}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    text = body if body is None or isinstance(body, bytes) else json.dumps(body)
    connection.request(method, path, text, sent)
    with connection.getresponse() as response:
        return Reply(response.status, response.headers, response.read())


@contextmanager
def raw_connection(sandbox: SandboxProcess | SandboxServer) -> Iterator[socket.socket]:
    """A connection without HTTP."""
    parts = urlsplit(sandbox.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=PATIENCE) as raw:
        yield raw


@contextmanager
def requested(
    sandbox: SandboxProcess | SandboxServer, path: str = "/identity"
) -> Iterator[socket.socket]:
    """A raw connection on which a request was sent and nothing was read."""
    with raw_connection(sandbox) as raw:
        raw.sendall(f"GET {path} HTTP/1.1\r\nHost: sandbox\r\n\r\n".encode())
        yield raw


@pytest.fixture
def sandbox(plex_sandbox: SandboxProcess) -> SandboxProcess:
    """What these tests are about: a Plex, where a module says nothing else."""
    return plex_sandbox


@pytest.fixture
def get(sandbox: SandboxProcess) -> Callable[..., Reply]:
    """`get(path, ...)` on a connection of its own."""

    def get_it(path: str, **options: Any) -> Reply:
        with connected(sandbox) as connection:
            return ask(connection, path, **options)

    return get_it


@contextmanager
def serving(server: SandboxServer) -> Iterator[SandboxServer]:
    """The server in a thread of this process, without the time that a process takes to start."""
    with server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(PATIENCE)


class Overseerr:
    """An Overseerr without requests, and a client of it with the right key."""

    def __init__(self, server: SandboxServer) -> None:
        self.server = server

    def call(
        self, method: str, path: str, body: Any = None, key: str | None = KEY, **headers: str
    ) -> Reply:
        """One answer; the path is below the API's, unless it is the sandbox's own."""
        full = path if path.startswith("/sandbox") else f"/api/v1{path}"
        sent = headers | ({"X_Api_Key": key} if key else {})
        if body is not None:
            sent = {"Content_Type": "application/json", **sent}
        with connected(self.server) as connection:
            return ask(connection, full, method=method, body=body, token=None, **sent)

    def get(self, path: str, **options: Any) -> Reply:
        """The answer to a GET."""
        return self.call("GET", path, **options)

    def want(self, kind: str, number: int, **wish: Any) -> Reply:
        """The answer to a new request for a title."""
        return self.call("POST", "/request", {"mediaType": kind, "mediaId": number, **wish})

    def fault(self, kind: str, **options: Any) -> None:
        """Switch a fault on."""
        self.server.faults.add({"kind": kind, **options})

    def state(self) -> Any:
        """The requests that there are, in short."""
        return self.get("/sandbox/state").json()


@pytest.fixture
def overseerr() -> Iterator[Overseerr]:
    with serving(SandboxServer(OverseerrServer(KEY))) as server:
        yield Overseerr(server)


@pytest.fixture
def want(overseerr: Overseerr) -> Callable[..., Reply]:
    return overseerr.want
