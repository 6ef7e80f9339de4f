"""What the poller does with connections that a thread does not have."""

import errno
import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from http import HTTPStatus
from typing import NoReturn

import pytest

from medianest.server import connection as connections
from medianest.server import poller
from medianest.server.connection import Connection, Phase
from medianest.server.doors import most_connections
from medianest.server.poller import Poller
from medianest.server.refusals import answer

GET = b"GET /%d HTTP/1.1\r\n\r\n"


class Bench:
    """A poller with a listener; requests are answered when the test says so."""

    def __init__(self, stack: ExitStack, most: int = 100) -> None:
        self.served: list[Connection] = []
        self.told: list[tuple[str, ...]] = []
        self._stack = stack
        self.poller = Poller(
            serve=self.served.append,
            refuse=lambda connection: connection.channel.say_instead(
                answer(HTTPStatus.REQUEST_TIMEOUT)
            ),
            complain=lambda *words: self.told.append(words),
            most=most,
            keepalive=15,
            body_seconds=30,
            body_most=20,
        )
        stack.callback(self.poller.end)
        self.listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        self.address = self.listener.getsockname()
        self.poller.doors.open([self.listener])

    def connect(self, text: bytes = b"") -> socket.socket:
        client = socket.create_connection(self.address, timeout=5)
        self._stack.enter_context(client)
        client.sendall(text)
        self.turn(3)
        return client

    def turn(self, times: int = 2) -> None:
        for _ in range(times):
            self.poller.turn(0.05)

    def finish(self, connection: Connection, text: bytes = b"", *, is_kept: bool = True) -> None:
        channel = connection.channel
        channel.is_last = True
        channel.sendall(b"")
        channel.sendall(text)
        connection.is_kept = is_kept
        self.poller.finish(connection)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def bench(stack: ExitStack) -> Bench:
    return Bench(stack)


def test_requests_that_come_together_are_served_one_after_the_other(bench: Bench) -> None:
    client = bench.connect(GET % 1 + GET % 2)
    (connection,) = bench.served
    assert connection.target == b"/1"
    bench.finish(connection, b"first")
    assert client.recv(100) == b"first"
    assert [each.target for each in bench.served] == [b"/2", b"/2"]  # the same connection again


def test_when_there_is_no_room_the_one_that_has_asked_nothing_for_longest_goes(
    stack: ExitStack,
) -> None:
    bench = Bench(stack, most=3)
    first, second, third = (bench.connect() for _ in range(3))
    first.sendall(GET % 1)
    bench.turn()
    bench.connect()
    assert second.recv(1) == b""
    bench.finish(bench.served[0], b"answer")
    assert first.recv(100) == b"answer"
    assert len(bench.poller) == 3
    third.sendall(b"G")
    bench.turn()


def test_nobody_who_is_being_answered_goes_and_the_doors_rest(stack: ExitStack) -> None:
    bench = Bench(stack, most=1)
    bench.connect(GET % 1)
    bench.connect()
    bench.turn(5)
    assert len(bench.poller) == 1
    assert bench.told == [
        ("takes no new connection: %s; tries again every second", "too many are being answered")
    ]


def test_of_what_is_not_whole_the_largest_goes_when_it_is_too_much(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poller, "_INCOMING_MOST", 100)
    small = bench.connect(b"GET /")
    large = bench.connect(b"GET /" + b"a" * 60)
    bench.connect(b"GET /" + b"b" * 40)
    bench.poller.sweep()
    assert large.recv(1) == b""
    small.sendall(b" HTTP/1.1\r\n\r\n")
    bench.turn()
    assert len(bench.served) == 1


def test_a_client_that_has_gone_already_costs_no_other(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keeps out: a worker that ended by a connection that was no more when it was looked at."""

    def gone(sock: socket.socket) -> NoReturn:
        raise OSError(errno.EINVAL, "Invalid argument")

    with monkeypatch.context() as patched:
        patched.setattr(connections, "keep_unsent_here", gone)
        assert bench.connect().recv(1) == b""
    bench.connect(GET % 1)
    assert [each.target for each in bench.served] == [b"/1"]


def test_a_second_request_that_does_not_come_in_time_is_told_so(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = bench.connect(GET % 1)
    bench.finish(bench.served[0], b"answer")
    assert client.recv(100) == b"answer"
    monkeypatch.setattr(connections, "HEAD_SECONDS", -1)
    client.sendall(b"GET /")
    bench.turn()
    bench.poller.sweep()
    assert client.recv(1000).startswith(b"HTTP/1.1 408 ")


def test_a_client_that_stays_after_its_last_answer_is_not_waited_for(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "LINGER_SECONDS", -1)
    client = bench.connect(GET % 1)
    bench.finish(bench.served[0], b"answer", is_kept=False)
    assert bench.served[0].phase is Phase.LINGERING
    assert client.recv(100) + client.recv(100) == b"answer"
    bench.poller.sweep()
    assert len(bench.poller) == 0


def test_at_the_end_what_waits_at_the_door_is_taken_and_nothing_more(bench: Bench) -> None:
    waiting = socket.create_connection(bench.address, timeout=5)
    with waiting:
        bench.poller.close()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(bench.address, timeout=5)
        waiting.sendall(GET % 1)
        bench.turn()
        assert len(bench.served) == 1


@pytest.mark.parametrize(
    ("files", "wanted", "most"),
    [(1024, 4000, 896), (100, 4000, 16), (resource.RLIM_INFINITY, 4000, 4000), (9000, 4000, 4000)],
)
def test_there_are_so_many_connections_as_open_files_allow(
    monkeypatch: pytest.MonkeyPatch, files: int, wanted: int, most: int
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda which: (files, files))
    assert most_connections(wanted) == most
