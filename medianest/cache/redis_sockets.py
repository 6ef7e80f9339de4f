"""Connections to Redis of which no wait outlives the current deadline.

By itself redis-py starts its timeout again with each read, looks up names for as long as the
system likes, and tries again several times.
"""

from __future__ import annotations

import socket
from typing import Any, Final

from redis import ConnectionPool
from redis.backoff import NoBackoff
from redis.connection import Connection, SSLConnection, UnixDomainSocketConnection, parse_url
from redis.retry import Retry

from medianest.net.connect import connect
from medianest.net.dns import time_left

__all__ = ["make_pool"]


_MOST_BYTES: Final = 4 * 1024 * 1024
"""Of one answer: what is longer is none to anything that we ask."""


class _DeadlineSocket:
    """A socket whose reads and writes end with the deadline; a look without waiting stays one.

    It reads no more than an answer may have for each time that it sends.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._left = _MOST_BYTES
        self._waits = True

    def settimeout(self, seconds: float | None) -> None:
        """Only whether to wait at all: for how long is for the deadline to say."""
        self._waits = seconds != 0
        if not self._waits:
            self._sock.settimeout(0)

    def recv(self, size: int) -> bytes:
        """What has come. Raises TimeoutError at the deadline."""
        if self._waits:
            self._sock.settimeout(time_left())
        received = self._sock.recv(size)
        self._take(len(received))
        return received

    def recv_into(self, *args: Any) -> int:
        """The same, for the parser in C."""
        if self._waits:
            self._sock.settimeout(time_left())
        received = self._sock.recv_into(*args)
        self._take(received)
        return received

    def _take(self, received: int) -> None:
        self._left -= received
        if self._left < 0:
            raise ConnectionError("its answer is too large")

    def sendall(self, data: bytes) -> None:
        """Send all of it. Raises TimeoutError at the deadline."""
        self._sock.settimeout(time_left())
        self._left = _MOST_BYTES
        self._sock.sendall(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


class _Polled:
    """One that can be waited for together with others."""

    _sock: Any

    def fileno(self) -> int:
        """Of its socket, while it is connected."""
        return int(self._sock.fileno())


class _Plain(_Polled, Connection):
    def _connect(self) -> Any:
        sock = connect(self.host, self.port, socket.socket)
        try:
            sock.settimeout(time_left())  # for the TLS handshake
        except TimeoutError:
            sock.close()
            raise
        return sock


class _Tcp(_Plain):
    def _connect(self) -> Any:
        return _DeadlineSocket(super()._connect())


class _Tls(SSLConnection, _Plain):
    def _connect(self) -> Any:
        return _DeadlineSocket(super()._connect())  # type: ignore[no-untyped-call]


class _Unix(_Polled, UnixDomainSocketConnection):
    def _connect(self) -> Any:
        self.socket_connect_timeout = time_left()
        return _DeadlineSocket(super()._connect())  # type: ignore[no-untyped-call]


_KINDS = {SSLConnection: _Tls, UnixDomainSocketConnection: _Unix}


def make_pool(url: str, connections: int) -> ConnectionPool:
    """A pool of at most so many connections; it opens none by itself."""
    options = parse_url(url)  # type: ignore[no-untyped-call]
    kind = _KINDS.get(options.pop("connection_class", Connection), _Tcp)
    return ConnectionPool(
        connection_class=kind,
        max_connections=connections,
        protocol=2,  # with 3 it asks the server about its maintenance, and looks up its name
        retry=Retry(NoBackoff(), 0),
        health_check_interval=0,
        **options,
    )
