"""Upstreams that answer what no server should, over a raw socket."""

import socket
import threading
import tracemalloc

import pytest

from medianest import sockets
from medianest.media.errors import InvalidAnswerError, RefusedError, SlowError, UpstreamError
from medianest.media.http import UpstreamHttp


@pytest.fixture
def answering():
    """`answering(send)` is the URL of a server that does `send(connection)` for each request."""
    listeners = []

    def start(send):
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def serve():
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


def ask(url, *, timeout=2.0):
    http = UpstreamHttp("plex", url, headers={}, timeout=timeout, max_bytes=1_000_000)
    try:
        return http.get_json("/x")
    finally:
        http.close()


def test_the_body_of_a_redirect_is_not_read(answering):
    """Keeps out: requests reads such a body whole, whatever its size, to reuse the connection."""

    def send(connection):
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
def test_a_senseless_location_is_an_invalid_answer(answering, location):
    def send(connection):
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
def test_nonsense_becomes_an_error_of_ours(answering, answer):
    with pytest.raises(UpstreamError):
        ask(answering(lambda connection: connection.sendall(answer)))


def test_a_tls_handshake_that_never_comes_is_bounded(answering):
    url = answering(lambda connection: connection.recv(1)).replace("http://", "https://")
    with pytest.raises(SlowError):
        ask(url, timeout=0.5)


@pytest.mark.parametrize("status", [400, 409, 418, 422])
def test_a_request_that_is_refused_is_not_the_servers_failure(answering, status):
    """Keeps out: one client's odd question opens the breaker for everybody."""
    head = f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode()
    with pytest.raises(RefusedError) as caught:
        ask(answering(lambda connection: connection.sendall(head)))
    assert caught.value.status == status
    assert not isinstance(caught.value, UpstreamError)


def test_an_address_that_never_answers_leaves_time_for_the_next(answering, monkeypatch):
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
        monkeypatch.setattr(sockets, "look_up", lambda host, port: both)
        assert ask(f"http://two-addresses:{port}", timeout=1.0) == {}
        for client in waiting:
            client.close()
