"""Two ends of a connection."""

from __future__ import annotations

import socket

import pytest


@pytest.fixture
def pair():
    """Ours, which never blocks, and the client's."""
    ours, client = socket.socketpair()
    ours.setblocking(False)
    client.settimeout(5)
    with ours, client:
        yield ours, client
