"""Clients that say nothing, too little, or what nobody understands, under real gunicorn."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.support.server import QUICK, Server

LIVE = "/api/v1/health/live"
ACTION = "/api/v1/resilience/circuit-breakers/plex-media-server/action"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all but those who end it."""
    url: dict[str, Any] = {"MEDIANEST_PLEX_URL": "http://127.0.0.1:1"}
    server = Server(tmp_path_factory.mktemp("awkward"), **url, **QUICK)
    yield server.wait_until()
    server.stop()


@pytest.fixture
def connect(shared: Server) -> Iterator[Callable[..., socket.socket]]:
    """`connect(text)` is a connection on which that was sent."""
    with ExitStack() as stack:

        def open_one(text: bytes = b"", server: Server = shared) -> socket.socket:
            made = socket.create_connection(("127.0.0.1", server.port), timeout=10)
            stack.enter_context(made)
            made.sendall(text)
            return made

        yield open_one


def read(connection: socket.socket) -> tuple[str, bytes]:
    head, _, body = b"".join(iter(lambda: connection.recv(65536), b"")).partition(b"\r\n\r\n")
    return head.decode(), body


def test_silent_clients_take_no_thread(
    shared: Server, connect: Callable[..., socket.socket]
) -> None:
    """Keeps out: gunicorn gives each connection a thread that waits for its first byte."""
    for _ in range(64):
        connect()
    assert shared.get(LIVE).took < 0.25


@pytest.mark.slow
def test_clients_that_never_finish_their_request_are_cut_off(
    connect: Callable[..., socket.socket],
) -> None:
    slow = [connect(b"GET / HTTP/1.1\r\nX-Slow: a") for _ in range(40)]
    began = time.monotonic()
    while time.monotonic() - began < 30:
        for connection in slow:
            try:
                connection.sendall(b"a")  # a byte now and then is not a request
            except OSError:
                return
        time.sleep(0.2)
    raise AssertionError("they were never cut off")


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 9000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nExpect: miracles\r\n\r\n", 417),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: miracles\r\n\r\n", 501),
        (b"GET /nowhere HTTP/1.0\r\nHost: localhost\r\nSCRIPT_NAME: /zzz\r\n\r\n", 404),
    ],
)
def test_what_the_server_itself_refuses_is_a_problem_too(
    connect: Callable[..., socket.socket], request_text: bytes, status: int
) -> None:
    head, body = read(connect(request_text))
    assert f" {status} " in head.splitlines()[0]
    assert "application/problem+json" in head
    assert json.loads(body)["status"] == status


@pytest.mark.parametrize(
    ("chunk", "status"),
    [
        (b"ZZ\r\n", 400),
        (b"%x\r\n%s\r\n" % (70_000, b'{"action":"close"}'.ljust(70_000)), 413),
    ],
)
def test_a_body_in_chunks_that_are_none_or_too_many_is_refused(
    connect: Callable[..., socket.socket], chunk: bytes, status: int
) -> None:
    """Keeps out: the first 64 KB of a longer body taken for the whole."""
    head = (
        f"POST {ACTION} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Authorization: Bearer the-operator-token\r\nConnection: close\r\n"
        "Transfer-Encoding: chunked\r\n\r\n"
    )
    answer, body = read(connect(head.encode() + chunk + b"0\r\n\r\n"))
    assert f" {status} " in answer.splitlines()[0]
    assert json.loads(body)["status"] == status


def test_a_worker_that_ends_does_not_wait_for_silent_clients(
    server: Server, connect: Callable[..., socket.socket]
) -> None:
    for _ in range(3):
        connect(server=server)
    server.get(LIVE)
    began = time.monotonic()
    server.stop()
    assert time.monotonic() - began < 5


def test_what_cannot_be_read_is_logged_briefly_and_without_what_it_says(
    shared: Server, connect: Callable[..., socket.socket]
) -> None:
    """Keeps out: request lines logged whole, 11 MB/s of them, and tokens in a header that has no
    colon."""
    time.sleep(0.6)  # others may have been told of in this half second
    before = len(shared.log)
    read(connect(b"GET / HTTP/1.1\r\nTransfer-Encoding: s3cret\r\n\r\n"))
    for _ in range(50):
        read(connect(b"GET / HTTP/1.1\r\nAuthorization Bearer s3cret\r\n\r\n"))
        read(connect(b"GET /" + b"s3cret" * 900 + b" HTTP/1.1\r\n\r\n"))
    told = shared.log[before:]
    assert "a request of 127.0.0.1 cannot be read: InvalidHeader" in told
    assert "s3cret" not in told
    assert len(told.splitlines()) < 20


@pytest.mark.parametrize(("version", "status"), [("1.0", 200), ("1.1", 400)])
def test_a_request_of_http_1_1_names_its_host(
    connect: Callable[..., socket.socket], version: str, status: int
) -> None:
    head, _ = read(connect(f"GET {LIVE} HTTP/{version}\r\nConnection: close\r\n\r\n".encode()))
    assert f" {status} " in head.splitlines()[0]
