"""A firewall forgets the idle connections to Plex without a word, and lets new ones through."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psutil
import pytest

from medianest.config import PlexSettings
from medianest.media.errors import SlowError, UpstreamError
from medianest.media.http import UpstreamHttp
from medianest.media.plex.client import PlexClient
from medianest.media.plex.models import Library
from medianest.resilience import ResilienceService, State
from medianest.sandbox.process import SandboxProcess
from tests.support.namespace import Namespace
from tests.support.narrowing import not_none

CONNECTIONS = 8
TOKEN = "sandbox-token"
PORT = 32400


@pytest.fixture(scope="module")
def namespace() -> Iterator[Namespace]:
    namespace = Namespace()
    try:
        namespace.open()
        yield namespace
    finally:
        namespace.close()


@pytest.fixture(scope="module")
def plex_process(namespace: Namespace) -> Iterator[SandboxProcess]:
    """A sandbox Plex behind the firewall."""
    command = f"{namespace.inside} {sys.executable} -m medianest.sandbox plex --until-stdin-closes"
    options = f" --host {namespace.address} --port {PORT} --token {TOKEN}"
    with subprocess.Popen(
        (command + options).split(), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert not_none(process.stdout).readline().startswith(b"sandbox ")
        sandbox = SandboxProcess("plex", TOKEN, 10.0)
        sandbox.url = f"http://{namespace.address}:{PORT}"
        yield sandbox
        process.terminate()


@pytest.fixture
def plex(plex_process: SandboxProcess, namespace: Namespace) -> Iterator[SandboxProcess]:
    plex_process.clear_faults()
    plex_process.reset_requests()
    yield plex_process
    plex_process.clear_faults()
    namespace.remember()


@pytest.fixture
def client(plex: SandboxProcess) -> Iterator[PlexClient]:
    settings = PlexSettings(url=plex.url, token=TOKEN)
    client = PlexClient(not_none(settings.url), settings)
    yield client
    client.close()


@pytest.fixture
def service(plex: SandboxProcess) -> ResilienceService:
    service = ResilienceService()
    settings = PlexSettings(url=plex.url)
    service.register_dependency("plex", settings.policy((UpstreamError,), (UpstreamError,)))
    return service


def timed(call: Callable[..., Any]) -> tuple[Any, float]:
    began = time.monotonic()
    result = call()
    return result, time.monotonic() - began


def at_once(call: Callable[[], Any]) -> list[tuple[Any, float]]:
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        return list(pool.map(lambda n: timed(call), range(CONNECTIONS)))


def warm(plex: SandboxProcess, call: Callable[..., Any]) -> float:
    """As many connections as there are places, all at rest; what a call takes on one of them."""
    fault = plex.fault("latency", seconds=0.5)
    at_once(call)
    plex.remove_fault(fault)
    normal = max(took for _, took in at_once(call))
    plex.reset_requests()
    return normal


def ports_to(address: str) -> list[int]:
    return [
        connection.laddr.port
        for connection in psutil.Process().net_connections("tcp")
        if connection.raddr == (address, PORT) and connection.status == "ESTABLISHED"
    ]


def test_every_call_is_answered_within_two_seconds_and_the_breaker_stays_closed(
    plex: SandboxProcess, client: PlexClient, service: ResilienceService, namespace: Namespace
) -> None:
    """Keeps out: each pooled connection hangs for the whole timeout, and the breaker opens while
    new ones work."""

    def call() -> tuple[Library, ...]:
        return service.pipeline("plex").call(client.libraries)

    normal = warm(plex, call)
    ports = ports_to(namespace.address)
    assert len(ports) == CONNECTIONS
    namespace.forget(ports)
    answers = at_once(call)
    assert all(libraries for libraries, _ in answers)
    assert max(took for _, took in answers) < normal + 2.0
    snapshot = service.registry.breaker("plex").snapshot()
    assert (snapshot.state, snapshot.counts.failures) == (State.CLOSED, 0)
    assert plex.requests()["total"] == CONNECTIONS  # no retry beside


def test_one_dead_connection_tells_of_the_others(
    plex: SandboxProcess, client: PlexClient, namespace: Namespace
) -> None:
    """Keeps out: eight calls, one after the other, that each meet one more dead connection."""
    normal = warm(plex, client.libraries)
    namespace.forget(ports_to(namespace.address))
    _, first = timed(client.libraries)
    assert first < normal + 2.0
    assert max(took for _, took in at_once(client.libraries)) < normal + 1.0


def test_what_is_not_safe_to_repeat_meets_no_dead_connection(
    plex: SandboxProcess, namespace: Namespace
) -> None:
    http = UpstreamHttp("plex", plex.url, headers={}, timeout=12.0, max_bytes=1_000_000)
    try:
        normal = warm(plex, lambda: http.get_json("/identity"))
        namespace.forget(ports_to(namespace.address))
        _, took = timed(lambda: http.ask("POST", "/identity", body={}))
    finally:
        http.close()
    assert took < normal + 1.0


def test_a_plex_that_hangs_behind_the_firewall_is_not_asked_twice(
    plex: SandboxProcess, namespace: Namespace
) -> None:
    """Keeps out: a slow server taken for a dead connection."""
    settings = PlexSettings(url=plex.url, token=TOKEN, timeout=3.0)
    client = PlexClient(not_none(settings.url), settings)
    try:
        client.libraries()
        plex.fault("hang")
        plex.reset_requests()
        with pytest.raises(SlowError):
            client.libraries()
    finally:
        client.close()
    assert plex.requests()["total"] == 1
