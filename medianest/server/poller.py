"""The poller: waits for all connections at once, so that no client holds a thread by what it does
not send, or does not take."""

from __future__ import annotations

import selectors
import socket
from collections.abc import Callable
from typing import Any, Final

from medianest.resilience.clock import SYSTEM_CLOCK
from medianest.server.channel import Backlog
from medianest.server.connection import LINGER_SECONDS, Connection, Phase
from medianest.server.doors import Doors, most_connections
from medianest.server.incoming import BODY_MOST

__all__ = ["Poller"]

_INCOMING_MOST: Final = 64 << 20
"""Bytes of all requests that are not whole; more where four alone may be so large."""


class Poller:
    """Gives a connection to `serve` when its request is there, and has it back by `finish`.
    `refuse` writes the answer to a request that did not come in time. Used by one thread."""

    def __init__(
        self,
        *,
        serve: Callable[[Connection], None],
        refuse: Callable[[Connection], None],
        complain: Callable[..., None],
        most: int,
        keepalive: float,
        body_seconds: float,
        body_most: int = BODY_MOST,
    ) -> None:
        self._serve, self._refuse = serve, refuse
        self._most = most_connections(most)
        self._keepalive, self._body_seconds = keepalive, body_seconds
        self._body_most = body_most
        self._backlog = Backlog()
        self._selector = selectors.DefaultSelector()
        self._connections: dict[Connection, None] = {}
        self._is_closing = False
        self._steps = {
            Phase.HEAD: self._read,
            Phase.BODY: self._read,
            Phase.SENDING: self._send,
            Phase.LINGERING: self._linger,
        }
        self.doors = Doors(
            self._selector, has_room=self._has_room, enter=self._enter, complain=complain
        )

    def __len__(self) -> int:
        return len(self._connections)

    def watch(self, pipe: int, seen: Callable[[Any], None]) -> None:
        """Have `seen` called when something can be read there."""
        self._selector.register(pipe, selectors.EVENT_READ, seen)

    def turn(self, seconds: float) -> None:
        """Wait so long for something to happen, and see to it."""
        for key, _ in self._selector.select(seconds):
            if not isinstance(key.data, Connection):
                key.data(key.fileobj)
            elif key.data in self._connections:  # and was not closed for others in this turn
                self._go_on(key.data)

    def sweep(self) -> None:
        """End what has waited for too long; called every second or so."""
        self.doors.reopen()
        now = SYSTEM_CLOCK.now()
        for connection in [c for c in self._connections if c.until <= now]:
            if connection.phase is not Phase.SERVED:
                self._expire(connection)
        self._bound_incoming()
        if self._backlog.is_large:
            for connection in [c for c in self._connections if c.takes_slowly()]:
                self._drop(connection)

    def _bound_incoming(self) -> None:
        """Where too much waits to become requests, what is largest goes."""
        most = max(_INCOMING_MOST, 4 * self._body_most)
        excess = sum(len(each.incoming) for each in self._connections) - most
        if excess <= 0:
            return
        droppable = [each for each in self._connections if each.may_be_dropped]
        for connection in sorted(droppable, key=lambda each: len(each.incoming), reverse=True):
            if excess <= 0:
                return
            excess -= len(connection.incoming)
            self._drop(connection)

    def close(self) -> None:
        """Take no new connections, and let those that are there have a moment to ask."""
        self.doors.close()
        self._is_closing = True
        soon = SYSTEM_CLOCK.now() + LINGER_SECONDS
        for connection in self._connections:
            connection.until = min(connection.until, soon)

    def end(self) -> None:
        """Close all that is left."""
        for connection in list(self._connections):
            self._drop(connection)
        self._selector.close()

    def finish(self, connection: Connection) -> None:
        """A thread has done with it: send the rest of its answer, then await the next request."""
        self._guarded(connection, self._send)

    # -- how connections come and go ---------------------------------------------------------------

    def _has_room(self) -> bool:
        return len(self._connections) < self._most or self._quietest() is not None

    def _quietest(self) -> Connection | None:
        """The one that has not asked anything for longest."""
        return next((each for each in self._connections if each.may_be_dropped), None)

    def _enter(self, sock: socket.socket, client: Any, server: Any) -> None:
        if len(self._connections) >= self._most and (quietest := self._quietest()) is not None:
            self._drop(quietest)
        try:
            connection = Connection(sock, client, server, self._backlog, self._body_most)
            self._await(connection, selectors.EVENT_READ)
        except OSError:  # it has gone already, or the system cannot watch one more
            sock.close()
        else:
            self._connections[connection] = None

    def _drop(self, connection: Connection) -> None:
        self._await(connection, 0)
        del self._connections[connection]
        connection.close()

    def _expire(self, connection: Connection) -> None:
        """Its time is over."""
        if connection.incoming and connection.phase in (Phase.HEAD, Phase.BODY):
            self._refuse(connection)
            self._guarded(connection, self._send)
        else:
            self._drop(connection)

    def _await(self, connection: Connection, events: int) -> None:
        if events == connection.events:
            return
        if connection.events == 0:
            self._selector.register(connection.sock, events, connection)
        elif events == 0:
            self._selector.unregister(connection.sock)
        else:
            self._selector.modify(connection.sock, events, connection)
        connection.events = events

    # -- how they go on ----------------------------------------------------------------------------

    def _guarded(self, connection: Connection, step: Callable[[Connection], None]) -> None:
        try:
            step(connection)
        except BlockingIOError:
            pass  # it is not so far after all
        except OSError:
            self._drop(connection)

    def _go_on(self, connection: Connection) -> None:
        self._guarded(connection, self._steps[connection.phase])

    def _read(self, connection: Connection) -> None:
        connection.receive(self._body_seconds)
        if connection.is_ready:
            self._hand_over(connection)

    def _hand_over(self, connection: Connection) -> None:
        self._await(connection, 0)
        del self._connections[connection]
        self._connections[connection] = None  # the last that has asked
        connection.give()
        self._serve(connection)

    def _send(self, connection: Connection) -> None:
        if not connection.send():
            self._await(connection, selectors.EVENT_WRITE)
        elif connection.is_kept:  # which the client has been told
            self._await_request(connection)
        else:
            connection.linger()
            self._await(connection, selectors.EVENT_READ)

    def _await_request(self, connection: Connection) -> None:
        keepalive = min(self._keepalive, LINGER_SECONDS) if self._is_closing else self._keepalive
        connection.await_request(keepalive, self._body_seconds)
        if connection.is_ready:  # it came with the one before
            self._hand_over(connection)
        else:
            self._await(connection, selectors.EVENT_READ)

    def _linger(self, connection: Connection) -> None:
        if connection.has_ended():
            self._drop(connection)
