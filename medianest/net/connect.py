"""Connections that are made before the deadline, the name look-up included, and that notice when
nobody is at the other end any more."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, Final, TypeAlias, TypeVar

from medianest.net.dns import resolve, time_left

__all__ = ["LookUp", "connect", "give_up_unheard"]

S = TypeVar("S", bound=socket.socket)

LookUp: TypeAlias = Callable[[str, int], list[tuple[int, Any]]]
"""Gives family and address of each way to a host and port, and raises for what must not be."""

_KEEPALIVE: Final = {
    "TCP_KEEPIDLE": 10,
    "TCP_KEEPALIVE": 10,  # its name on macOS
    "TCP_KEEPINTVL": 5,
    "TCP_KEEPCNT": 3,
}
"""As those of the database: a router that forgets idle connections sees this one used, and one
that is dead is known to be after 25 s."""


def connect(host: str, port: int, kind: type[S], find: LookUp | None = None) -> S:
    """A connection to the first address that accepts one, as a socket of that kind. It goes to no
    address but those that `find` gives; None: the look-up.

    Raises OSError: among them socket.gaierror for an unknown name, TimeoutError at the deadline.
    """
    error: OSError = OSError(f"{host} has no address")
    found = (find or resolve)(host, port)
    for place, (family, address) in enumerate(found):
        sock = kind(family, socket.SOCK_STREAM)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _keep_alive(sock)
            # One that never answers must leave time for the next.
            sock.settimeout(time_left() / (len(found) - place))
            sock.connect(address)
        except OSError as failed:
            sock.close()
            error = failed
        else:
            return sock
    raise error


def _keep_alive(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE.items():
        _set(sock, name, value)


def give_up_unheard(sock: socket.socket, seconds: float) -> None:
    """End the connection when what was sent is not acknowledged within so many seconds. A slow
    server is waited for: its system acknowledges. Only Linux can do this."""
    _set(sock, "TCP_USER_TIMEOUT", max(1, int(seconds * 1000)))


def _set(sock: socket.socket, name: str, value: int) -> None:
    option = getattr(socket, name, None)
    if option is None:
        return
    try:
        sock.setsockopt(socket.IPPROTO_TCP, option, value)
    except OSError:
        pass  # a system that knows the name and not the option: the connection works without
