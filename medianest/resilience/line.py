"""The places of a bulkhead, and who waits for one."""

from __future__ import annotations

import threading
from typing import Final

from medianest.resilience.clock import Clock
from medianest.resilience.deadline import remaining
from medianest.resilience.options import Scope

__all__ = ["FRESH", "Line", "Waiter"]

FRESH: Final = "fresh"
"""A place that nobody has had yet."""


class Waiter:
    """Waits at a gate, which is opened with a place for it. Whether it was given one is said by
    `given`, which an interrupt cannot blur."""

    __slots__ = ("gate", "given")

    is_here = True
    """Whether it is a call of this process."""

    def __init__(self) -> None:
        self.gate = threading.Lock()
        self.gate.acquire()
        self.given = False

    def give(self) -> None:
        """Let it have a place; with the line's lock held."""
        self.given = True
        self.gate.release()


class Line:
    """`most` places; who waits for one does so for `max_wait` seconds at most. Thread-safe.

    A place is taken from the end of `free` and given back there: both atomic, no lock. So used ones
    go first, and the fresh ones that are left tell the peak.
    """

    def __init__(self, most: int, max_wait: float, clock: Clock) -> None:
        self.free: Final[list[str | None]] = [FRESH] * most
        self.queue: Final[list[Waiter]] = []
        """Who waits, longest first."""
        self.lock = threading.Lock()
        self._most, self._max_wait, self._clock = most, max_wait, clock
        self._pace = 0.0
        """Seconds from one place given to who waits to the next."""
        self._moved_at = 0.0
        """When one was given, or since when the first waits for one."""

    @property
    def scope(self) -> Scope:
        """Whose places they are."""
        return "process"

    @property
    def in_use(self) -> int:
        """How many are taken."""
        return self._most - len(self.free)

    @property
    def peak(self) -> int:
        """How many this process has had at once."""
        return self._most - self.free.count(FRESH)

    @property
    def waiting(self) -> int:
        """How many calls of this process wait."""
        return len(self.queue)

    def give_back(self) -> None:
        """To who has waited longest, past whoever comes just now; or to all."""
        with self.lock:
            if self.queue:
                self._give_to(self.queue[0])
                return
        self.free.append(None)
        if self.queue:  # who began to wait just now has not seen it
            self.serve()

    def serve(self) -> None:
        """Give a free place, if there is one, to who has waited longest."""
        with self.lock:
            if self.queue and self.free:
                try:
                    del self.free[-1]
                except IndexError:  # somebody has just come and taken it
                    return
                self._give_to(self.queue[0])

    def wait(self, waiter: Waiter, max_wait: float, max_waiting: int | None) -> bool:
        """Whether it has a place now, after at most so many seconds."""
        patience = remaining(max_wait)
        if patience <= 0 or not self._stands(waiter, patience, max_waiting):
            return False
        self.serve()
        return waiter.gate.acquire(timeout=patience) or not self._leave(waiter)

    def abandon(self, waiter: Waiter) -> None:
        """Whoever waited cannot use a place any more: an interrupt came, or its time is over."""
        if not self._leave(waiter):
            self.give_back()

    def _give_to(self, waiter: Waiter) -> None:
        """With the lock held."""
        now = self._clock.now()
        # A mean of the last few: one place that came late, or soon, says little; and longer than
        # anybody waits is long enough.
        self._pace += (min(now - self._moved_at, self._max_wait) - self._pace) / 4
        self._moved_at = now
        self.queue.remove(waiter)
        waiter.give()

    def _stands(self, waiter: Waiter, patience: float, max_waiting: int | None) -> bool:
        """Whether it is in the line now: there may be too many, for how fast it moves."""
        now = self._clock.now()
        with self.lock:
            ahead = self.waiting
            if not ahead:
                self._moved_at = now
            elif max_waiting is not None and (
                ahead >= max_waiting or self._time_for(ahead + 1, now) > patience
            ):
                return False
            self.queue.append(waiter)
        return True

    def _time_for(self, places: int, now: float) -> float:
        """Seconds in which so many places come free, from what is known now."""
        return places * max(self._pace, now - self._moved_at)

    def _leave(self, waiter: Waiter) -> bool:
        """Stop waiting; False when it has been given a place already."""
        with self.lock:
            if not waiter.given and waiter in self.queue:
                self.queue.remove(waiter)
                self._pace = max(self._pace, self._clock.now() - self._moved_at)  # at best
            return not waiter.given
