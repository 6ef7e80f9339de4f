"""The pool of threads in which flights are made: bounded, lazy, safe under fork."""

from __future__ import annotations

import atexit
import logging
import os
import threading
import weakref
from collections.abc import Callable
from typing import Protocol

from medianest.resilience.arguments import tells_arguments
from medianest.resilience.errors import ConfigurationError
from medianest.resilience.options import is_whole

__all__ = ["FlightPool", "forget_in_child"]

logger = logging.getLogger(__name__)

_IDLE_SECONDS = 30.0
"""How long a thread waits for another flight before it ends."""


@tells_arguments
class FlightPool:
    """At most `max_flights` threads that make calls for others; more is never queued.

    Threads start when they are needed, are daemons, and end after half a minute without work or
    by `close`. A forked child starts its own. Thread-safe.
    """

    def __init__(self, max_flights: int = 8, *, name: str = "flight") -> None:
        if not is_whole(max_flights, at_least=1, at_most=10_000):
            raise ConfigurationError(
                f"max_flights must be a whole number from 1 to 10000, not {max_flights!r}"
            )
        self.name, self.max_flights = name, max_flights
        self._closed = False
        self.forget()
        forget_in_child(self)
        _POOLS.add(self)

    @property
    def in_flight(self) -> int:
        """How many threads are at work."""
        return self.max_flights - len(self._free)

    def start(self, job: Callable[[], None]) -> bool:
        """Have a job done in a thread, now; False when none is free."""
        if self._closed:
            return False
        try:
            del self._free[-1]  # as a bulkhead does: atomic, without a lock
        except IndexError:
            return False
        try:
            self._idle.pop().give(job)
        except IndexError:
            return self._start_thread(job)
        return True

    def close(self) -> None:
        """Take no more jobs; idle threads end, those at work when their job is done."""
        self._closed = True
        while self._idle:
            try:
                self._idle.pop().give(None)
            except IndexError:  # it has just been taken, or has ended
                break

    def forget(self) -> None:
        """Begin without threads, as in a forked child, which has none of its parent's."""
        self._free = [None] * self.max_flights
        self._idle: list[_Hand] = []

    def _start_thread(self, job: Callable[[], None]) -> bool:
        hand = _Hand(job)
        work = threading.Thread(target=self._work, args=(hand,), name=self.name, daemon=True)
        try:
            work.start()
        except BaseException as error:
            self._free.append(None)
            if isinstance(error, RuntimeError):  # the system gives no more threads
                return False
            raise
        return True

    def _work(self, hand: _Hand) -> None:
        while (job := hand.take()) is not None:
            try:
                job()
            except BaseException:
                logger.exception("a flight failed to end in order")
            del job
            # First idle, then free: whoever takes the place finds the thread.
            self._idle.append(hand)
            self._free.append(None)
            if self._closed or not hand.gate.acquire(timeout=_IDLE_SECONDS):
                try:
                    self._idle.remove(hand)
                except ValueError:  # it has just been taken for a job, or to end
                    hand.gate.acquire()
                else:
                    return


class _Hand:
    """What an idle thread waits for."""

    __slots__ = ("gate", "job")

    def __init__(self, job: Callable[[], None] | None) -> None:
        self.gate = threading.Lock()
        self.gate.acquire()
        self.job = job

    def give(self, job: Callable[[], None] | None) -> None:
        """Let it do a job, or end."""
        self.job = job
        self.gate.release()

    def take(self) -> Callable[[], None] | None:
        """The job that it was given."""
        job, self.job = self.job, None
        return job


class Forgetful(Protocol):
    """What has threads, or waits for some, that a forked child does not have."""

    def forget(self) -> None:
        """Begin anew."""


_POOLS: weakref.WeakSet[FlightPool] = weakref.WeakSet()
_FORGETFUL: weakref.WeakSet[Forgetful] = weakref.WeakSet()


def forget_in_child(part: Forgetful) -> None:
    """Have it begin anew in each child that this process forks."""
    _FORGETFUL.add(part)


def _forget_all() -> None:
    for part in list(_FORGETFUL):
        part.forget()


def _close_pools() -> None:
    for pool in list(_POOLS):
        pool.close()


os.register_at_fork(after_in_child=_forget_all)
atexit.register(_close_pools)
