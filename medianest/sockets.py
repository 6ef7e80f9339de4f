"""Connections that are made before the deadline, the name look-up included."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

from medianest.names import look_up, time_left

__all__ = ["LookUp", "connect"]

S = TypeVar("S", bound=socket.socket)

LookUp: TypeAlias = Callable[[str, int], list[tuple[int, Any]]]
"""Gives family and address of each way to a host and port, and raises for what must not be."""


def connect(host: str, port: int, kind: type[S], find: LookUp | None = None) -> S:
    """A connection to the first address that accepts one, as a socket of that kind. It goes to no
    address but those that `find` gives; None: the look-up.

    Raises OSError: among them socket.gaierror for an unknown name, TimeoutError at the deadline.
    """
    error: OSError = OSError(f"{host} has no address")
    found = (find or look_up)(host, port)
    for place, (family, address) in enumerate(found):
        sock = kind(family, socket.SOCK_STREAM)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # One that never answers must leave time for the next.
            sock.settimeout(time_left() / (len(found) - place))
            sock.connect(address)
        except OSError as failed:
            sock.close()
            error = failed
        else:
            return sock
    raise error
