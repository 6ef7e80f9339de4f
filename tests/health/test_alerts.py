"""An alert from its first sign to its end: told when it fires, gets critical, and is over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from blinker import Signal

from medianest.health.alerts import Alert
from medianest.health.events import alert_changed
from medianest.resilience import ManualClock
from tests.health.alerting import CRITICAL, WARNING, Alerting
from tests.support.narrowing import not_none


@pytest.fixture
def alerting(clock: ManualClock) -> Alerting:
    return Alerting(clock, hold=30, resolve_after=20, cool_down=300)


def states(alerting: Alerting) -> list[str]:
    manager = alerting.manager
    return [alert.state for alert in (*manager.firing(), *manager.pending())]


def test_it_is_told_once_when_it_fires_gets_critical_and_is_over(
    alerting: Alerting, heard: Callable[[Signal], list[Any]]
) -> None:
    events = heard(alert_changed)
    alerting.says(WARNING)
    alerting.run(30)
    assert (states(alerting), alerting.told) == (["pending"], [])
    alerting.run(30)
    assert states(alerting) == ["firing"]
    alerting.says(CRITICAL)
    alerting.run(60)
    alerting.says(None)
    alerting.run(60)
    assert alerting.told == [(30, "warning"), (90, "critical"), (140, "resolved")]
    assert states(alerting) == []
    told = [(e.name, e.rule, e.severity, e.state, e.message) for e in events]
    assert told == [
        ("system", "error-rate", "warning", "firing", "it is so"),
        ("system", "error-rate", "critical", "firing", "it is so"),
        (
            "system",
            "error-rate",
            "critical",
            "resolved",
            "requests succeed again; before: it is so",
        ),
    ]
    assert len({alert.id for alert in alerting.alerts}) == 1


def test_its_times_are_those_of_what_happened(alerting: Alerting, clock: ManualClock) -> None:
    began = clock.utc()
    alerting.says(WARNING)
    alerting.run(40)
    (firing,) = alerting.manager.firing()
    assert (firing.since, (not_none(firing.fired_at) - began).total_seconds()) == (began, 30)
    assert (firing.told_at, firing.resolved_at) == (firing.fired_at, None)
    alerting.says(None)
    alerting.run(30)
    over = alerting.alerts[-1]
    assert (not_none(over.resolved_at) - began).total_seconds() == 60
    assert (over.since, over.fired_at, over.last_at) == (began, firing.fired_at, over.resolved_at)


def test_what_does_not_last_is_never_told(alerting: Alerting) -> None:
    for _ in range(10):
        alerting.says(CRITICAL)
        alerting.run(29)
        alerting.says(None)
        alerting.run(1)
    assert alerting.told == []
    assert states(alerting) == []


def test_what_is_critical_for_moments_only_is_a_warning(alerting: Alerting) -> None:
    for _ in range(6):
        alerting.says(WARNING)
        alerting.run(5)
        alerting.says(CRITICAL)
        alerting.run(5)
    assert alerting.told == [(30, "warning")]


def test_what_begins_critical_is_told_as_such_at_once(alerting: Alerting) -> None:
    alerting.says(CRITICAL)
    alerting.run(40)
    assert alerting.told == [(30, "critical")]


def test_its_severity_is_the_worst_that_it_has_been(alerting: Alerting) -> None:
    alerting.says(CRITICAL)
    alerting.run(40)
    alerting.says(WARNING)
    alerting.run(60)
    assert [alert.severity for alert in alerting.manager.firing()] == [CRITICAL]
    assert alerting.told == [(30, "critical")]


def test_what_is_over_for_moments_only_is_not_over(alerting: Alerting) -> None:
    alerting.says(WARNING)
    alerting.run(31)
    for _ in range(5):
        alerting.says(None)
        alerting.run(19)
        alerting.says(WARNING)
        alerting.run(1)
    assert alerting.told == [(30, "warning")]


def test_after_it_was_over_it_is_not_told_anew_for_a_while(alerting: Alerting) -> None:
    alerting.says(WARNING)
    alerting.run(40)
    alerting.says(None)
    alerting.run(30)
    assert alerting.told == [(30, "warning"), (60, "resolved")]
    alerting.says(WARNING)
    alerting.run(280)
    assert len(alerting.told) == 2
    assert states(alerting) == ["pending"]
    alerting.run(60)
    assert alerting.told[2:] == [(360, "warning")]


def test_what_has_waited_already_is_told_and_over_at_once(alerting: Alerting) -> None:
    alerting.says(CRITICAL, "dependency-down", "plex", skip_hold=True)
    alerting.run(5)
    alerting.says(None, "dependency-down", "plex", skip_hold=True)
    alerting.run(5)
    assert alerting.told == [(0, "critical"), (5, "resolved")]


def test_what_is_explained_is_not_told_and_its_time_does_not_count(alerting: Alerting) -> None:
    alerting.says(WARNING)
    alerting.run(20)
    alerting.says(WARNING, inhibited_by="plex")
    alerting.run(1000)
    alerting.says(WARNING)
    alerting.run(10)
    assert alerting.told == []
    alerting.run(10)
    assert alerting.told == [(1030, "warning")]


def test_a_break_counts_though_it_was_explained(alerting: Alerting) -> None:
    alerting.says(CRITICAL)
    alerting.run(29)
    alerting.says(None, inhibited_by="plex")
    alerting.run(100)
    assert states(alerting) == []
    alerting.says(WARNING, inhibited_by="plex")
    alerting.run(10)
    alerting.says(CRITICAL)
    alerting.run(29)
    assert alerting.told == []


def test_what_gets_better_while_it_is_explained_is_no_longer_critical(alerting: Alerting) -> None:
    alerting.says(CRITICAL)
    alerting.run(25)
    alerting.says(WARNING, inhibited_by="plex")
    alerting.run(50)
    alerting.says(CRITICAL)
    alerting.run(20)
    assert [word for _, word in alerting.told] == ["warning"]


def test_what_fires_already_is_over_once_it_is_explained_for_long(alerting: Alerting) -> None:
    alerting.says(WARNING)
    alerting.run(31)
    alerting.says(CRITICAL, inhibited_by="plex")
    alerting.run(40)
    assert alerting.told == [(30, "warning"), (51, "resolved")]


def test_a_suspicion_of_another_does_not_end_what_is_down(alerting: Alerting) -> None:
    """Keeps out: "it is over" about what is still down, because one check of another failed."""
    alerting.says(CRITICAL, "dependency-down", "shop", skip_hold=True)
    alerting.run(5)
    alerting.says(CRITICAL, "dependency-down", "shop", skip_hold=True, inhibited_by="db")
    alerting.run(10)
    alerting.says(CRITICAL, "dependency-down", "shop", skip_hold=True)
    alerting.run(60)
    assert alerting.told == [(0, "critical")]


def test_what_nobody_knows_any_more_is_not_over(alerting: Alerting) -> None:
    alerting.says(CRITICAL, "dependency-down", "plex", skip_hold=True)
    alerting.run(5)
    alerting.says(None, "dependency-down", "plex", skip_hold=True, has_data=False)
    alerting.run(500)
    assert alerting.told == [(0, "critical")]
    alerting.says(None, "dependency-down", "plex", skip_hold=True)
    alerting.run(1)
    assert alerting.told[1:] == [(505, "resolved")]


def test_where_its_subject_is_gone_it_is_over(alerting: Alerting) -> None:
    alerting.says(WARNING)
    alerting.run(31)
    alerting.readings = []
    alerting.run(10)
    assert alerting.told == [(30, "warning"), (31, "resolved")]


def test_where_its_subject_is_gone_before_it_fires_nothing_is_told(alerting: Alerting) -> None:
    alerting.says(WARNING)
    alerting.run(20)
    alerting.readings = []
    alerting.run(1)
    alerting.says(WARNING)
    alerting.run(29)
    assert alerting.told == []


def test_rules_know_what_was_bad_within_the_last_minute(alerting: Alerting) -> None:
    alerting.says(WARNING, inhibited_by="plex")
    alerting.run(2)
    assert alerting.lately == {"error-rate:system"}
    alerting.says(None)
    alerting.run(59)
    assert alerting.lately == {"error-rate:system"}
    alerting.run(1)
    assert alerting.lately == frozenset()


def test_each_subject_has_an_alert_of_its_own_and_the_worst_comes_first(alerting: Alerting) -> None:
    alerting.says(WARNING, subject="a")
    alerting.run(1)
    readings = list(alerting.readings)
    for severity, subject in ((WARNING, "b"), (CRITICAL, "c")):
        alerting.says(severity, subject=subject)
        readings += alerting.readings
    alerting.readings = readings
    alerting.run(40)
    assert [alert.subject for alert in alerting.manager.firing()] == ["c", "a", "b"]


def test_a_firing_alert_shows_the_figures_of_now(alerting: Alerting) -> None:
    alerting.says(WARNING, value=0.06, threshold=0.05)
    alerting.run(31)
    alerting.says(WARNING, value=0.08, threshold=0.05)
    alerting.run(1)
    assert [alert.value for alert in alerting.manager.firing()] == [0.08]


def test_an_alert_is_the_same_after_a_way_through_json(alerting: Alerting) -> None:
    alerting.says(CRITICAL, value=0.2, threshold=0.1, affected=("GET /a",), advice="look")
    alerting.run(31)
    (alert,) = alerting.alerts
    assert Alert.of(alert.as_dict()) == alert
    assert alert.key == "error-rate:system"


def test_a_record_of_a_version_without_silences_is_read(alerting: Alerting) -> None:
    """Keeps out: after an upgrade everything that fires was told anew."""
    alerting.says(CRITICAL)
    alerting.run(31)
    (alert,) = alerting.alerts
    record = alert.as_dict()
    del record["silenced_at"], record["silenced_until"]
    assert Alert.of(record) == alert
