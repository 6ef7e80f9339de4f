"""Connections that are used again only while they can be believed in.

A router or a firewall may forget an idle connection without a word to either end, and a server may
close one just while we ask. And a name may move to another machine while the old one still answers.
So a connection is used again only for what is safe to repeat, not after a long rest, and not when
it is old. If it ends without a byte of an answer, the question is asked once more on a new
connection, within the same deadline: for the caller nothing has failed.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from urllib3.connection import HTTPConnection
from urllib3.response import HTTPResponse

from medianest.net.connect import give_up_unheard
from medianest.net.dns import time_left
from medianest.resilience import Clock
from medianest.resilience.clock import as_clock, elapsed_of

__all__ = ["Freshness", "ReusableConnection"]

logger = logging.getLogger(__name__)

_LONGEST_IDLE: Final = 30.0
"""Seconds. Home routers and IPVS remember an idle connection for 5 minutes or more."""

_GREATEST_AGE: Final = 120.0
"""Seconds from its opening, however often it is used: so soon a name is looked up again."""

_UNHEARD: Final = 1.2
"""Seconds after which a question on a used connection must have reached the other end: time for
two or three attempts by TCP."""

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""RFC 9110, section 9.2.1."""


class Freshness:
    """Which idle connections of a pool can be believed in. Thread-safe: a lost update of the one
    value costs one more question on a dead connection."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._elapsed = elapsed_of(as_clock(clock))  # asleep, a connection is forgotten as well
        self._doubted_until = -math.inf

    def now(self) -> float:
        """The time by which connections tell when they were opened and last answered on."""
        return self._elapsed()

    def covers(self, opened_at: float, answered_at: float) -> bool:
        """Whether a connection that was opened and last answered on at these times can be used
        again."""
        now = self.now()
        is_young = opened_at > now - _GREATEST_AGE
        return is_young and answered_at > max(self._doubted_until, now - _LONGEST_IDLE)

    def doubt(self, asked_at: float) -> None:
        """One that was asked on at that time was dead: so may be those that rested as long."""
        self._doubted_until = max(self._doubted_until, asked_at)


class ReusableConnection(HTTPConnection):
    """A connection that knows whether it was used before. Its sockets have `heard`: whether a byte
    has come since it was set to False."""

    def __init__(self, *args: Any, freshness: Freshness | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self._freshness = freshness or Freshness()
        self._opened_at = 0.0
        self._answered_at: float | None = None  # on the socket that is open now
        self._asked_at = 0.0
        self._ask_again: Callable[[], None] | None = None

    def connect(self) -> None:
        """Open a new socket."""
        self._opened_at, self._answered_at = self._freshness.now(), None
        super().connect()

    def request(self, method: str, url: str, *args: Any, **options: Any) -> None:
        """Send a request: on the open socket if it is safe to repeat, else on a new one."""
        ask = partial(super().request, method, url, *args, **options)
        self._ask_again = None
        # Through a proxy it cannot be opened again: closing it forgets where the tunnel leads.
        if self.proxy is None and self.sock is not None and self._answered_at is not None:
            if method in _SAFE and self._freshness.covers(self._opened_at, self._answered_at):
                self._ask_again = ask
                self._expect_to_be_heard(self.sock)
            else:
                self.close()
        try:
            ask()
            return
        except OSError as error:
            if not self._is_dead(self.sock, error):
                raise
        self._ask_anew()

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3's
        """The head of the answer, to the question asked anew where the first met a dead end."""
        response = self._response()
        if response is None:
            self._ask_anew()
            response = super().getresponse()
        self._ask_again = None
        self._answered_at = self._freshness.now()
        if response.status < 200:
            self.close()  # the whole answer may follow, and must not be taken for the next one
        return response

    def _response(self) -> HTTPResponse | None:
        sock = self.sock  # http.client lets go of it when it fails
        try:
            return super().getresponse()
        except OSError as error:
            if not self._is_dead(sock, error):
                raise
        return None

    def _expect_to_be_heard(self, sock: Any) -> None:
        self._asked_at = self._freshness.now()
        sock.heard = False
        give_up_unheard(sock, min(_UNHEARD, time_left() / 2))

    def _is_dead(self, sock: Any, error: OSError) -> bool:
        """Whether a used connection ended unheard: it was not the deadline that ended it."""
        by_deadline = isinstance(error, TimeoutError) and error.errno is None
        return self._ask_again is not None and not by_deadline and not sock.heard

    def _ask_anew(self) -> None:
        """Outside of the handling of the first error: it is no cause of what comes now."""
        ask, self._ask_again = self._ask_again, None
        assert ask is not None
        self._freshness.doubt(self._asked_at)
        self.close()
        logger.info("an idle connection to %s was dead: asking on a new one", self.host)
        ask()
