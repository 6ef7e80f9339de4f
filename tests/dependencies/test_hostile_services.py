"""Services that answer what none should: the probe ends in time and keeps to itself what they
say."""

import logging
import socket
import threading
from collections.abc import Callable, Iterator
from typing import NoReturn

import pytest
from hypothesis import example, given
from hypothesis import settings as profile
from hypothesis import strategies as st

from medianest.dependencies.addresses import Addresses
from medianest.dependencies.probe import HealthProbe, ProbeResult
from medianest.dependencies.url import checked_url
from medianest.media.errors import InvalidAnswerError, SlowError, UnreachableError, UpstreamError
from tests.dependencies.conftest import LOOPBACK, Server

HEAD = b"HTTP/1.1 200 OK\r\n"
SECRET = b"hunter2"


def ask(server: Server, *, timeout: float = 10.0, scheme: str = "http") -> ProbeResult:
    probe = HealthProbe(Addresses(LOOPBACK), timeout=timeout)
    return probe.ask(checked_url(f"{scheme}://127.0.0.1:{server.port}/"))


@pytest.fixture
def stop() -> Iterator[threading.Event]:
    """Set when the test is over."""
    event = threading.Event()
    yield event
    event.set()


def dripping(stop: threading.Event, first: bytes, drop: bytes) -> Callable[[socket.socket], None]:
    """Sends `drop` again and again, each well before a timeout that starts anew with each."""

    def answer(connection: socket.socket) -> None:
        connection.sendall(first)
        while not stop.wait(0.02):
            connection.sendall(drop)

    return answer


@pytest.mark.parametrize(
    ("first", "drop"),
    [
        (b"", b"H"),
        (HEAD, b"x"),
        (HEAD + b"X: ", b"y"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 100 Continue\r\n", b"A: b\r\n"),
        (b"", b""),
    ],
)
def test_a_head_that_drips_is_bounded(
    serving: Callable[..., Server], stop: threading.Event, first: bytes, drop: bytes
) -> None:
    with pytest.raises(SlowError, match="in time"):
        ask(serving(dripping(stop, first, drop)), timeout=0.3)


def test_a_flood_of_continues_is_bounded(serving: Callable[..., Server]) -> None:
    def answer(connection: socket.socket) -> NoReturn:
        while True:
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 1_000)

    with pytest.raises((SlowError, InvalidAnswerError), match=r"in time|interim"):
        ask(serving(answer), timeout=0.3)


def test_a_tls_handshake_that_drips_is_bounded(
    serving: Callable[..., Server], stop: threading.Event
) -> None:
    with pytest.raises(SlowError):
        ask(serving(dripping(stop, b"\x16\x03\x03\x40\x00", b"\x00")), timeout=0.3, scheme="https")


def test_the_body_is_not_read(serving: Callable[..., Server]) -> None:
    """However long it is: the server finds the connection closed."""
    refused = threading.Event()

    def answer(connection: socket.socket) -> None:
        connection.sendall(HEAD + b"Content-Length: 9999999999\r\n\r\n")
        try:
            while True:
                connection.sendall(b"x" * 65536)
        except OSError:
            refused.set()

    assert ask(serving(answer)).status == 200
    assert refused.wait(10)


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: -1\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        b"Transfer-Encoding: nonsense\r\n",
        b"Content-Encoding: gzip\r\n",
        b"Location: http://[\r\n",
        b"Set-Cookie: \xff\xfe\r\n",
    ],
)
def test_what_only_a_body_needs_is_not_read(serving: Callable[..., Server], head: bytes) -> None:
    assert ask(serving(HEAD + head + b"\r\nzz")).status == 200


@pytest.mark.parametrize(
    "answer",
    [
        HEAD + b"X: " + b"y" * 100_000 + b"\r\n\r\n",
        HEAD + b"X: y\r\n" * 10_000 + b"\r\n",
        b"HTTP/1.1 200 " + b"y" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 " + SECRET + b"\r\n\r\n",
        b"HTTP/1.1 -200 OK\r\n\r\n",
        b"HTTP/1.1 99 OK\r\n\r\n",
        b"SSH-2.0-" + SECRET + b"\r\n",
        b"\x00\xff" * 100 + b"\r\n",
    ],
)
def test_what_is_not_http(serving: Callable[..., Server], answer: bytes) -> None:
    with pytest.raises((InvalidAnswerError, UnreachableError)) as caught:
        ask(serving(answer))
    assert SECRET.decode() not in str(caught.value)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 2", b"HTTP/1.1 200"])
def test_one_that_hangs_up(serving: Callable[..., Server], answer: bytes) -> None:
    try:
        assert ask(serving(answer)).status == 200  # of a status line, that much is enough
        assert answer == b"HTTP/1.1 200"
    except UpstreamError:
        assert answer != b"HTTP/1.1 200"


def test_one_that_closes_at_once(serving: Callable[..., Server]) -> None:
    with pytest.raises(UnreachableError, match=r"closed the connection|reset"):
        ask(serving(b""))


def test_one_that_resets(serving: Callable[..., Server]) -> None:
    def answer(connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    with pytest.raises(UnreachableError, match=r"closed the connection|reset"):
        ask(serving(answer))


def test_nothing_of_the_answer_is_logged(
    serving: Callable[..., Server], caplog: pytest.LogCaptureFixture
) -> None:
    """Keeps out: urllib3 logs the headers that it cannot parse."""
    caplog.set_level(logging.DEBUG)
    answer = HEAD + b"no header " + SECRET + b"\r\nA: b\r\n\r\n" + SECRET
    assert ask(serving(answer)).status == 200
    assert SECRET.decode() not in caplog.text


LINES = st.sampled_from(
    [
        *(b"HTTP/1.1 ", b"HTTP/1.0 200 OK", b"\r\n", b"\n", b"200", b" ", b"100", b":", b"\0"),
        *(b"Content-Length: ", b"Transfer-Encoding: chunked", b"Location: ", b"\xff", b"9" * 30),
        *(b"Connection: keep-alive", b"\r\n\r\n", b"HTTP/1.1 200 OK\r\n", b"A: b\r\n", b" folded"),
    ]
)
ANSWERS = st.lists(st.one_of(LINES, st.binary(max_size=8)), max_size=12).map(b"".join)


def test_whatever_it_answers() -> None:
    """A status or an error of ours, and nothing else."""
    answers: list[bytes] = []
    server = Server(lambda connection: connection.sendall(answers[-1]))
    probe = HealthProbe(Addresses(LOOPBACK), timeout=10.0)
    url = checked_url(f"http://127.0.0.1:{server.port}/")

    def outcome() -> ProbeResult | UpstreamError:
        try:
            return probe.ask(url)
        except UpstreamError as error:
            return error

    @profile(max_examples=200, deadline=None)
    @given(ANSWERS)
    @example(b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5_000 + b"\r\n\r\n")
    def answered(answer: bytes) -> None:
        answers.append(answer)
        found = outcome()
        assert not isinstance(found, SlowError)
        assert isinstance(found, UpstreamError) or 100 <= found.status <= 999

    try:
        answered()
    finally:
        server.stop()
