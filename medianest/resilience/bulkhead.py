"""The bulkhead: a compartment with a fixed number of places, so that one dependency that hangs
never takes all threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Unpack

from medianest.resilience.arguments import tells_arguments
from medianest.resilience.clock import Clock, as_clock
from medianest.resilience.counter import LockFreeCounter
from medianest.resilience.errors import BulkheadFullError
from medianest.resilience.events import BulkheadFull, bulkhead_full, publish
from medianest.resilience.keywords import BulkheadKeywords
from medianest.resilience.line import Line, Waiter
from medianest.resilience.options import BulkheadOptions, checked_name, configure
from medianest.resilience.shared_line import SharedLine
from medianest.resilience.snapshot import BulkheadSnapshot
from medianest.resilience.strategy import DeferredSettlement, Invoke, Strategy, direct

__all__ = ["Bulkhead", "Place"]

_RETRY_AFTER = 1.0
"""Seconds to tell a refused caller: a full compartment usually has a place again within one."""


@tells_arguments
class Bulkhead(Strategy):
    """At most `max_concurrent` calls at once; others wait up to `max_wait` seconds for a place.

    Who waits holds a thread. With `max_waiting` only so many do, and of these only as many as get
    a place in time at the pace at which places have come free: when nothing moves, one waits, to
    notice when it moves again, and the others are refused at once.

    Raises BulkheadFullError when there is none. Thread-safe.
    """

    def __init__(
        self,
        name: str,
        options: BulkheadOptions | None = None,
        *,
        clock: Clock | Callable[[], float] | None = None,
        **keywords: Unpack[BulkheadKeywords],
    ) -> None:
        self.name = checked_name(name, "bulkhead")
        self.options = configure(BulkheadOptions, options, keywords, f"bulkhead {name!r}", "clock")
        clock, most = as_clock(clock), self.options.max_concurrent
        self.shared: Final = (
            SharedLine(most, self.options.max_wait, clock) if self.options.scope == "host" else None
        )
        """What its peers tie together, where its places are the host's."""
        self._line = self.shared or Line(most, self.options.max_wait, clock)
        self._places, self._give_back = self._line.free, self._line.give_back
        self._rejected = LockFreeCounter()
        super().__init__()

    def wrap(self, inner: Invoke) -> Invoke:
        """Compose the bulkhead around `inner`."""
        return self._around(inner, (self.options.max_wait, self.options.max_waiting))

    def _around(self, inner: Invoke, bounds: tuple[float, int | None]) -> Invoke:
        places, queue = self._places, self._line.queue
        is_innermost = inner is direct

        def invoke(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
            taken, waiter = False, None
            try:
                try:
                    # Not `pop()`: after a call Python may deliver an interrupt, after `del` it
                    # does not, so that a place that is taken is always known to be taken.
                    del places[-1]
                except IndexError:
                    waiter = Waiter()
                    self._wait_for_place(waiter, *bounds)
                taken = True
                if is_innermost:  # the frame of `direct` is 20 ns
                    result = function(*args, **kwargs) if kwargs else function(*args)
                else:
                    result = inner(function, args, kwargs)
            except BaseException as error:
                self._end(error, taken, waiter)
                raise
            if queue:
                self._give_back()
                return result
            places.append(None)
            if queue:  # who began to wait just before the place was back has not seen it
                self._line.serve()
            return result

        return invoke

    def acquire(self) -> Place:
        """Take a place in two phases: `release` it when done. Raises BulkheadFullError."""
        try:
            del self._places[-1]
        except IndexError:
            waiter, options = Waiter(), self.options
            try:
                self._wait_for_place(waiter, options.max_wait, options.max_waiting)
            except BaseException:
                self._line.abandon(waiter)
                raise
        return Place(self._give_back)

    def snapshot(self) -> BulkheadSnapshot:
        """How full it is, and was."""
        line = self._line
        return BulkheadSnapshot(
            name=self.name,
            max_concurrent=self.options.max_concurrent,
            in_use=line.in_use,
            waiting=line.waiting,
            rejected=self._rejected.read(),
            peak=line.peak,
            scope=line.scope,
        )

    @property
    def waiting(self) -> int:
        """How many calls of this process wait for a place."""
        return self._line.waiting

    def _end(self, error: BaseException, taken: bool, waiter: Waiter | None) -> None:
        """A call ended by an error, which may be that it goes on, or before it had a place."""
        if isinstance(error, DeferredSettlement):
            error.held.append(Place(self._give_back))
        elif taken:
            self._give_back()
        elif waiter is not None:
            self._line.abandon(waiter)

    def _wait_for_place(self, waiter: Waiter, max_wait: float, most: int | None) -> None:
        if not self._line.wait(waiter, max_wait, most):
            next(self._rejected.ticks)
            if bulkhead_full.receivers:
                publish((BulkheadFull(self.name, self.options.max_concurrent),))
            raise BulkheadFullError(self.name, _RETRY_AFTER) from None

    def __repr__(self) -> str:
        most = self.options.max_concurrent
        return f"<Bulkhead {self.name!r} {most - self._line.in_use}/{most} free>"


class Place:
    """A place in a bulkhead, until it is released. Releasing it again does nothing."""

    __slots__ = ("_give_back",)

    def __init__(self, give_back: Callable[[], None]) -> None:
        self._give_back = [give_back]

    def release(self) -> None:
        """Give the place back."""
        try:
            give_back = self._give_back.pop()  # atomic: of two threads, one gives it back
        except IndexError:
            return
        give_back()

    success = release

    def progress(self) -> None:
        """A place does not expire."""

    def failure(self, error: BaseException) -> None:
        """A place is given back however the call ends."""
        self.release()
