"""The app as it runs: real gunicorn, real sockets, a sandbox Plex."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from medianest.sandbox.process import SandboxProcess
from tests.cache.conftest import open_redis
from tests.storage.conftest import connect
from tests.support.server import QUICK, Server

__all__ = ["connect", "open_redis"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All that is here is `integration`. Modules with slow tests go first, so that no worker is
    left with one of them when the others have ended."""
    here = Path(__file__).parent
    mine = [item for item in items if item.path.is_relative_to(here)]
    others = [item for item in items if not item.path.is_relative_to(here)]
    for item in mine:
        item.add_marker("integration")
    slow = {item.path for item in mine if item.get_closest_marker("slow")}
    items[:] = others + sorted(mine, key=lambda item: item.path not in slow)


@pytest.fixture
def only_crowd() -> Iterator[None]:
    """While a test has a crowd of clients, no other worker has one, as two would wait for each
    other."""
    with Path(__file__).open() as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        yield


@pytest.fixture
def plex() -> Iterator[SandboxProcess]:
    with SandboxProcess.start(kind="plex", port=0) as process:
        yield process


@pytest.fixture
def overseerr(tmp_path: Path) -> Iterator[SandboxProcess]:
    state = tmp_path / "overseerr.jsonl"
    with SandboxProcess.start(kind="overseerr", port=0, state=state) as process:
        yield process


@pytest.fixture(scope="session")
def leaving() -> Iterator[list[Server]]:
    """Servers that have been told to end, while other tests go on."""
    servers: list[Server] = []
    yield servers
    for server in servers:
        server.ended()


@pytest.fixture
def serve(
    tmp_path: Path, request: pytest.FixtureRequest, leaving: list[Server]
) -> Iterator[Callable[..., Server]]:
    """`serve(**variables)` is a running server that is ready, or, without `ready`, alive."""
    servers: list[Server] = []

    def start(ready: bool = True, **variables: Any) -> Server:
        directory = tmp_path / str(len(servers))
        directory.mkdir(0o700, exist_ok=True)
        servers.append(Server(directory, **variables))
        return servers[-1].wait_until("ready" if ready else "live")

    yield start
    for server in servers:
        server.leave()
    alone = request.node.get_closest_marker("alone") is not None
    due, leaving[:] = (leaving + servers, []) if alone else (leaving[:], servers)
    for server in due:
        server.ended()


@pytest.fixture
def server(serve: Callable[..., Server], plex: SandboxProcess) -> Server:
    """The app in front of the sandbox, quick to time out and to recover."""
    return serve(MEDIANEST_PLEX_URL=plex.url, MEDIANEST_PLEX_TOKEN=plex.token, **QUICK)
