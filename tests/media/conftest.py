"""A client of the sandbox Plex, and of one that says what a test wants: real sockets."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from medianest.config import PlexSettings
from medianest.media.http import UpstreamHttp
from medianest.media.plex.client import PlexClient
from medianest.resilience import ManualClock
from medianest.sandbox.process import SandboxProcess
from tests.support.answering import AnsweringServer
from tests.support.keeping import KeepingServer
from tests.support.narrowing import not_none


@pytest.fixture
def settings(plex_sandbox: SandboxProcess) -> PlexSettings:
    return PlexSettings(url=plex_sandbox.url, token=plex_sandbox.token, timeout=0.5)


@pytest.fixture
def client(settings: PlexSettings) -> Iterator[PlexClient]:
    client = PlexClient(not_none(settings.url), settings)
    yield client
    client.close()


@pytest.fixture
def answering() -> Iterator[Callable[[str], PlexClient]]:
    """`answering(container)` is a client of a Plex that always says this."""
    server, clients = AnsweringServer(), []

    def start(text: str) -> PlexClient:
        server.body = text.encode()
        clients.append(PlexClient(server.url, PlexSettings(url=server.url)))
        return clients[-1]

    yield start
    for client in clients:
        client.close()
    server.stop()


CAPTURES = Path(__file__).parents[3] / "shared" / "captures"
collect_ignore = [] if CAPTURES.is_dir() else ["test_captures.py"]


@pytest.fixture
def serving() -> Iterator[Callable[..., KeepingServer]]:
    servers = []

    def start(answer: Callable[..., Any], tls: None = None) -> KeepingServer:
        servers.append(KeepingServer(answer, tls))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def http_of() -> Iterator[Callable[..., UpstreamHttp]]:
    made = []

    def make(
        server: KeepingServer, *, timeout: float = 5.0, clock: ManualClock | None = None
    ) -> UpstreamHttp:
        http = UpstreamHttp(
            "plex", server.url, headers={}, timeout=timeout, max_bytes=1000, clock=clock
        )
        made.append(http)
        return http

    yield make
    for http in made:
        http.close()
