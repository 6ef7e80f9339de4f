"""The last changes of breakers, components and alerts, known without any database."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from medianest.health import HealthMonitor, Status
from medianest.health.change_history import ChangeHistory, ChangeRecord
from medianest.resilience import CircuitBreaker, ManualClock
from medianest.resilience.events import state_changed
from tests.health.alerting import CRITICAL, WARNING, Alerting


@pytest.fixture
def history() -> ChangeHistory:
    return ChangeHistory(lambda: "nas/1", size=5)


def told(history: ChangeHistory) -> list[tuple[str, str, str]]:
    return [(each.name, each.before, each.after) for each in history.recent()]


def trip(breaker: CircuitBreaker) -> None:
    with pytest.raises(ZeroDivisionError):
        breaker.call(lambda: 1 / 0)


def test_a_breaker_that_opens_and_closes_says_when_and_why(
    history: ChangeHistory, clock: ManualClock
) -> None:
    breaker = CircuitBreaker("plex", failure_threshold=1, half_open_max_calls=1, clock=clock)
    trip(breaker)
    opened = clock.utc()
    clock.advance(60)
    breaker.call(lambda: "ok")
    clock.advance(1)
    breaker.open("moving", actor="kim")
    forced, closed, tried, first = history.recent()
    assert (first.at, first.type, first.before, first.after) == (
        opened, "breaker", "closed", "open",
    )  # fmt: skip
    assert "1 of 1" in (first.message or "")
    assert (tried.after, closed.after) == ("half_open", "closed")
    assert closed.message == "the calls that tried it succeeded"
    assert (forced.message, forced.actor, forced.worker) == ("moving", "kim", "nas/1")
    assert (first.actor, first.severity) == (None, None)


def test_a_component_is_news_unless_it_is_found_well_at_first(
    history: ChangeHistory, monitor: HealthMonitor, scripted: Callable[..., Any]
) -> None:
    nas = scripted("nas", worse_after=1)
    monitor.run("nas")
    assert told(history) == []
    nas.status, nas.message = Status.UNHEALTHY, "no route\0"
    monitor.run("nas")
    (change,) = history.recent()
    assert (change.type, change.name, change.before, change.after, change.message) == (
        "component", "nas", "healthy", "unhealthy", "no route\N{REPLACEMENT CHARACTER}",
    )  # fmt: skip


def test_an_alert_is_named_by_its_key_and_says_what_it_was_before(
    history: ChangeHistory, clock: ManualClock
) -> None:
    alerting = Alerting(clock, hold=1, resolve_after=1, cool_down=0)
    for severity in (WARNING, CRITICAL, None):
        alerting.says(severity)
        alerting.run(5)
    assert [(each.before, each.after, each.severity) for each in history.recent()] == [
        ("firing", "resolved", "critical"),
        ("firing", "firing", "critical"),
        ("pending", "firing", "warning"),
    ]
    assert {each.name for each in history.recent()} == {"error-rate:system"}


def test_the_oldest_go_first(history: ChangeHistory, clock: ManualClock) -> None:
    for number in range(7):
        CircuitBreaker(f"b{number}", clock=clock).open()
        clock.advance(1)
    assert [each.name for each in history.recent()] == ["b6", "b5", "b4", "b3", "b2"]
    assert [each.name for each in history.recent(2)] == ["b6", "b5"]


def test_those_of_other_processes_have_their_places_in_time(
    history: ChangeHistory, clock: ManualClock
) -> None:
    CircuitBreaker("ours", clock=clock).open()
    (ours,) = history.recent()
    times = {"before": -1, "after": 1}
    others = [
        replace(ours, id=f"{n:032}", name=name, at=ours.at + timedelta(seconds=times[name]))
        for n, name in enumerate(times)
    ]
    history.learn([*others, ours])
    history.learn(others)
    assert [each.name for each in history.recent()] == ["after", "ours", "before"]


def test_a_record_survives_json(history: ChangeHistory, clock: ManualClock) -> None:
    CircuitBreaker("plex", clock=clock).open("moving", actor="kim")
    (change,) = history.recent()
    read = ChangeRecord.of(change.as_dict())
    assert read == replace(change, at=read.at)
    with pytest.raises(ValueError, match="no change of this version"):
        ChangeRecord.of({**change.as_dict(), "type": "weather"})


def test_a_history_that_nobody_has_any_more_hears_nothing() -> None:
    gc.collect()  # those of other tests
    before = len(state_changed.receivers)
    history = ChangeHistory(lambda: "nas")
    assert len(state_changed.receivers) == before + 1
    del history
    gc.collect()
    assert len(state_changed.receivers) == before
