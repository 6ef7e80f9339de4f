"""Tallies: counters that any thread bumps without a lock."""

from __future__ import annotations

import threading

from medianest.resilience.counter import LockFreeCounter


def test_a_new_tally_is_zero() -> None:
    assert LockFreeCounter().read() == 0


def test_reading_does_not_count() -> None:
    tally = LockFreeCounter()
    for expected in (1, 2, 3):
        next(tally.ticks)
        assert [tally.read(), tally.read(), tally.read()] == [expected] * 3


def test_no_bump_is_lost_while_other_threads_read() -> None:
    tally, start = LockFreeCounter(), threading.Barrier(5)
    readings: list[int] = []

    def bump() -> None:
        start.wait(10)
        for _ in range(5_000):
            next(tally.ticks)

    def read() -> None:
        start.wait(10)
        readings.extend(tally.read() for _ in range(2_000))

    threads = [threading.Thread(target=bump) for _ in range(4)] + [threading.Thread(target=read)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert tally.read() == 20_000
    assert readings == sorted(readings)
