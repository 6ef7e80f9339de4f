"""gunicorn's threaded worker, with two things mended.

gunicorn gives each new connection a thread that waits for its first byte, so that a few silent
clients take them all and probes starve; and its own errors are HTML.
"""

from __future__ import annotations

import errno
import json
import logging
import secrets
import selectors
import socket
from functools import partial
from types import FrameType
from typing import Any, Final

from gunicorn import util
from gunicorn.workers.gthread import TConn, ThreadWorker

from medianest.resilience.clock import SYSTEM_CLOCK

__all__ = ["HEAD_SECONDS", "Worker"]

LINGER_SECONDS: Final = 2.0
"""As gunicorn gives kept-alive connections when a worker stops."""

_NOBODY_THERE: Final = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.ECONNABORTED})
"""Another worker was quicker, or the client has left."""

HEAD_SECONDS: Final = 5.0
"""Time for a client to send a whole request head, whatever it drips."""


class Worker(ThreadWorker):
    """A connection gets a thread when there is something to read on it, and keeps it for at most
    HEAD_SECONDS before its request is there."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._reading: dict[TConn, float] = {}
        self._quitting = False

    def handle_quit(self, sig: int, frame: FrameType | None) -> None:
        """End now. Ctrl-C comes from the terminal and from the master, and the second, in the
        middle of the first, would wait for a lock that the first holds."""
        if not self._quitting:
            self._quitting = True
            super().handle_quit(sig, frame)

    def accept(self, listener: socket.socket) -> None:
        """Wait for the first byte in the poller, which takes no thread."""
        try:
            sock, address = listener.accept()
        except OSError as error:
            if error.errno not in _NOBODY_THERE:  # no more files, say: wait for the next second
                self.log.error("cannot accept a connection: %s", error.strerror)
                self.set_accept_enabled(False)
            return
        self.nr_conns += 1
        connection = TConn(self.cfg, sock, address, listener.getsockname())
        connection.timeout = SYSTEM_CLOCK.now() + HEAD_SECONDS
        self.pending_conns.append(connection)
        readable = partial(self.on_pending_socket_readable, connection)
        self.poller.register(connection.sock, selectors.EVENT_READ, readable)

    def handle(self, connection: TConn) -> Any:
        """Read and serve one request; runs in a thread."""
        self._reading[connection] = SYSTEM_CLOCK.now()
        try:
            return super().handle(connection)
        finally:
            self._reading.pop(connection, None)

    def handle_request(self, req: Any, conn: TConn) -> Any:
        """Serve a request whose head is there."""
        self._reading.pop(conn, None)
        return super().handle_request(req, conn)

    def murder_pending(self) -> None:
        """End the connections that have said too little for too long; called every second."""
        now = SYSTEM_CLOCK.now()
        if not self.alive:  # those that have not asked for anything yet have a moment left
            for connection in self.pending_conns:
                connection.timeout = min(connection.timeout or now, now + LINGER_SECONDS)
        super().murder_pending()
        for connection, since in list(self._reading.items()):
            if now - since > HEAD_SECONDS:
                try:
                    connection.sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass  # it has just ended by itself


def _write_problem(sock: socket.socket, status_int: int, reason: str, mesg: str) -> None:
    """What gunicorn itself refuses is told as a problem, too (RFC 9457)."""
    body = json.dumps(
        {
            "type": "about:blank",
            "title": reason,
            "status": status_int,
            "detail": "the request could not be read" if status_int < 500 else "the server failed",
            "trace_id": secrets.token_hex(16),
        }
    ).encode()
    head = (
        f"HTTP/1.1 {status_int} {reason}\r\nConnection: close\r\n"
        f"Content-Type: application/problem+json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    util.write_nonblock(sock, head.encode("latin-1") + body)


def _is_no_news(record: logging.LogRecord) -> bool:
    """A client that was silent for too long is no error of ours, and needs no traceback: the
    error came out of gunicorn's own reading."""
    error, trace = record.exc_info[1:] if record.exc_info else (None, None)
    if not isinstance(error, BlockingIOError | TimeoutError) or trace is None:
        return True
    while trace.tb_next is not None:
        trace = trace.tb_next
    return str(trace.tb_frame.f_globals.get("__name__", "")).partition(".")[0] != "gunicorn"


util.write_error = _write_problem
logging.getLogger("gunicorn.error").addFilter(_is_no_news)
