"""The listening sockets: connections are taken while there is room, and when there is none the
server waits for a while instead of trying again at once."""

from __future__ import annotations

import errno
import resource
import selectors
import socket
from collections.abc import Callable, Iterable
from typing import Any, Final

from medianest.resilience.clock import SYSTEM_CLOCK, Clock

__all__ = ["Doors", "most_connections"]

_AT_ONCE: Final = 16
"""Connections taken in one turn; other workers want some, too."""

_FILES_FOR_OTHERS: Final = 128
"""Open files that are left for what is no client: database, upstreams, logs."""

_BACK_OFF: Final = 1.0
"""Seconds without a new connection when there is no room."""

_CALM: Final = 10.0
"""Seconds with room enough, after which a lack of it is told again: files come and go, and each
one that is free lets a connection in."""

_NO_ROOM: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


def most_connections(wanted: int) -> int:
    """So many as are wanted, or as open files allow."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return wanted
    return min(wanted, max(16, files - _FILES_FOR_OTHERS))


class Doors:
    """Gives each new connection to `enter`, while `has_room` says that there is some."""

    def __init__(
        self,
        selector: selectors.BaseSelector,
        *,
        has_room: Callable[[], bool],
        enter: Callable[[socket.socket, Any, Any], None],
        complain: Callable[..., None],
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._selector, self._clock = selector, clock
        self._has_room, self._enter, self._complain = has_room, enter, complain
        self._listeners: tuple[Any, ...] = ()
        self._closed_until: float | None = None
        self._lacked_at: float | None = None

    def open(self, listeners: Iterable[Any]) -> None:
        """Take connections there from now on."""
        self._listeners = tuple(listeners)
        for listener in self._listeners:
            listener.setblocking(False)
        self._watch()

    def close(self) -> None:
        """Take those that wait already, and no more."""
        for listener in self._listeners:
            while self._take(listener):
                pass
        if self._closed_until is None:
            self._unwatch()
        for listener in self._listeners:
            listener.close()
        self._listeners, self._closed_until = (), None

    def reopen(self) -> None:
        """After a while without room; called every second or so."""
        if self._closed_until is not None and self._closed_until <= self._clock.now():
            self._closed_until = None
            self._watch()

    def _watch(self) -> None:
        for listener in self._listeners:
            self._selector.register(listener, selectors.EVENT_READ, self._take_some)

    def _unwatch(self) -> None:
        for listener in self._listeners:
            self._selector.unregister(listener)

    def _take_some(self, listener: Any) -> None:
        for _ in range(_AT_ONCE):
            if not self._take(listener):
                return

    def _take(self, listener: Any) -> bool:
        """Take one connection; whether there may be another one."""
        if not self._has_room():
            self._wait("too many are being answered")
            return False
        try:
            sock, client = listener.accept()
        except ConnectionAbortedError:
            return True  # that client has left
        except OSError as error:
            if error.errno in _NO_ROOM:
                self._wait(str(error.strerror))
            return False  # none waits, or another worker was quicker
        self._enter(sock, client, listener.getsockname())
        return True

    def _wait(self, why: str) -> None:
        now = self._clock.now()
        if self._closed_until is None:
            self._unwatch()
        self._closed_until = now + _BACK_OFF
        if self._lacked_at is None or now - self._lacked_at > _CALM:
            self._complain("takes no new connection: %s; tries again every second", why)
        self._lacked_at = now
