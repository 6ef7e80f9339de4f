"""The bulkhead: a compartment with a fixed number of places, so that one dependency that hangs
never takes all threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final, Unpack

from medianest.resilience.arguments import tells_arguments
from medianest.resilience.clock import Clock, as_clock
from medianest.resilience.counter import LockFreeCounter
from medianest.resilience.deadline import remaining
from medianest.resilience.errors import BulkheadFullError
from medianest.resilience.events import BulkheadFull, bulkhead_full, publish
from medianest.resilience.keywords import BulkheadKeywords
from medianest.resilience.options import BulkheadOptions, checked_name, configure
from medianest.resilience.snapshot import BulkheadSnapshot
from medianest.resilience.strategy import DeferredSettlement, Invoke, Strategy, direct

__all__ = ["Bulkhead", "Place"]

_RETRY_AFTER = 1.0
"""Seconds to tell a refused caller: a full compartment usually has a place again within one."""

_FRESH: Final = "fresh"
"""A place that nobody has had yet."""


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
        # A place is taken from the end and given back there: both atomic, no lock. So used ones go
        # first, and the fresh ones that are left tell the peak.
        self._places: list[str | None] = [_FRESH] * self.options.max_concurrent
        # Who waits, longest first.
        self._queue: list[_Waiter] = []
        self._queue_lock = threading.Lock()
        self._clock = as_clock(clock)
        self._pace = 0.0
        """Seconds from one place given to who waits to the next."""
        self._moved_at = 0.0
        """When one was given, or since when the first waits for one."""
        self._rejected = LockFreeCounter()
        super().__init__()

    def wrap(self, inner: Invoke) -> Invoke:
        """Compose the bulkhead around `inner`."""
        return self._around(inner, (self.options.max_wait, self.options.max_waiting))

    def _around(self, inner: Invoke, line: tuple[float, int | None]) -> Invoke:
        places, queue = self._places, self._queue
        is_innermost = inner is direct

        def invoke(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
            taken, waiter = False, None
            try:
                try:
                    # Not `pop()`: after a call Python may deliver an interrupt, after `del` it
                    # does not, so that a place that is taken is always known to be taken.
                    del places[-1]
                except IndexError:
                    waiter = _Waiter()
                    self._wait_for_place(waiter, *line)
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
                self._serve()
            return result

        return invoke

    def acquire(self) -> Place:
        """Take a place in two phases: `release` it when done. Raises BulkheadFullError."""
        try:
            del self._places[-1]
        except IndexError:
            waiter, options = _Waiter(), self.options
            try:
                self._wait_for_place(waiter, options.max_wait, options.max_waiting)
            except BaseException:
                self._abandon(waiter)
                raise
        return Place(self._give_back)

    def snapshot(self) -> BulkheadSnapshot:
        """How full it is, and was."""
        most = self.options.max_concurrent
        return BulkheadSnapshot(
            name=self.name,
            max_concurrent=most,
            in_use=most - len(self._places),
            waiting=len(self._queue),
            rejected=self._rejected.read(),
            peak=most - self._places.count(_FRESH),
        )

    def _end(self, error: BaseException, taken: bool, waiter: _Waiter | None) -> None:
        """A call ended by an error, which may be that it goes on, or before it had a place."""
        if isinstance(error, DeferredSettlement):
            error.held.append(Place(self._give_back))
        elif taken:
            self._give_back()
        elif waiter is not None:
            self._abandon(waiter)

    def _give_back(self) -> None:
        """To who has waited longest, past whoever comes just now; or to all."""
        with self._queue_lock:
            if self._queue:
                self._give_to_first()
                return
        self._places.append(None)
        self._serve()

    def _serve(self) -> None:
        """Give a free place, if there is one, to who has waited longest."""
        with self._queue_lock:
            if self._queue and self._places:
                try:
                    del self._places[-1]
                except IndexError:  # somebody has just come and taken it
                    return
                self._give_to_first()

    def _give_to_first(self) -> None:
        """With the queue's lock held."""
        now = self._clock.now()
        # A mean of the last few: one place that came late, or soon, says little; and longer than
        # anybody waits is long enough.
        self._pace += (min(now - self._moved_at, self.options.max_wait) - self._pace) / 4
        self._moved_at = now
        self._queue.pop(0).give()

    def _wait_for_place(self, waiter: _Waiter, max_wait: float, most: int | None) -> None:
        patience = remaining(max_wait)
        if patience <= 0 or not self._wait(waiter, patience, most):
            next(self._rejected.ticks)
            if bulkhead_full.receivers:
                publish((BulkheadFull(self.name, self.options.max_concurrent),))
            raise BulkheadFullError(self.name, _RETRY_AFTER) from None

    def _wait(self, waiter: _Waiter, patience: float, most: int | None) -> bool:
        now = self._clock.now()
        with self._queue_lock:
            ahead = len(self._queue)
            if not ahead:
                self._moved_at = now
            elif most is not None and (ahead >= most or self._time_for(ahead + 1, now) > patience):
                return False
            self._queue.append(waiter)
        self._serve()
        return waiter.gate.acquire(timeout=patience) or not self._leave(waiter)

    def _time_for(self, places: int, now: float) -> float:
        """Seconds in which so many places come free, from what is known now."""
        return places * max(self._pace, now - self._moved_at)

    def _leave(self, waiter: _Waiter) -> bool:
        """Stop waiting; False when it has been given a place already."""
        with self._queue_lock:
            if not waiter.given and waiter in self._queue:
                self._queue.remove(waiter)
                self._pace = max(self._pace, self._clock.now() - self._moved_at)  # at best
            return not waiter.given

    def _abandon(self, waiter: _Waiter) -> None:
        """Whoever waited cannot use a place any more: an interrupt came, or its time is over."""
        if not self._leave(waiter):
            self._give_back()

    def __repr__(self) -> str:
        return f"<Bulkhead {self.name!r} {len(self._places)}/{self.options.max_concurrent} free>"


class _Waiter:
    """Waits at a gate, which is opened with a place for it. Whether it was given one is said by
    `given`, which an interrupt cannot blur."""

    __slots__ = ("gate", "given")

    def __init__(self) -> None:
        self.gate = threading.Lock()
        self.gate.acquire()
        self.given = False

    def give(self) -> None:
        """Let it have a place; with the queue's lock held."""
        self.given = True
        self.gate.release()


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
