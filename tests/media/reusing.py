"""Servers whose connections are used again."""

import socket
from collections.abc import Callable
from typing import Any

from tests.support.keeping import OK


def on_second_turn(end: Callable[[socket.socket], bool]) -> Callable[..., Any]:
    """A server that answers once on each connection and then ends it, without a byte."""
    return lambda connection, place, turn: end(connection) if turn > 1 else connection.sendall(OK)
