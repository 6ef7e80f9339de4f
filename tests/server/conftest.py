"""Two ends of a connection."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Ours, which never blocks, and the client's."""
    ours, client = socket.socketpair()
    ours.setblocking(False)
    client.settimeout(5)
    with ours, client:
        yield ours, client
