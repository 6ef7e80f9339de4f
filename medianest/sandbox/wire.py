"""One client's connection, for what an ordinary answer cannot do to it."""

from __future__ import annotations

import os
import socket
import struct
from typing import Final

__all__ = ["RawConnection"]

ABORT: Final = struct.pack("ii", 1, 0)
"""SO_LINGER, on, zero seconds: closing discards what is unsent and sends RST."""


class RawConnection:
    """The raw connection below one request."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def write(self, data: bytes) -> bool:
        """Send bytes as they are; False when the client has left."""
        try:
            self._connection.sendall(data)
        except OSError:
            return False
        return True

    def client_left(self) -> bool:
        """Whether the client has closed its end; never waits."""
        patience = self._connection.gettimeout()
        try:
            self._connection.settimeout(0)
            return not self._connection.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True
        finally:
            self._connection.settimeout(patience)

    def reset(self) -> None:
        """End the connection with RST."""
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
        # close() would wait for the files made of the socket, and a shutdown sends FIN first.
        os.close(self._connection.detach())
