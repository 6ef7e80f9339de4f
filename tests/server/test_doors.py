"""The listening sockets, when there is no room for who comes."""

import selectors
import socket
from collections.abc import Iterator
from itertools import chain, repeat

import pytest

from medianest.resilience import ManualClock
from medianest.server.doors import Doors


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def test_a_lack_of_room_that_lets_one_in_now_and_then_is_told_once(
    listener: socket.socket, clock: ManualClock
) -> None:
    """Keeps out: a line of log for each connection that found the one place that was free."""
    room, told, taken = chain([False, True], repeat(False)), [], []
    clients = [socket.create_connection(listener.getsockname()) for _ in range(2)]
    with selectors.DefaultSelector() as selector:
        doors = Doors(
            selector,
            has_room=lambda: next(room),
            enter=lambda sock, *_: taken.append(sock),
            complain=lambda *said: told.append(said),
            clock=clock,
        )
        doors.open([listener])
        for _ in range(2):
            for key, _ in selector.select(5):
                key.data(key.fileobj)
            clock.advance(1.0)  # the second of waiting is over
            doors.reopen()
        doors.close()
    for each in (*clients, *taken):
        each.close()
    assert (len(taken), len(told)) == (1, 1)
