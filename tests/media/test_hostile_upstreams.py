"""Upstreams that answer what no server should, over a raw socket."""

import socket
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from medianest.config import UpstreamTls
from medianest.media.errors import InvalidAnswerError, RefusedError, SlowError, UpstreamError
from medianest.media.http import UpstreamHttp
from medianest.net import connect as sockets


@pytest.fixture
def answering() -> Iterator[Callable[[Callable[..., Any]], str]]:
    """`answering(send)` is the URL of a server that does `send(connection)` for each request."""
    listeners = []

    def start(send: Callable[..., Any]) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    try:
                        send(connection)
                    except OSError:
                        pass  # the client had enough

        threading.Thread(target=serve, daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for listener in listeners:
        listener.close()


def ask(url: str, *, timeout: float = 2.0) -> dict[Any, Any]:
    http = UpstreamHttp("plex", url, headers={}, timeout=timeout, max_bytes=1_000_000)
    try:
        return http.get_json("/x")
    finally:
        http.close()


def test_the_body_of_a_redirect_is_not_read(answering: Callable[[Callable[..., Any]], str]) -> None:
    """Keeps out: requests reads such a body whole, whatever its size, to reuse the connection."""

    def send(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://x/\r\n")
        connection.sendall(b"Content-Length: 50000000\r\n\r\n")
        for _ in range(500):
            connection.sendall(b"x" * 100_000)

    tracemalloc.start()
    with pytest.raises(InvalidAnswerError, match="302"):
        ask(answering(send))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10_000_000


@pytest.mark.parametrize("location", [b"http://x/\xff", b"http://[", b""])
def test_a_senseless_location_is_an_invalid_answer(
    answering: Callable[[Callable[..., Any]], str], location: bytes
) -> None:
    def send(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: " + location + b"\r\n\r\n")

    with pytest.raises(InvalidAnswerError):
        ask(answering(send))


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
        b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n[1, NaN",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\xff\xfe",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n{}",
    ],
)
def test_nonsense_becomes_an_error_of_ours(
    answering: Callable[[Callable[..., Any]], str], answer: bytes
) -> None:
    with pytest.raises(UpstreamError):
        ask(answering(lambda connection: connection.sendall(answer)))


def test_a_tls_handshake_that_never_comes_is_bounded(
    answering: Callable[[Callable[..., Any]], str],
) -> None:
    url = answering(lambda connection: connection.recv(1)).replace("http://", "https://")
    with pytest.raises(SlowError):
        ask(url, timeout=0.5)


@pytest.mark.parametrize("status", [400, 409, 418, 422])
def test_a_request_that_is_refused_is_not_the_servers_failure(
    answering: Callable[[Callable[..., Any]], str], status: int
) -> None:
    """Keeps out: one client's odd question opens the breaker for everybody."""
    head = f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode()
    with pytest.raises(RefusedError) as caught:
        ask(answering(lambda connection: connection.sendall(head)))
    assert caught.value.status == status
    assert not isinstance(caught.value, UpstreamError)


def test_an_address_that_never_answers_leaves_time_for_the_next(
    answering: Callable[[Callable[..., Any]], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keeps out: a home whose IPv6 leads nowhere, and where every call times out."""
    url = answering(
        lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
    )
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = []
        for _ in range(3):  # its backlog is full then, and it accepts nobody
            waiting.append(socket.socket())
            waiting[-1].setblocking(False)
            waiting[-1].connect_ex(full.getsockname())
        port = int(url.rpartition(":")[2])
        both = [(socket.AF_INET, a) for a in (full.getsockname(), ("127.0.0.1", port))]
        monkeypatch.setattr(sockets, "resolve", lambda host, port: both)
        assert ask(f"http://two-addresses:{port}", timeout=1.0) == {}
        for client in waiting:
            client.close()


def head(status: int, *lines: bytes, body: bytes = b"") -> bytes:
    """An answer with that head."""
    return b"\r\n".join([f"HTTP/1.1 {status} X".encode(), *lines, b"", body])


def ask_behind(url: str, prefix: str = "MEDIANEST_PLEX") -> Any:
    tls = UpstreamTls(prefix)
    http = UpstreamHttp("plex", url, headers={}, timeout=2.0, max_bytes=1_000_000, tls=tls)
    try:
        return http.get_json("/library/sections")
    finally:
        http.close()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_https_says_which_setting_to_change(
    answering: Callable[[Callable[..., Any]], str], status: int
) -> None:
    location = b"Location: https://user:S3CRET@plex.home:8443/library/sections?token=S3CRET#S3CRET"
    url = answering(lambda connection: connection.sendall(head(status, location)))
    with pytest.raises(InvalidAnswerError) as caught:
        ask_behind(f"{url}/base")
    assert str(caught.value) == (
        "plex: it redirects to https: set MEDIANEST_PLEX_URL to https://plex.home:8443/base"
    )


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("/web/index.html?token=S3CRET", "it redirects (302), which is not followed"),
        ("http://other.home/S3CRET", "it redirects to http://other.home (302)"),
        ("//S3CRET/", "it redirects (302)"),
        ("ftp://S3CRET/", "it redirects (302)"),
        ("https://[::1", "it redirects (302)"),
        ("https://<script>S3CRET", "it redirects (302)"),
        (f"https://{'a' * 300}", "it redirects (302)"),
        ("https://[fd00::1]:99/x", "set MEDIANEST_PLEX_URL to https://[fd00::1]:99"),
        ("https://h:99999999/", "it redirects (302)"),
    ],
)
def test_any_other_redirect_is_told_as_one(
    answering: Callable[[Callable[..., Any]], str], location: str, shown: str
) -> None:
    lines = f"Location: {location}".encode()
    url = answering(lambda connection: connection.sendall(head(302, lines)))
    with pytest.raises(InvalidAnswerError) as caught:
        ask_behind(url)
    assert shown in str(caught.value)
    assert "S3CRET" not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (head(204), "it answered 204: no content"),
        (head(205, b"Content-Length: 0"), "it answered 205: no content"),
        (head(206, b"Content-Length: 2", body=b"{}"), "it answered 206: a part of it"),
        (head(304), "it answered 304: no change"),
        (head(299, b"Content-Length: 2", body=b"{}"), "it answered 299"),
        (head(200, b"Content-Length: 0"), "its answer is not JSON"),
        (head(200, b"Content-Type: text/html", body=b"<html>"), "its answer is not JSON"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "its answer is not HTTP"),
        (b"", "it closed the connection without an answer"),
    ],
)
def test_what_is_no_answer_says_what_it_is(
    answering: Callable[[Callable[..., Any]], str], answer: bytes, fault: str
) -> None:
    with pytest.raises(UpstreamError) as caught:
        ask(answering(lambda connection: connection.sendall(answer)))
    assert str(caught.value) == f"plex: {fault}"


def test_json_without_a_content_type_is_an_answer(
    answering: Callable[[Callable[..., Any]], str],
) -> None:
    answer = head(200, b"Content-Length: 2", body=b"{}")
    assert ask(answering(lambda connection: connection.sendall(answer))) == {}


def many_headers() -> Any:
    return iter([b"HTTP/1.1 200 OK\r\n", *[b"X-Header: y\r\n" * 1000] * 100])


def endless_header() -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nX-Header: "
    for _ in range(1024):
        yield b"x" * 2**20


def endless_status_line() -> Iterator[bytes]:
    yield b"HTTP/1.1 200 "
    for _ in range(1024):
        yield b"x" * 2**20


@pytest.mark.parametrize("parts", [many_headers, endless_header, endless_status_line])
def test_headers_without_an_end_are_not_read(
    answering: Callable[[Callable[..., Any]], str], parts: Callable[[], Any]
) -> None:
    def send(connection: socket.socket) -> None:
        for part in parts():
            connection.sendall(part)

    tracemalloc.start()
    try:
        with pytest.raises(InvalidAnswerError, match="headers of its answer are too large"):
            ask(answering(send))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10_000_000


def test_trailers_without_an_end_are_bounded(
    answering: Callable[[Callable[..., Any]], str],
) -> None:
    def send(connection: socket.socket) -> None:
        connection.sendall(head(200, b"Transfer-Encoding: chunked", body=b"2\r\n{}\r\n0\r\n"))
        for part in endless_header():
            connection.sendall(part)

    tracemalloc.start()
    try:
        with pytest.raises(UpstreamError):
            ask(answering(send))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10_000_000
