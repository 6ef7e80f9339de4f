"""A connection is used again only while it can be believed in, and its death costs no call."""

import socket
import threading
from collections.abc import Callable

import pytest

from medianest.media.errors import InvalidAnswerError, SlowError, UnreachableError, UpstreamError
from medianest.media.http import UpstreamHttp
from medianest.resilience import CircuitBreaker, State
from tests.media.reusing import on_second_turn
from tests.support.keeping import OK, KeepingServer, hang_up, reset, well

ENDS = pytest.mark.parametrize("end", [hang_up, reset])


@ENDS
def test_what_met_a_dead_connection_is_asked_once_more_on_a_new_one(
    serving: Callable[..., KeepingServer],
    http_of: Callable[..., UpstreamHttp],
    end: Callable[[socket.socket], bool],
) -> None:
    """Keeps out: a server that closes idle connections, just while we ask."""
    server = serving(on_second_turn(end))
    http, breaker = http_of(server), CircuitBreaker("plex", failure_threshold=1)
    assert [breaker.call(http.get_json, "/x") for _ in range(3)] == [{}, {}, {}]
    assert [place for place, _ in server.requests] == [1, 1, 2, 2, 3]
    assert breaker.state is State.CLOSED
    assert breaker.snapshot().counts.failures == 0


@ENDS
def test_on_a_new_connection_nothing_is_asked_twice(
    serving: Callable[..., KeepingServer],
    http_of: Callable[..., UpstreamHttp],
    end: Callable[[socket.socket], bool],
) -> None:
    server = serving(lambda connection, place, turn: end(connection))
    with pytest.raises(UnreachableError, match=r"without an answer|reset"):
        http_of(server).get_json("/x")
    assert server.requests == [(1, "GET")]


@ENDS
def test_it_is_asked_no_more_than_once_more(
    serving: Callable[..., KeepingServer],
    http_of: Callable[..., UpstreamHttp],
    end: Callable[[socket.socket], bool],
) -> None:
    def answer(connection: socket.socket, place: int, turn: int) -> bool | None:
        return end(connection) if (place, turn) != (1, 1) else connection.sendall(OK)

    server = serving(answer)
    http = http_of(server)
    http.get_json("/x")
    with pytest.raises(UnreachableError):
        http.get_json("/x")
    assert [place for place, _ in server.requests] == [1, 1, 2]


def test_after_a_byte_of_an_answer_nothing_is_asked_again(
    serving: Callable[..., KeepingServer], http_of: Callable[..., UpstreamHttp]
) -> None:
    def answer(connection: socket.socket, place: int, turn: int) -> bool:
        connection.sendall(OK if turn == 1 else b"H")
        return turn > 1

    server = serving(answer)
    http = http_of(server)
    http.get_json("/x")
    with pytest.raises(UpstreamError):
        http.get_json("/x")
    assert server.accepted == 1


def test_what_is_not_safe_to_repeat_takes_a_new_connection(
    serving: Callable[..., KeepingServer], http_of: Callable[..., UpstreamHttp]
) -> None:
    """Keeps out: a POST of which nobody knows whether it was done, since a router forgot."""
    server = serving(well)
    http = http_of(server)
    http.get_json("/x")
    http.ask("POST", "/x", body={})
    http.get_json("/x")
    assert server.requests == [(1, "GET"), (2, "POST"), (2, "GET")]


@ENDS
def test_a_post_is_never_sent_twice(
    serving: Callable[..., KeepingServer],
    http_of: Callable[..., UpstreamHttp],
    end: Callable[[socket.socket], bool],
) -> None:
    server = serving(
        lambda connection, place, turn: end(connection) if place > 1 else connection.sendall(OK)
    )
    http = http_of(server)
    http.get_json("/x")
    with pytest.raises(UnreachableError) as caught:
        http.ask("POST", "/x", body={})
    assert caught.value.uncertain
    assert server.requests == [(1, "GET"), (2, "POST")]


def test_a_slow_server_is_waited_for_and_not_asked_again(
    serving: Callable[..., KeepingServer], http_of: Callable[..., UpstreamHttp]
) -> None:
    """Keeps out: slowness taken for a dead path. A slow server's system acknowledges."""
    late = threading.Event()

    def answer(connection: socket.socket, place: int, turn: int) -> None:
        if turn > 1:
            late.wait(1.6)  # longer than a question may stay unheard
        connection.sendall(OK)

    server = serving(answer)
    http = http_of(server)
    assert [http.get_json("/x") for _ in range(2)] == [{}, {}]
    assert server.requests == [(1, "GET"), (1, "GET")]


def test_the_deadline_is_no_dead_connection(
    serving: Callable[..., KeepingServer], http_of: Callable[..., UpstreamHttp]
) -> None:
    server = serving(lambda connection, place, turn: turn == 1 and connection.sendall(OK))
    http = http_of(server, timeout=0.5)
    http.get_json("/x")
    with pytest.raises(SlowError):
        http.get_json("/x")
    assert server.requests == [(1, "GET"), (1, "GET")]


def test_what_is_asked_again_has_no_more_time(
    serving: Callable[..., KeepingServer], http_of: Callable[..., UpstreamHttp]
) -> None:
    def answer(connection: socket.socket, place: int, turn: int) -> bool | None:
        if place == 1:
            return hang_up(connection) if turn > 1 else connection.sendall(OK)
        return False  # and never answers

    server = serving(answer)
    http = http_of(server, timeout=0.5)
    http.get_json("/x")
    with pytest.raises(SlowError):
        http.get_json("/x")
    assert server.accepted == 2


def test_a_server_that_died_is_told_as_it_is_now(
    serving: Callable[..., KeepingServer], http_of: Callable[..., UpstreamHttp]
) -> None:
    """Keeps out: the end of the old connection told as the reason of what failed after it."""

    def answer(connection: socket.socket, place: int, turn: int) -> bool | None:
        if turn == 1:
            return connection.sendall(OK)
        server.stop()
        return reset(connection)

    server = serving(answer)
    http = http_of(server)
    http.get_json("/x")
    with pytest.raises(UnreachableError, match="connection refused") as caught:
        http.get_json("/x")
    assert not caught.value.uncertain


@pytest.mark.parametrize("status", [101, 103, 199])
def test_an_answer_that_is_not_final_is_told_and_ends_its_connection(
    serving: Callable[..., KeepingServer], http_of: Callable[..., UpstreamHttp], status: int
) -> None:
    """Keeps out: the final answer taken for that to the next question."""

    def answer(connection: socket.socket, place: int, turn: int) -> None:
        connection.sendall(f"HTTP/1.1 {status} Early\r\n\r\n".encode())

    server = serving(answer)
    http = http_of(server)
    with pytest.raises(InvalidAnswerError, match=f"answered {status}: no final answer"):
        http.get_json("/x")
    assert http.ask("POST", "/x").status == status
    server.answer = well
    assert http.get_json("/x") == {}
    assert [place for place, _ in server.requests] == [1, 2, 3]
