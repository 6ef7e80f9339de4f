"""A monitor and a manager of alerts go on with what those of another process have found."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from medianest.health import Check, CheckResult, DependencyHealth, HealthMonitor, Status
from medianest.health.alerts.rule_result import RuleResult, worst
from medianest.health.component import ComponentHealth
from medianest.resilience import ManualClock, ResilienceService
from tests.health.alerting import CRITICAL, WARNING, Alerting
from tests.health.conftest import Scripted

FAILED = CheckResult(Status.UNHEALTHY, "no route", {"status_code": None})


@pytest.fixture
def other(clock: ManualClock) -> HealthMonitor:
    """That of another process, whose check of the same thing fails."""
    made = HealthMonitor(clock)
    made.add(Check("thing", lambda: FAILED))
    return made


def told(found: Any) -> Any:
    """As it arrives in another process."""
    return json.loads(json.dumps(found))


def uncounted(found: ComponentHealth) -> ComponentHealth:
    """Each process counts the checks that it has made itself."""
    return replace(found, checks=0, checks_took_seconds=0.0)


def test_all_that_is_known_is_adopted(
    monitor: HealthMonitor,
    other: HealthMonitor,
    scripted: Callable[..., Scripted],
    clock: ManualClock,
) -> None:
    run = scripted()
    monitor.run("thing")
    for _ in range(3):
        clock.advance(1)
        other.run("thing")
        assert monitor.adopt(told(other.records())) == (other.component("thing").checks == 1)
        assert uncounted(monitor.component("thing")) == uncounted(other.component("thing"))
        assert monitor.component("thing").checks == 1  # it has made no more itself
    clock.advance(1)
    monitor.run("thing")
    assert monitor.component("thing").status is Status.UNHEALTHY  # one more is to confirm it
    clock.advance(1)
    monitor.run("thing")
    assert monitor.component("thing").status is Status.HEALTHY
    assert run.runs == 3


def test_what_is_older_than_what_is_known_changes_nothing(
    monitor: HealthMonitor,
    other: HealthMonitor,
    scripted: Callable[..., Scripted],
    clock: ManualClock,
) -> None:
    """A message may come late."""
    scripted()
    other.run("thing")
    late = told(other.records())
    clock.advance(1)
    monitor.run("thing")
    assert not monitor.adopt(late)
    assert monitor.component("thing").status is Status.HEALTHY


def test_a_check_that_hangs_elsewhere_hangs_here_and_can_be_made_here(
    monitor: HealthMonitor,
    other: HealthMonitor,
    scripted: Callable[..., Scripted],
    clock: ManualClock,
) -> None:
    run = scripted()
    other.run("thing")
    (record,) = told(other.records())
    monitor.adopt([{**record, "began_at": clock.now()}])
    clock.advance(100)
    assert monitor.component("thing").hanging_seconds == 100
    monitor.beat()
    assert monitor.component("thing").failures_in_a_row == 1  # who makes it counts that
    monitor.run("thing")
    assert (run.runs, monitor.component("thing").hanging_seconds) == (1, None)


def test_what_was_adopted_is_known_until_somebody_has_taken_over(clock: ManualClock) -> None:
    """Keeps out: with short intervals all was unknown for a moment after the death of a worker, and
    so had changed its status since."""
    made, here = [HealthMonitor(clock) for _ in range(2)]
    for each in (made, here):
        each.add(Check("thing", lambda: FAILED, interval=0.3, timeout=0.3))
    made.run("thing")
    here.adopt(told(made.records()))
    since = here.component("thing").since
    clock.advance(4)
    assert made.component("thing").status is Status.UNKNOWN
    assert here.component("thing").status is Status.UNHEALTHY
    assert here.component("thing").since == since
    clock.advance(3)
    assert here.component("thing").status is Status.UNKNOWN
    here.run("thing")
    clock.advance(2)
    assert here.component("thing").status is Status.UNKNOWN


def test_what_is_no_record_changes_nothing(
    monitor: HealthMonitor, other: HealthMonitor, scripted: Callable[..., Scripted]
) -> None:
    scripted()
    other.run("thing")
    (record,) = told(other.records())
    for name, value in (("status", "odd"), ("latest", ["odd"]), ("finding", [1]), ("since", "x")):
        with pytest.raises((TypeError, ValueError)):
            monitor.adopt([{**record, name: value}])
    assert not monitor.adopt([{**record, "name": "something else"}])
    assert monitor.component("thing").status is Status.UNKNOWN


def test_it_is_well_since_its_check_says_so_however_new_the_process_is(
    monitor: HealthMonitor, clock: ManualClock
) -> None:
    """Keeps out: after the death of a worker all was well since the next one was started."""
    monitor.add(Check("thing", lambda: True))
    monitor.run("thing")
    since = clock.utc()
    clock.advance(100)
    service = ResilienceService(clock=clock)
    dependency = service.register_dependency("thing", retry=None)
    monitor.run("thing")
    assert DependencyHealth.of(dependency, monitor.component("thing")).since == since


@pytest.fixture
def two(clock: ManualClock) -> list[Alerting]:
    """The same alerts in two processes, the second of which adopts those of the first."""
    return [Alerting(clock, hold=10, resolve_after=10, cool_down=60) for _ in range(2)]


def adopt(two: list[Alerting]) -> bool:
    records = told(two[0].manager.records())
    return two[1].manager.adopt(records, list(records))


def test_what_is_held_back_goes_on_being_held_back(two: list[Alerting]) -> None:
    first, second = two
    first.says(WARNING)
    first.run(8)
    assert not adopt(two)
    second.says(WARNING)
    second.run(3)
    assert [word for _, word in second.told] == ["warning"]


def test_what_was_told_is_not_told_again_and_its_end_is_once(two: list[Alerting]) -> None:
    first, second = two
    first.says(WARNING)
    first.run(12)
    assert adopt(two)
    second.says(WARNING)
    second.run(30)
    assert second.told == []
    second.says(None)
    second.run(30)
    assert [word for _, word in second.told] == ["resolved"]


def test_what_is_over_is_forgotten(two: list[Alerting]) -> None:
    first, second = two
    first.says(WARNING)
    first.run(12)
    adopt(two)
    assert second.manager.firing()
    assert second.manager.adopt({}, [])
    assert second.manager.firing() == []


def reading(severity: Any, **more: Any) -> RuleResult:
    return RuleResult("error-rate", "system", severity, **more)


def test_of_what_several_see_the_worst_counts() -> None:
    well, bad, worse = reading(None), reading(WARNING), reading(CRITICAL)
    assert worst([well, worse, bad]) == [worse]
    assert worst([bad, well]) == [bad]
    explained = reading(WARNING, inhibited_by="plex")
    assert worst([explained, worse]) == [explained]


def test_what_a_rule_says_travels() -> None:
    said = reading(WARNING, value=0.5, affected=("a", "b"))
    assert RuleResult.of(told(said.as_dict())) == said
    with pytest.raises(ValueError, match="no rule of this version"):
        RuleResult.of({**said.as_dict(), "rule": "of later"})
