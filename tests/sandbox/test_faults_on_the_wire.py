"""What each kind of fault does to a real connection."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from medianest.sandbox import SandboxProcess
from medianest.sandbox.kinds import KINDS
from medianest.sandbox.plex import PlexServer
from medianest.sandbox.server import SandboxServer
from tests.sandbox.conftest import Reply
from tests.support.leftovers import Leftovers
from tests.support.narrowing import not_none
from tests.support.waiting import wait_until

from .conftest import ask, connected, requested

SHORT = 0.15


def silent_for(raw: socket.socket, seconds: float) -> bool:
    """Whether the server sends nothing for so long, and does not close."""
    raw.settimeout(seconds)
    try:
        raw.recv(1)
    except TimeoutError:
        return True
    finally:
        raw.settimeout(5.0)
    return False


def test_status_answers_that_status_in_the_words_of_plex(
    sandbox: SandboxProcess, get: Callable[..., Reply]
) -> None:
    sandbox.fault("status", status=500)
    reply = get("/library/sections")
    assert reply.status == 500
    assert b"<h1>500 Internal Server Error</h1>" in reply.body


def test_status_takes_a_body_and_a_retry_after(
    sandbox: SandboxProcess, get: Callable[..., Reply]
) -> None:
    sandbox.fault("status", status=429, retry_after=7, body='{"slow": "down"}')
    reply = get("/library/sections")
    assert (reply.status, reply.headers["Retry-After"]) == (429, "7")
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.json() == {"slow": "down"}


def test_status_204_has_no_body_and_the_connection_goes_on(sandbox: SandboxProcess) -> None:
    sandbox.fault("status", status=204, times=1)
    with connected(sandbox) as connection:
        assert ask(connection, "/identity").status == 204
        assert ask(connection, "/identity").status == 200


def test_latency_answers_normally_but_late(
    sandbox: SandboxProcess, get: Callable[..., Reply]
) -> None:
    sandbox.fault("latency", seconds=SHORT)
    before = time.monotonic()
    assert get("/library/sections").container()["size"] == 4
    assert SHORT <= time.monotonic() - before < SHORT + 2


def test_latency_goes_on_to_the_next_fault(
    sandbox: SandboxProcess, get: Callable[..., Reply]
) -> None:
    sandbox.fault("latency", seconds=SHORT)
    sandbox.fault("status", status=502)
    before = time.monotonic()
    assert get("/library/sections").status == 502
    assert time.monotonic() - before >= SHORT


def test_hang_sends_nothing_until_the_fault_is_removed(sandbox: SandboxProcess) -> None:
    fault = sandbox.fault("hang")
    with requested(sandbox) as raw:
        assert silent_for(raw, SHORT)
        sandbox.remove_fault(fault)
        assert raw.recv(15) == b"HTTP/1.1 200 OK"


def test_a_spent_hang_still_holds_its_request_until_all_faults_are_cleared(
    sandbox: SandboxProcess, get: Callable[..., Reply]
) -> None:
    sandbox.fault("hang", times=1)
    with requested(sandbox) as raw:
        assert silent_for(raw, SHORT)
        assert get("/identity").status == 200
        assert silent_for(raw, SHORT)
        sandbox.clear_faults()
        assert raw.recv(15) == b"HTTP/1.1 200 OK"


def test_hang_ends_when_its_time_is_over(sandbox: SandboxProcess) -> None:
    sandbox.fault("hang", for_seconds=2 * SHORT)
    with requested(sandbox) as raw:
        assert silent_for(raw, SHORT / 2)
        assert raw.recv(15) == b"HTTP/1.1 200 OK"


def test_reset_breaks_the_connection_with_rst(sandbox: SandboxProcess) -> None:
    sandbox.fault("reset")
    with requested(sandbox) as raw, pytest.raises(ConnectionResetError):
        raw.recv(1)


def test_lose_breaks_the_connection_with_rst_and_sends_nothing(sandbox: SandboxProcess) -> None:
    sandbox.fault("lose")
    with requested(sandbox) as raw, pytest.raises(ConnectionResetError):
        raw.recv(1)


def test_truncate_promises_the_whole_body_and_sends_half(sandbox: SandboxProcess) -> None:
    with connected(sandbox) as connection:
        whole = ask(connection, "/library/sections").body
    sandbox.fault("truncate")
    with connected(sandbox) as connection, pytest.raises(http.client.IncompleteRead) as caught:
        ask(connection, "/library/sections")
    assert caught.value.partial == whole[: len(whole) // 2]
    assert len(caught.value.partial) + not_none(caught.value.expected) == len(whole)


def test_drip_sends_the_head_and_then_a_byte_now_and_then(sandbox: SandboxProcess) -> None:
    fault = sandbox.fault("drip", interval=0.01)
    with requested(sandbox) as raw, closing(http.client.HTTPResponse(raw)) as response:
        response.begin()
        assert response.status == 200
        assert response.read(5) == b" " * 5
        sandbox.remove_fault(fault)
        assert response.read().strip() == b""


def test_drip_of_headers_never_ends_the_head(sandbox: SandboxProcess) -> None:
    fault = sandbox.fault("drip", interval=0.01, where="headers")
    with requested(sandbox) as raw, raw.makefile("rb") as stream:
        assert stream.readline() == b"HTTP/1.1 200 OK\r\n"
        assert stream.read(13) == b"X-Drip: aaaaa"
        sandbox.remove_fault(fault)
        assert set(stream.read()) <= {ord("a")}


def test_garbage_is_said_to_be_json(sandbox: SandboxProcess, get: Callable[..., Reply]) -> None:
    sandbox.fault("garbage")
    reply = get("/library/sections")
    assert (reply.status, reply.headers["Content-Type"]) == (200, "application/json")
    with pytest.raises((json.JSONDecodeError, UnicodeDecodeError)):
        json.loads(reply.body)


def test_unauthorized_refuses_the_right_token(
    sandbox: SandboxProcess, get: Callable[..., Reply]
) -> None:
    sandbox.fault("unauthorized")
    reply = get("/library/sections")
    assert (reply.status, reply.headers["Content-Type"]) == (401, "text/html")


def test_maintenance_is_503_in_xml(sandbox: SandboxProcess, get: Callable[..., Reply]) -> None:
    sandbox.fault("maintenance")
    reply = get("/identity")
    assert reply.status == 503
    assert reply.headers["Content-Type"].startswith("text/xml")
    assert b'title="Maintenance"' in reply.body


def test_empty_is_a_success_with_nothing_in_it(
    sandbox: SandboxProcess, get: Callable[..., Reply]
) -> None:
    sandbox.fault("empty")
    assert get("/library/sections/1/all").json() == {"MediaContainer": {"size": 0}}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_after_any_fault_the_server_answers_as_before(
    sandbox: SandboxProcess, get: Callable[..., Reply], kind: str
) -> None:
    own: dict[str, dict[str, Any]] = {
        "status": {"status": 500},
        "latency": {"seconds": 60},
        "drip": {"interval": 0.01},
        "proxy": {"status": 502},
    }
    fault = sandbox.fault(kind, **own.get(kind, {}))
    with requested(sandbox) as raw:
        silent_for(raw, 0.05) if kind not in ("reset", "lose") else None
        sandbox.remove_fault(fault)
    assert get("/library/sections").container()["size"] == 4


@pytest.mark.parametrize(
    "wish",
    [
        {"kind": "hang"},
        {"kind": "latency", "seconds": 600},
        {"kind": "drip", "interval": 600},
        {"kind": "drip", "interval": 0.01, "where": "headers"},
    ],
)
def test_a_held_request_gives_its_thread_back_when_the_client_leaves(wish: dict[str, Any]) -> None:
    with SandboxServer(PlexServer("token")) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        serving.start()
        left = Leftovers()
        server.faults.add(wish)
        with requested(server):
            wait_until(lambda: left.threads == 1)
        try:
            wait_until(lambda: left.threads == 0)
        finally:
            server.shutdown()
            serving.join(5)
