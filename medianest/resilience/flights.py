"""Flights: calls under way in threads of their own, that callers join and leave.

A flight has the context variables of whoever began it, but a deadline of its own: it goes on
when all have left. Within a flight nothing waits for another one: calls are made directly there,
so that no flight can wait for itself, nor two for each other.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable
from contextvars import ContextVar, copy_context
from typing import Any, Final, Protocol

from medianest.resilience.bulkhead import Bulkhead
from medianest.resilience.clock import Clock
from medianest.resilience.deadline import start_anew
from medianest.resilience.errors import BulkheadFullError
from medianest.resilience.given_up import GIVEN_UP
from medianest.resilience.outcome import reraise
from medianest.resilience.strategy import DeferredSettlement, Invoke

__all__ = ["LONG", "LONGEST", "Flight", "Joinable", "Keep", "is_aboard"]

logger = logging.getLogger(__name__)

_aboard: ContextVar[bool] = ContextVar("medianest-aboard", default=False)

Keep = Callable[[Any], None]

LONG: Final = 2.0
"""Seconds after which a wait takes a place in the line of its flight."""

LONGEST: Final = 30.0
"""Seconds that a flight may take where nothing else is said."""

_GRACE: Final = 1.0
"""Seconds after its deadline in which a call that obeys it says so itself."""


def is_aboard() -> bool:
    """Whether this code runs within a flight."""
    return _aboard.get()


class Joinable(Protocol):
    """Makes calls as flights."""

    beneath: Invoke
    """Makes a call without a flight."""

    def join(
        self, function: Callable[..., Any], args: Any, kwargs: Any, keep: Keep | None = None
    ) -> Flight | None:
        """The flight of a call, begun if there is none; whoever gets it must `leave` it. `keep`
        is given the result of one that begins here. None: the caller makes the call itself."""


class Flight:
    """One call under way. Whoever joins it leaves it, too; the last to leave takes the result
    away with it."""

    def __init__(
        self,
        inner: Invoke,
        question: tuple[Callable[..., Any], Any, Any],
        *,
        clock: Clock,
        timeout: float | None,
        keep: Keep | None,
        on_end: Callable[[Flight], None] = lambda flight: None,
        line: Bulkhead | None = None,
    ) -> None:
        self.callers = 1
        self._line = line
        self._began = clock.now()
        self._clock, self._timeout = clock, timeout
        self._inner, self._question, self._keep, self._on_end = inner, question, keep, on_end
        self._context = copy_context()
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._waiting = 1
        self._is_shared = True
        self._result: Any = None
        self._error: BaseException | None = None
        self._traceback: Any = None
        self._handover: list[DeferredSettlement] = []

    # -- for callers ---------------------------------------------------------------------------

    @property
    def age(self) -> float:
        """Seconds since it began."""
        return self._clock.now() - self._began

    @property
    def error(self) -> BaseException | None:
        """What it failed with, until the last caller has left."""
        return self._error

    def join(self) -> bool:
        """One more waits for it; False when nobody should: it is over, or overdue."""
        if self._left() <= 0:
            return False
        with self._lock:
            if self._over.is_set():
                return False
            self.callers += 1
            self._waiting += 1
            return True

    def wait(self, seconds: float) -> bool:
        """Wait for its end, so long at most and no longer than it may take; whether it is over.
        Who has waited for LONG takes a place in its line, or raises BulkheadFullError: each who
        waits holds a thread."""
        until = self._clock.now() + min(seconds, self._left(), threading.TIMEOUT_MAX)
        if self._line is None or until - self._clock.now() <= LONG:
            return self._over_by(until)
        if self._over.wait(LONG):
            return True
        try:
            place = self._line.acquire()
        except BulkheadFullError:
            if self._over.is_set():
                return True
            raise
        try:
            return self._over_by(until)
        finally:
            place.release()

    def _over_by(self, until: float) -> bool:
        return self._over.wait(max(0.0, until - self._clock.now()))

    def _left(self) -> float:
        """Seconds until it is overdue: what is inside did not obey its deadline."""
        return math.inf if self._timeout is None else self._timeout + _GRACE - self.age

    def take(self, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Its result when it is over, or raise its error. Makes this caller's own call when it has
        no result that can be shared."""
        if self._error is not None:
            # From the same traceback each time, or it would grow with every caller.
            reraise(self._error.with_traceback(self._traceback))
        if self._is_shared:
            return self._result
        try:
            handover = self._handover.pop()  # atomic: one caller gets it
        except IndexError:
            return self._inner(function, args, kwargs)
        try:
            raise handover.with_traceback(None)
        finally:
            del handover  # or its traceback, which knows this frame, would keep it

    def leave(self) -> None:
        """Stop waiting for it."""
        with self._lock:
            self._waiting -= 1
            nobody = self._waiting == 0 and self._over.is_set()
        if nobody:
            self._let_go()

    # -- for those who make it fly ---------------------------------------------------------------

    def run(self) -> None:
        """Make the call; never raises."""
        self._context.run(self._fly)
        self._end()

    def cancel(self) -> None:
        """It cannot begin: each caller makes the call alone."""
        self._is_shared = False
        self._end()

    def _fly(self) -> None:
        _aboard.set(True)
        start_anew(self._timeout, self._clock)
        before = GIVEN_UP.latest
        try:
            self._result = self._inner(*self._question)
            if self._keep is not None:
                self._keep(self._result)
        except DeferredSettlement as handover:
            self._is_shared = False
            self._handover.append(handover)
        except BaseException as error:
            # Without this frame, which knows the flight: error and flight would keep each other.
            self._traceback = error.__traceback__ and error.__traceback__.tb_next
            if GIVEN_UP.on(error, before):
                GIVEN_UP.mark(error)  # its callers are in other contexts
            self._error = error

    def _end(self) -> None:
        try:
            self._on_end(self)
        finally:
            with self._lock:
                self._over.set()
                nobody = self._waiting == 0
        if nobody:
            self._let_go()

    def _let_go(self) -> None:
        """Nobody is here, and nobody can come: it is over, and in no table any more."""
        self._result = self._error = self._traceback = None
        while self._handover:
            _release(self._handover.pop())


def _release(handover: DeferredSettlement) -> None:
    """A result that went on after its call, and that nobody waited for."""
    handover.release()
    close = getattr(handover.result, "close", None)
    try:
        if callable(close):
            close()
    except Exception:
        logger.exception("a result that nobody waited for cannot be closed")
