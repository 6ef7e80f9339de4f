"""Checks that hang: told, never stacked, and nobody else waits for them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from blinker import Signal

from medianest.health import Check, CheckResult, HealthMonitor, Status
from medianest.health.events import health_changed
from medianest.resilience import ManualClock
from tests.health.conftest import Scripted


class Hanging:
    """A check that does not end before `let_go`; then it finds `finding`."""

    def __init__(self, monitor: HealthMonitor) -> None:
        self.begun, self.gate = threading.Event(), threading.Event()
        self._monitor = monitor
        self._threads: list[threading.Thread] = []
        self.runs = 0
        self.finding = CheckResult()

    def __call__(self) -> CheckResult:
        self.runs += 1
        self.begun.set()
        assert self.gate.wait(10)
        return self.finding

    def start(self) -> None:
        """Run it in a thread of its own."""
        self.begun.clear()
        self._threads.append(threading.Thread(target=self._monitor.run, args=("thing",)))
        self._threads[-1].start()
        assert self.begun.wait(10)

    def let_go(self) -> None:
        self.gate.set()
        for thread in self._threads:
            thread.join(10)


@pytest.fixture
def hang(monitor: HealthMonitor) -> Iterator[Hanging]:
    """A check that hangs in a thread of its own, until the test is over at the latest."""
    run = Hanging(monitor)
    monitor.add(Check("thing", run, interval=10, timeout=3, worse_after=3, better_after=2))
    yield run
    run.let_go()


def beat_for(monitor: HealthMonitor, clock: ManualClock, seconds: int) -> None:
    for _ in range(seconds):
        clock.advance(1)
        monitor.beat()


def test_it_is_told_as_soon_as_its_time_is_over(
    monitor: HealthMonitor, hang: Hanging, clock: ManualClock
) -> None:
    hang.start()
    beat_for(monitor, clock, 3)
    assert monitor.component("thing").hanging_seconds is None
    beat_for(monitor, clock, 1)
    seen = monitor.component("thing")
    assert (seen.hanging_seconds, seen.failures_in_a_row) == (4, 1)
    assert seen.message == "its check has not ended within 3 s"


def test_it_counts_once_for_each_interval(
    monitor: HealthMonitor, hang: Hanging, clock: ManualClock
) -> None:
    hang.gate.set()
    monitor.run("thing")
    hang.gate.clear()
    hang.start()
    beat_for(monitor, clock, 13)
    assert monitor.component("thing").failures_in_a_row == 1
    assert monitor.component("thing").status is Status.HEALTHY
    beat_for(monitor, clock, 1)
    assert monitor.component("thing").failures_in_a_row == 2
    beat_for(monitor, clock, 9)
    assert monitor.component("thing").status is Status.HEALTHY
    beat_for(monitor, clock, 1)
    assert monitor.component("thing").status is Status.UNHEALTHY


def test_it_is_not_started_again_before_it_has_ended(
    monitor: HealthMonitor, hang: Hanging, clock: ManualClock
) -> None:
    hang.start()
    clock.advance(30)
    monitor.run("thing")  # would hang here
    monitor.refresh(0.01)
    assert hang.runs == 1
    hang.let_go()
    monitor.run("thing")
    assert hang.runs == 2


def test_it_recovers_when_it_ends(
    monitor: HealthMonitor, hang: Hanging, clock: ManualClock, heard: Callable[[Signal], list[Any]]
) -> None:
    events = heard(health_changed)
    hang.start()
    beat_for(monitor, clock, 5)
    assert monitor.component("thing").status is Status.UNHEALTHY  # the first that is known of it
    hang.let_go()
    seen = monitor.component("thing")
    assert (seen.hanging_seconds, seen.failures_in_a_row, seen.latency_seconds) == (None, 0, 5)
    monitor.run("thing")
    assert monitor.component("thing").status is Status.HEALTHY
    assert [event.after for event in events] == ["unhealthy", "healthy"]


def test_one_removed_while_it_runs_is_gone_and_tells_nothing(
    monitor: HealthMonitor, hang: Hanging, heard: Callable[[Signal], list[Any]]
) -> None:
    events = heard(health_changed)
    hang.start()
    monitor.remove("thing")
    monitor.add(Check("thing", lambda: CheckResult(Status.DEGRADED)))
    hang.let_go()
    assert monitor.component("thing").status is Status.UNKNOWN
    assert events == []
    monitor.run("thing")
    assert [event.after for event in events] == ["degraded"]


def test_a_refresh_waits_no_longer_than_it_may_and_runs_the_others(
    monitor: HealthMonitor, hang: Hanging, scripted: Callable[..., Scripted]
) -> None:
    others = [scripted(f"other {number}") for number in range(5)]
    started = time.monotonic()
    clock_free = threading.Thread(target=monitor.refresh, args=(0.2,))
    clock_free.start()
    clock_free.join(10)
    assert not clock_free.is_alive()
    assert time.monotonic() - started < 3
    assert [run.runs for run in others] == [1] * 5
    assert hang.runs == 1


def test_checks_are_refreshed_side_by_side(monitor: HealthMonitor) -> None:
    together = threading.Barrier(8, timeout=10)
    for number in range(8):
        monitor.add(Check(f"check {number}", lambda: (together.wait() and None) or CheckResult()))
    monitor.refresh(10)
    assert {monitor.component(check.name).status for check in monitor.checks()} == {Status.HEALTHY}


def test_of_several_refreshes_at_once_one_does_it_and_all_wait(
    monitor: HealthMonitor, hang: Hanging
) -> None:
    ended = []
    first = threading.Thread(target=lambda: (monitor.refresh(10), ended.append(1)))
    first.start()
    assert hang.begun.wait(10)
    monitor.refresh(0.05)  # waits, in vain
    second = threading.Thread(target=lambda: (monitor.refresh(10), ended.append(2)))
    second.start()
    assert ended == []
    hang.let_go()
    for thread in (first, second):
        thread.join(10)
    assert sorted(ended) == [1, 2]
    assert hang.runs == 1
