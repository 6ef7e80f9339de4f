"""A connection as a thread sees it, in the place of a socket: gunicorn's parser reads from it what
the poller has read already, and what its response writes needs no thread until it has arrived."""

from __future__ import annotations

import select
import socket
import sys
import threading
from typing import Any, Final

from gunicorn.http.errors import LimitRequestHeaders, ParseException

from medianest.resilience.deadline import remaining
from medianest.server.pace import GRACE, LITTLE_GRACE, ClientPace

__all__ = ["Backlog", "Channel", "SlowClientError", "keep_unsent_here"]

UNSENT_MOST: Final = 1 << 20
"""Bytes of one answer that may wait for the client without a thread."""

BACKLOG_MOST: Final = 64 << 20
"""Bytes of all answers that may."""

_PIECE: Final = 1 << 16


class SlowClientError(TimeoutError):
    """The client takes less than it must."""


def keep_unsent_here(sock: socket.socket) -> None:
    """Have the system take only what the client takes: what it does not is to be seen by us, or a
    client could ask again and again without ever reading."""
    option = getattr(socket, "TCP_NOTSENT_LOWAT", 25 if sys.platform == "linux" else None)
    if option is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
        sock.setsockopt(socket.IPPROTO_TCP, option, _PIECE)


class Backlog:
    """The bytes of all answers that wait without a thread. Thread-safe."""

    def __init__(self, most: int = BACKLOG_MOST) -> None:
        self._most = self._left = most
        self._lock = threading.Lock()

    @property
    def is_large(self) -> bool:
        """Whether there will soon be no room for more."""
        return self._left < self._most / 2

    def take(self, size: int) -> bool:
        """Whether so many more may wait; they must be given back."""
        with self._lock:
            if size > self._left:
                return False
            self._left -= size
            return True

    def give_back(self, size: int) -> None:
        """They wait no more."""
        with self._lock:
            self._left += size


class Channel:
    """One connection, for one thread at a time, or for the poller."""

    def __init__(self, sock: socket.socket, backlog: Backlog) -> None:
        self._sock = sock
        self._backlog = backlog
        self._unsent = bytearray()
        self._deferred = 0
        self._given = memoryview(b"")
        self._has_head = self._holds = self._has_begun = False
        self.is_cut = False
        """Whether the request goes on beyond what is waited for."""
        self.is_last = False
        """Whether what is written now ends the answer."""

    def await_request(self) -> None:
        """What has been said was said to the request before."""
        self._has_begun = False

    # -- reading -------------------------------------------------------------------------------

    def give(self, data: bytes, *, is_whole: bool, has_head: bool) -> None:
        """What the poller has read of a request: all of it, or more than is waited for. The head
        of its answer is held until something follows."""
        self._given = memoryview(data)
        self.is_cut, self._has_head = has_head and not is_whole, has_head
        self._holds, self.is_last, self._has_begun = True, False, False

    def recv(self, size: int) -> bytes:
        """The next bytes, b"" at their end. No thread waits for more of them. Raises
        ParseException."""
        if self._given:
            found, self._given = bytes(self._given[:size]), self._given[size:]
            return found
        if not self._has_head:
            raise LimitRequestHeaders("the head is too long")
        if self.is_cut:
            raise ParseException("the body is too long, or in chunks that are none")
        return b""

    # -- writing -------------------------------------------------------------------------------

    def send(self, data: bytes) -> int:
        """gunicorn says "100 Continue" by it: the client has been told, where it is wanted."""
        return len(data)

    def sendall(self, data: Any) -> None:
        """Write a piece of an answer; the head together with what follows it. Raises
        SlowClientError, and OSError for a client that has left."""
        self._unsent += data
        if self._holds:
            self._holds = False
            return
        self.flush()

    def flush(self) -> None:
        """Send what is held. The end of an answer may wait for a slow client without a thread."""
        if self.send_some(ClientPace()) or (self.is_last and self._defer()):
            return
        # Where the end of an answer may not wait in memory, many dawdle.
        pace = ClientPace(LITTLE_GRACE if self.is_last else GRACE)
        while not self.send_some(pace):
            self._wait(pace)

    def send_some(self, pace: ClientPace) -> bool:
        """Send what the client takes now; whether that is all."""
        while self._unsent:
            try:
                with memoryview(self._unsent) as view:
                    sent = self._sock.send(view[:_PIECE])
            except BlockingIOError:
                return False
            self._has_begun = True
            pace.moved(sent)
            del self._unsent[:sent]
        self.release()
        return True

    def say_instead(self, data: bytes) -> None:
        """Have this sent in the place of an answer, unless that has begun."""
        self._unsent.clear()
        if not self._has_begun:
            self._unsent += data
            self._has_begun = True

    def release(self) -> None:
        """Nothing waits any more."""
        self._backlog.give_back(self._deferred)
        self._deferred = 0

    def _defer(self) -> bool:
        self.release()  # it may have waited before its last byte was written
        size = len(self._unsent)
        if size > UNSENT_MOST or not self._backlog.take(size):
            return False
        self._deferred = size
        return True

    def _wait(self, pace: ClientPace) -> None:
        seconds = min(pace.left(), remaining())
        poll = select.poll()
        poll.register(self._sock, select.POLLOUT)
        if seconds <= 0 or not poll.poll(seconds * 1000):
            raise SlowClientError("the client is too slow")
