"""A monitor that looks by itself, in a program without a scheduler."""

import gc
import threading
import weakref
from typing import NoReturn

import pytest

from medianest.health import Check, HealthMonitor, Status
from medianest.health.background import Background
from medianest.health.component import Change
from medianest.resilience import ManualClock

SOON = 10.0


class Runs:
    """Counts the runs of a check; `wait(number)` waits until there were so many."""

    def __init__(self) -> None:
        self.number = 0
        self.changed = threading.Condition()

    def __call__(self) -> None:
        with self.changed:
            self.number += 1
            self.changed.notify_all()

    def wait(self, number: int) -> bool:
        with self.changed:
            return self.changed.wait_for(lambda: self.number >= number, SOON)


@pytest.fixture
def background(monitor: HealthMonitor, clock: ManualClock) -> Background:
    return Background(monitor, clock)


def test_every_check_is_run_at_its_interval(
    monitor: HealthMonitor, background: Background, clock: ManualClock
) -> None:
    often, seldom = Runs(), Runs()
    monitor.add(Check("often", often, interval=10))
    monitor.add(Check("seldom", seldom, interval=60, better_after=1))
    for _ in range(60):
        background.step()  # with the jitter, each check is ten to eleven seconds after the last
        clock.advance(1)
    background.stop(5)
    assert (often.number, seldom.number) == (6, 1)
    assert monitor.components()[-1].name == "health-monitor"


def test_a_check_that_hangs_keeps_no_other_waiting(
    monitor: HealthMonitor, background: Background, clock: ManualClock
) -> None:
    """Keeps out: one service that never answers, and nobody looks at anything."""
    free, other = threading.Event(), Runs()
    monitor.add(Check("hangs", free.wait, interval=1, timeout=3))
    monitor.add(Check("other", other, interval=1))
    for second in range(5):
        background.step()
        assert other.wait(second + 1)
        clock.advance(1.2)
    assert monitor.component("hangs").hanging_seconds == pytest.approx(6.0)
    free.set()
    background.stop(5)


def test_what_is_added_while_it_runs_is_looked_at_and_what_is_removed_is_not() -> None:
    monitor, runs = HealthMonitor(), Runs()
    monitor.add(Check("first", Runs(), interval=0.01))
    with monitor:
        monitor.add(Check("thing", runs, interval=0.01))
        assert runs.wait(2)
        monitor.remove("thing")
    monitor.add(Check("later", runs))
    assert monitor.component("later").status is Status.UNKNOWN


def test_it_ends_and_can_begin_again() -> None:
    monitor, runs = HealthMonitor(), Runs()
    monitor.add(Check("thing", runs, interval=0.01))
    for _ in range(2):
        before = runs.number
        with monitor:
            monitor.start()  # once is enough
            assert runs.wait(before + 2)
            beating = [t for t in threading.enumerate() if t.name == "health-monitor"]
            assert len(beating) == 1
        assert not beating[0].is_alive()


def test_a_listener_that_fails_does_not_end_it(caplog: pytest.LogCaptureFixture) -> None:
    failed = threading.Event()

    def fail(change: Change) -> NoReturn:
        failed.set()
        raise RuntimeError("my own fault")

    monitor, runs = HealthMonitor(on_change=fail), Runs()
    monitor.add(Check("thing", runs, interval=0.01))
    with monitor:
        assert failed.wait(SOON)
        assert runs.wait(3)
    assert "a listener failed when the health of thing changed" in caplog.text


class _Dying:
    """Stops a monitor when it is collected, as an extension does."""

    def __init__(self, background: Background) -> None:
        self.itself = self
        weakref.finalize(self, background.stop, 0.0)


def test_a_collection_of_garbage_may_stop_it_while_it_is_stopped(
    background: Background, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keeps out: a thread that waits for itself."""
    _Dying(background)
    event = threading.Event()
    monkeypatch.setattr(event, "set", gc.collect)  # under the lock
    monkeypatch.setattr(background, "_ended", event)
    stopping = threading.Thread(target=background.stop, args=(5,), daemon=True)
    stopping.start()
    stopping.join(SOON)
    assert not stopping.is_alive()
