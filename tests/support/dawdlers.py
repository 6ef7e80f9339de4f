"""Clients that dawdle, a thousand of each kind, from one thread."""

from __future__ import annotations

import socket
from typing import Any

_POST = (
    b"POST /api/v1/media/requests HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
)
_READ = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Dawdler:
    """One way to take a server's time: what is sent at once, and what again and again."""

    def __init__(self, first: bytes = b"", drip: bytes = b"", *, reads: bool = True) -> None:
        self.first, self.drip, self.reads = first, drip, reads


SENDERS = {
    "idle": Dawdler(),
    "one byte": Dawdler(b"G"),
    "dripping head": Dawdler(b"GET / HTTP/1.1\r\nX-Slow: ", b"a"),
    "lingering": Dawdler(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n"),
}
BODIES = {
    "dripping body": Dawdler(_POST + b"Content-Length: 60000\r\n\r\n", b" "),
    "dripping chunks": Dawdler(_POST + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "awaited body": Dawdler(_POST + b"Expect: 100-continue\r\nContent-Length: 60000\r\n\r\n"),
    "pipelined slow reader": Dawdler(_READ * 50, reads=False),
}


class Crowd:
    """So many clients of each of these kinds, connected."""

    def __init__(self, port: int, kinds: dict[str, Any], count: int) -> None:
        self._port = port
        self._clients = [
            (self._connect(kind), kind) for kind in kinds.values() for _ in range(count)
        ]

    def _connect(self, kind: Dawdler) -> socket.socket:
        client = socket.create_connection(("127.0.0.1", self._port), timeout=10)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sendall(kind.first)
        client.setblocking(False)
        return client

    def dawdle(self) -> None:
        """A little of everything; whoever reads throws away what comes."""
        for client, kind in self._clients:
            try:
                client.send(kind.drip)
                client.recv(65536 if kind.reads else 1)
            except OSError:
                pass

    def close(self) -> None:
        for client, _ in self._clients:
            client.close()
