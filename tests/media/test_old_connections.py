"""Connections that rested or are old: not used again, and their death costs no call."""

import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from medianest.media.http import UpstreamHttp
from medianest.net.connect import connect
from medianest.resilience import CircuitBreaker, ManualClock
from tests.media.reusing import on_second_turn
from tests.support.keeping import OK, KeepingServer, hang_up, reset, well


@pytest.mark.parametrize(("idle", "connections"), [(29.0, 1), (31.0, 2)])
def test_a_connection_that_rested_for_long_is_not_used_again(
    serving: Callable[..., KeepingServer],
    http_of: Callable[..., UpstreamHttp],
    idle: float,
    connections: int,
) -> None:
    server, clock = serving(well), ManualClock()
    http = http_of(server, clock=clock)
    http.get_json("/x")
    clock.advance(idle)
    http.get_json("/x")
    assert server.accepted == connections


def test_a_connection_rests_while_the_machine_sleeps(
    serving: Callable[..., KeepingServer], http_of: Callable[..., UpstreamHttp]
) -> None:
    server, clock = serving(well), ManualClock()
    http = http_of(server, clock=clock)
    http.get_json("/x")
    clock.suspend(31.0)
    http.get_json("/x")
    assert server.accepted == 2


def test_a_connection_that_is_old_is_not_used_again_however_often_it_was(
    serving: Callable[..., KeepingServer], http_of: Callable[..., UpstreamHttp]
) -> None:
    """Keeps out: a name that moved to another machine, while the old one goes on answering."""
    server, clock = serving(well), ManualClock()
    http = http_of(server, clock=clock)
    for _ in range(13):
        http.get_json("/x")
        clock.advance(20.0)
    assert [place for place, _ in server.requests] == [1] * 6 + [2] * 6 + [3]


def test_an_answer_that_outlives_its_connections_time_is_read_to_its_end(
    serving: Callable[..., KeepingServer], http_of: Callable[..., UpstreamHttp]
) -> None:
    def answer(connection: socket.socket, place: int, turn: int) -> None:
        connection.sendall(OK[:-2])
        clock.advance(130.0)
        connection.sendall(OK[-2:])

    server, clock = serving(answer), ManualClock()
    http = http_of(server, timeout=500.0, clock=clock)
    assert [http.get_json("/x") for _ in range(2)] == [{}, {}]
    assert server.requests == [(1, "GET"), (2, "GET")]


def test_when_one_was_dead_the_others_of_its_age_are_not_used(
    serving: Callable[..., KeepingServer], http_of: Callable[..., UpstreamHttp]
) -> None:
    """Keeps out: ten pooled connections, of which each call finds one more dead."""
    both = threading.Barrier(2)

    def answer(connection: socket.socket, place: int, turn: int) -> bool:
        if turn > 1:
            return hang_up(connection)
        if place <= 2:
            both.wait(10)
        clock.advance(0.1)
        connection.sendall(OK)
        return False

    server, clock = serving(answer), ManualClock()
    http = http_of(server, clock=clock)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(http.get_json, ["/a", "/b"]))
        clock.advance(1.0)
        http.get_json("/c")  # finds one of the two dead, and opens the third connection
        clock.advance(1.0)
        server.answer = well
        list(pool.map(http.get_json, ["/d", "/e"]))
    assert server.requests[2][0] in (1, 2)
    assert {place for place, _ in server.requests[3:]} <= {3, 4}


def test_a_connection_that_was_answered_on_since_is_still_used(
    serving: Callable[..., KeepingServer], http_of: Callable[..., UpstreamHttp]
) -> None:
    """Keeps out: one dead connection that costs all those that are well."""
    asked, go_on = threading.Event(), threading.Event()

    def answer(connection: socket.socket, place: int, turn: int) -> bool:
        if place == 1 and turn > 1:
            asked.set()
            assert go_on.wait(10)
            return hang_up(connection)
        connection.sendall(OK)
        return False

    server, clock = serving(answer), ManualClock()
    http = http_of(server, clock=clock)
    http.get_json("/a")
    with ThreadPoolExecutor(1) as pool:
        clock.advance(1.0)
        dying = pool.submit(http.get_json, "/b")
        assert asked.wait(10)
        clock.advance(1.0)
        http.get_json("/c")  # on the second connection, after the question on the first
        go_on.set()
        assert dying.result(10) == {}
    http.get_json("/d")
    assert server.accepted <= 3
    assert server.requests[-1][0] in (2, 3)
    assert [place for place, _ in server.requests].count(1) == 2


def test_eight_dead_connections_cost_no_call_anything(
    serving: Callable[..., KeepingServer], http_of: Callable[..., UpstreamHttp]
) -> None:
    all_in = threading.Barrier(8)

    def answer(connection: socket.socket, place: int, turn: int) -> bool:
        if turn > 1:
            return hang_up(connection)
        all_in.wait(10)
        connection.sendall(OK)
        return False

    server = serving(answer)
    http, breaker = http_of(server), CircuitBreaker("plex", failure_threshold=1)
    with ThreadPoolExecutor(8) as pool:
        for _ in range(2):
            answers = list(pool.map(lambda n: breaker.call(http.get_json, "/x"), range(8)))
            assert answers == [{}] * 8
    assert breaker.snapshot().counts.failures == 0
    assert server.accepted == 16


def test_every_connection_is_kept_alive(serving: Callable[..., KeepingServer]) -> None:
    with connect("127.0.0.1", serving(well).port, socket.socket) as sock:
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        if hasattr(socket, "TCP_KEEPIDLE"):
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 10


def test_a_system_without_these_options_connects_all_the_same(
    serving: Callable[..., KeepingServer],
    http_of: Callable[..., UpstreamHttp],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for option in ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT"):
        monkeypatch.delattr(socket, option, raising=False)
    http = http_of(serving(on_second_turn(reset)))
    assert [http.get_json("/x") for _ in range(3)] == [{}, {}, {}]
