"""What the poller does with many connections at once."""

import resource
import socket
from collections.abc import Iterator
from typing import Any, NoReturn

import pytest

from medianest.server.poller import Poller

FEW = 16


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (FEW, FEW))
    with socket.create_server(("127.0.0.1", 0), backlog=FEW * 4) as made:
        yield made


@pytest.fixture
def poller() -> Poller:
    def never(*_: Any) -> NoReturn:
        raise AssertionError

    return Poller(
        serve=never, refuse=never, complain=never, most=FEW, keepalive=15, body_seconds=15
    )


def test_a_client_that_makes_room_while_it_speaks_costs_nobody_else(
    poller: Poller, listener: socket.socket
) -> None:
    """Keeps out: a connection that was closed for a new one and had sent something ended the
    worker."""
    poller.doors.open([listener])
    clients = [socket.create_connection(listener.getsockname()) for _ in range(FEW)]
    while len(poller) < FEW:
        poller.turn(1)
    clients += [socket.create_connection(listener.getsockname()) for _ in range(FEW)]
    for client in clients:
        client.send(b"G")
    poller.turn(1)
    assert len(poller) == FEW
    for client in clients:
        client.close()
    while len(poller):
        poller.turn(1)
