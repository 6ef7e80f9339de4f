"""A server that keeps its connections open, and whose every answer a test decides."""

import re
import socket
import ssl
import threading
from collections.abc import Callable
from typing import Any

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class KeepingServer:
    """Answers each request with what `answer(connection, place, turn)` sends: on the connection of
    that place, the request of that turn on it, both from 1. A connection ends when it returns
    True. `requests` are (place, method) in the order in which they came."""

    def __init__(self, answer: Callable[..., Any], tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[tuple[int, str]] = []
        self.answer, self.accepted = answer, 0
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://localhost:{self.port}"

    def stop(self) -> None:
        if self._listener.fileno() != -1:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(
                target=self._serve, args=(connection, self.accepted), daemon=True
            ).start()

    def _serve(self, connection: socket.socket, place: int) -> None:
        try:
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            turn = 0
            while head := self._read(connection):
                turn += 1
                self.requests.append((place, head.split()[0].decode()))
                if self.answer(connection, place, turn):
                    return
        except OSError:
            pass  # the client had enough
        finally:
            connection.close()

    def _read(self, connection: socket.socket) -> bytes:
        """A whole request; nothing when the client has left."""
        data, size = b"", 0
        while b"\r\n\r\n" not in data or len(data.partition(b"\r\n\r\n")[2]) < size:
            if not (some := connection.recv(65536)):
                return b""
            data += some
            if length := re.search(rb"Content-Length: (\d+)", data):
                size = int(length[1])
        return data


def well(connection: socket.socket, place: int, turn: int) -> None:
    """A server that is always well."""
    connection.sendall(OK)


def hang_up(connection: socket.socket) -> bool:
    """Close without a word."""
    connection.shutdown(socket.SHUT_RDWR)
    return True


def reset(connection: socket.socket) -> bool:
    """Close as a system does that knows the connection no more."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()
    return True
