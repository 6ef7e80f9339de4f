"""Redis in trouble: no call outlives its time, trouble is said once, and nothing stays broken."""

import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NoReturn

import pytest

from medianest.cache.redis import Stamped
from medianest.resilience import BulkheadFullError, CircuitOpenError, Deadline
from medianest.storage import CacheUnavailableError
from tests.cache.conftest import ServedRedis
from tests.integration.bounding import KEY, TIMEOUT, fails_in_time


@pytest.fixture
def pretending() -> Iterator[Callable[[Callable[[socket.socket], None]], str]]:
    """`pretending(send)` is the URL of a server that does `send(connection)` for each client."""
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def start(send: Callable[[socket.socket], None]) -> str:
        def serve(connection: socket.socket) -> None:
            with connection:
                try:
                    send(connection)
                    over.wait(5)
                except OSError:
                    pass  # the client had enough

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        return f"redis://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    over.set()
    listener.close()


def say_nothing(connection: socket.socket) -> None:
    """Accepts, and that is all."""


def drip(connection: socket.socket) -> None:
    for _ in range(150):
        connection.sendall(b"$")
        time.sleep(0.02)


def hang_up(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_RDWR)


def saying(answer: bytes) -> Callable[[socket.socket], None]:
    def send(connection: socket.socket) -> None:
        while connection.recv(4096):
            connection.sendall(answer)

    return send


@pytest.mark.parametrize(
    "send",
    [
        say_nothing,
        drip,
        hang_up,
        saying(b"SSH-2.0-OpenSSH_9.2\r\n"),
        saying(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        saying(b"$zz\r\n"),
        saying(b"$99999999999\r\nx"),
        saying(b"*1\r\n" * 5000),
        saying(b"\x00\xff\r\n"),
        saying(b"-LOADING Redis is loading the dataset in memory\r\n" * 5),
    ],
)
def test_a_server_that_is_none_fails_in_time(
    pretending: Callable[[Callable[[socket.socket], None]], str],
    open_redis: Callable[..., ServedRedis],
    send: Callable[[socket.socket], None],
) -> None:
    server = open_redis(pretending(send), timeout=TIMEOUT)
    fails_in_time(lambda: server.get(KEY))
    fails_in_time(lambda: server.put(KEY, Stamped(1, b"{}"), 60, latest=1))


@pytest.mark.parametrize(
    "answer", [b":5\r\n", b"*0\r\n", b"*2\r\n$1\r\na\r\n$1\r\nb\r\n", b"+OK\r\n"]
)
def test_an_answer_of_another_kind_is_no_value(
    pretending: Callable[[Callable[[socket.socket], None]], str],
    open_redis: Callable[..., ServedRedis],
    answer: bytes,
) -> None:
    """Keeps out: an error of our own, where Redis was the one that went mad."""
    server = open_redis(pretending(saying(answer)), timeout=TIMEOUT)
    try:
        assert server.get(KEY) is None
    except CacheUnavailableError:
        pass
    with pytest.raises(CacheUnavailableError):
        server.ping()


def test_an_answer_without_end_is_not_taken_in(
    pretending: Callable[[Callable[[socket.socket], None]], str],
    open_redis: Callable[..., ServedRedis],
) -> None:
    """Keeps out: all the memory of a worker for one value."""

    def flood(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(b"$2000000000\r\n")
        for _ in range(200):
            connection.sendall(b"x" * 1_000_000)

    server = open_redis(pretending(flood), timeout=5.0)
    tracemalloc.start()
    began = time.monotonic()
    fails_in_time(lambda: server.get(KEY), within=3.0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20_000_000
    assert time.monotonic() - began < 3


def test_a_tls_handshake_that_never_comes_is_bounded(
    pretending: Callable[[Callable[[socket.socket], None]], str],
    open_redis: Callable[..., ServedRedis],
) -> None:
    server = open_redis(pretending(say_nothing).replace("redis:", "rediss:"), timeout=TIMEOUT)
    fails_in_time(lambda: server.get(KEY))


def test_a_refusing_port_and_a_missing_socket_fail_at_once(
    open_redis: Callable[..., ServedRedis], tmp_path: Path
) -> None:
    for url in ("redis://:s3cret@127.0.0.1:1", f"unix://{tmp_path / 'none.sock'}"):
        server = open_redis(url, timeout=TIMEOUT)
        assert "s3cret" not in str(fails_in_time(lambda: server.get(KEY)))  # noqa: B023


def test_its_name_is_looked_up_within_the_time(
    open_redis: Callable[..., ServedRedis], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keeps out: a name server that does not answer holds a thread for as long as it likes."""
    over = threading.Event()

    def hang(*args: str | int, **kwargs: Any) -> NoReturn:
        over.wait(10)
        raise socket.gaierror("at last")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    server = open_redis("redis://cache.invalid", timeout=TIMEOUT)
    fails_in_time(lambda: server.get(KEY))
    over.set()


def test_the_deadline_of_the_request_is_kept_where_it_is_shorter(
    pretending: Callable[[Callable[[socket.socket], None]], str],
    open_redis: Callable[..., ServedRedis],
) -> None:
    server = open_redis(pretending(say_nothing), timeout=5)
    with Deadline(0.3).scope():
        fails_in_time(lambda: server.get(KEY), within=0.3)


def test_a_ping_has_a_time_of_its_own(
    pretending: Callable[[Callable[[socket.socket], None]], str],
    open_redis: Callable[..., ServedRedis],
) -> None:
    server = open_redis(pretending(say_nothing), timeout=5)
    fails_in_time(server.ping, within=1.0)


def test_a_hanging_server_is_soon_not_waited_for(
    pretending: Callable[[Callable[[socket.socket], None]], str],
    open_redis: Callable[..., ServedRedis],
) -> None:
    server = open_redis(pretending(say_nothing), timeout=0.1, failure_threshold=3)
    for _ in range(3):
        fails_in_time(lambda: server.get(KEY))
    began = time.monotonic()
    for _ in range(100):
        with pytest.raises(CircuitOpenError):
            server.get(KEY)
    assert time.monotonic() - began < 0.1


def test_more_than_there_are_places_for_are_sent_away(
    pretending: Callable[[Callable[[socket.socket], None]], str],
    open_redis: Callable[..., ServedRedis],
) -> None:
    server = open_redis(pretending(say_nothing), timeout=0.5, max_concurrent=2)
    with ThreadPoolExecutor(6) as pool:
        calls = [pool.submit(server.get, KEY) for _ in range(6)]
        errors = [type(call.exception(5)) for call in calls]
    assert errors.count(CacheUnavailableError) == 2
    assert errors.count(BulkheadFullError) == 4


def test_when_one_connection_was_dead_the_other_idle_ones_are_not_used(
    pretending: Callable[[Callable[[socket.socket], None]], str],
    open_redis: Callable[..., ServedRedis],
) -> None:
    """Keeps out: a router forgets them all, and each call that meets one more counts against a
    server that is well."""
    all_in, forgotten = threading.Barrier(4), threading.Event()

    def answer(connection: socket.socket) -> None:
        is_old = not forgotten.is_set()
        while connection.recv(4096):
            if is_old and forgotten.is_set():
                continue
            if is_old:
                all_in.wait(10)
            connection.sendall(b"$-1\r\n")

    server = open_redis(pretending(answer), timeout=2.0)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda n: server.get(KEY), range(4))) == [None] * 4
        forgotten.set()
        with pytest.raises(CacheUnavailableError), Deadline(0.3).scope():
            server.get(KEY)
        assert list(pool.map(lambda n: server.get(KEY), range(4))) == [None] * 4
