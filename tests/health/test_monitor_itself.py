"""The monitor watches itself, and takes only what can be watched."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from medianest.health import Check, CheckResult, HealthMonitor, Status
from medianest.resilience import ConfigurationError, ManualClock, UnknownNameError
from tests.health.conftest import Scripted
from tests.support.narrowing import not_none


def test_a_monitor_without_a_pulse_says_so_itself(
    monitor: HealthMonitor, scripted: Callable[..., Scripted], clock: ManualClock
) -> None:
    scripted()
    monitor.beat()
    clock.advance(15)
    *_, itself = monitor.components()
    assert (itself.name, itself.status) == ("health-monitor", Status.HEALTHY)
    clock.advance(0.1)
    *_, itself = monitor.components()
    assert (itself.status, itself.age_seconds) == (Status.UNHEALTHY, 15.1)
    assert itself.since == clock.utc() - timedelta(seconds=0.1)
    assert "no heartbeat within 15 s" in not_none(itself.message)
    monitor.beat()
    assert monitor.components()[-1].status is Status.HEALTHY


def test_a_monitor_that_nobody_runs_says_so_itself(
    monitor: HealthMonitor, clock: ManualClock
) -> None:
    """Keeps out: a server without its background work that calls itself healthy."""
    (itself,) = monitor.components()
    assert (itself.name, itself.status) == ("health-monitor", Status.UNKNOWN)
    clock.advance(16)
    (itself,) = monitor.components()
    assert (itself.status, itself.checked_at) == (Status.UNHEALTHY, None)
    assert itself.message == "no check has run within 15 s"
    monitor.beat()
    assert monitor.components()[0].status is Status.HEALTHY


def test_names_are_taken_once(monitor: HealthMonitor, scripted: Callable[..., Scripted]) -> None:
    scripted("a")
    for name in ("a", "health-monitor"):
        with pytest.raises(ConfigurationError, match="registered already"):
            scripted(name)
    monitor.remove("a")
    monitor.remove("a")
    assert monitor.checks() == []
    scripted("a")
    with pytest.raises(UnknownNameError):
        monitor.component("b")


def test_what_is_not_there_is_not_run(monitor: HealthMonitor) -> None:
    monitor.run("nobody")
    assert [c.name for c in monitor.components()] == ["health-monitor"]


@pytest.mark.parametrize(
    "wrong", [{"interval": 0}, {"timeout": -1}, {"worse_after": 0}, {"better_after": 1.5}]
)
def test_a_check_with_a_wrong_option_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        Check("thing", CheckResult, **wrong)
    with pytest.raises(ConfigurationError):
        Check("thing", "no function")  # type: ignore[arg-type]


def test_the_system_clock_is_the_default() -> None:
    monitor = HealthMonitor()
    monitor.add(Check("thing", CheckResult))
    monitor.run("thing")
    assert not_none(monitor.component("thing").age_seconds) < 5
