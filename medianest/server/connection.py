"""One client's connection, and what the server waits for on it."""

from __future__ import annotations

import enum
import socket
from typing import Any, Final

from medianest.resilience.clock import SYSTEM_CLOCK
from medianest.server.channel import Backlog, Channel, keep_unsent_here
from medianest.server.incoming import Incoming
from medianest.server.pace import ClientPace

__all__ = ["LINGER_SECONDS", "Connection", "Phase"]

HEAD_SECONDS: Final = 5.0
"""Time for a client to send a whole request head, whatever it drips."""

LINGER_SECONDS: Final = 2.0
"""Time for a client to close its side after the last answer, as gunicorn gives it."""

LINGER_MOST: Final = 1 << 20
"""Bytes that are thrown away meanwhile, so that the last answer is not reset."""

_RECEIVED: Final = 65536


class Phase(enum.Enum):
    """What comes next on a connection."""

    HEAD = "head"
    """The rest of a request head, or the first byte of one."""
    BODY = "body"
    """The rest of a request body."""
    SERVED = "served"
    """An answer: a thread has the request."""
    SENDING = "sending"
    """A client that takes its answer."""
    LINGERING = "lingering"
    """The client's end of the connection."""


class Connection:
    """Belongs to the poller, but for its channel while it is SERVED."""

    def __init__(
        self, sock: socket.socket, client: Any, server: Any, backlog: Backlog, body_most: int
    ) -> None:
        sock.setblocking(False)
        keep_unsent_here(sock)
        self.sock, self.client, self.server = sock, client, server
        self.channel = Channel(sock, backlog)
        self.incoming = Incoming(body_most)
        self.parser: Any = None
        self.is_kept = True
        """Whether another request may follow."""
        self.phase = Phase.HEAD
        self.until = SYSTEM_CLOCK.now() + HEAD_SECONDS
        """When it is ended, if nothing more happens."""
        self.pace = ClientPace()
        self.target = b""
        """What the request asks for."""
        self.events = 0
        """What the poller waits for."""
        self._body_until = 0.0
        self._is_continued = False
        self._dropped = 0

    # -- what comes in -----------------------------------------------------------------------------

    @property
    def is_ready(self) -> bool:
        """Whether a thread has something to do."""
        return self.incoming.is_ready()

    def receive(self, body_seconds: float) -> None:
        """Read what has come. Raises OSError when the client has left before its request was
        whole."""
        data = self.sock.recv(_RECEIVED)
        if not data:
            raise ConnectionAbortedError
        if not self.incoming:
            self.until = SYSTEM_CLOCK.now() + HEAD_SECONDS
        self.incoming.feed(data)
        if self.phase is Phase.BODY:
            self.pace.moved(len(data))
            self.until = min(self.pace.until, self._body_until)
        else:
            self._await_rest(body_seconds)

    def _await_rest(self, body_seconds: float) -> None:
        """Of a request whose head is there, the body."""
        if self.is_ready or not self.incoming.has_head:
            return
        self.phase, self.pace = Phase.BODY, ClientPace()
        self._body_until = SYSTEM_CLOCK.now() + body_seconds
        self.until = min(self.pace.until, self._body_until)
        if self.incoming.expects_continue and not self._is_continued:
            self._is_continued = True
            self.sock.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def give(self) -> None:
        """Give the request to a thread."""
        self.phase, self.target = Phase.SERVED, self.incoming.target
        has_head = self.incoming.has_head
        data, is_whole = self.incoming.take()
        self.channel.give(data, is_whole=is_whole, has_head=has_head)

    def has_read_all(self) -> bool:
        """Whether its request has been read to its end, so that another one may follow."""
        if self.channel.is_cut:
            return False
        # What the app did not read is all here. Where it is no body, its end is not known.
        return self.parser.finish_body() is not False and not self.parser.unreader.buf.getvalue()

    # -- what goes out -----------------------------------------------------------------------------

    def send(self) -> bool:
        """Send what the client takes; whether that is all."""
        if self.phase is not Phase.SENDING:
            self.phase, self.pace = Phase.SENDING, ClientPace()
        is_done = self.channel.send_some(self.pace)
        self.until = self.pace.until
        return is_done

    def takes_slowly(self) -> bool:
        """Whether its answer waits for it, and for longer than many can."""
        return self.phase is Phase.SENDING and self.pace.is_slow()

    def await_request(self, seconds: float, body_seconds: float) -> None:
        """The next one may begin within so many seconds, or has begun with the one before."""
        self.phase, self._is_continued = Phase.HEAD, False
        self.channel.await_request()
        self.until = SYSTEM_CLOCK.now() + (HEAD_SECONDS if self.incoming else seconds)
        self._await_rest(body_seconds)

    def linger(self) -> None:
        """Say that nothing more follows; the client closes its side, or time does."""
        self.phase = Phase.LINGERING
        self.until = SYSTEM_CLOCK.now() + LINGER_SECONDS
        self.sock.shutdown(socket.SHUT_WR)

    def has_ended(self) -> bool:
        """Throw away what comes while it lingers; whether the client is done."""
        data = self.sock.recv(_RECEIVED)
        self._dropped += len(data)
        return not data or self._dropped > LINGER_MOST

    @property
    def may_be_dropped(self) -> bool:
        """Whether nothing is lost to a client that means well when it is closed for others: no
        request of it is being served or answered."""
        return self.phase in (Phase.HEAD, Phase.BODY, Phase.LINGERING)

    def close(self) -> None:
        """End it at once."""
        self.channel.release()
        self.sock.close()
