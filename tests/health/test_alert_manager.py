"""The alert manager among others: sinks, other processes, and those before a restart."""

from __future__ import annotations

import itertools
from typing import Any, NoReturn

import pytest

from medianest.health.alerts import Alert
from medianest.resilience import ManualClock
from tests.health.alerting import CRITICAL, WARNING, Alerting
from tests.support.narrowing import not_none

TIMES: dict[str, Any] = {"hold": 0, "resolve_after": 0, "cool_down": 300}


def test_a_sink_that_raises_harms_nobody(
    clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    alerting = Alerting(clock, **TIMES)

    def broken(alert: Alert) -> NoReturn:
        raise RuntimeError("no paper")

    alerting.manager.sinks.insert(0, broken)
    alerting.says(WARNING)
    alerting.run(2)
    assert alerting.told == [(0, "warning")]
    assert "a sink of alerts failed" in caplog.text


def test_what_another_process_has_told_is_not_told_here(clock: ManualClock) -> None:
    alerting = Alerting(clock, claim=lambda alert: False, **TIMES)
    alerting.says(WARNING)
    alerting.run(2)
    alerting.says(CRITICAL)
    alerting.run(2)
    assert [alert.state for alert in alerting.manager.firing()] == ["firing"]
    alerting.says(None)
    alerting.run(2)
    assert alerting.told == []
    assert alerting.manager.recent() == []  # it comes with what the other one kept


def test_each_step_is_claimed_once(clock: ManualClock) -> None:
    asked = []
    alerting = Alerting(clock, claim=lambda alert: asked.append(alert) or True, **TIMES)
    for severity in (WARNING, CRITICAL, None):
        alerting.says(severity)
        alerting.run(20)
    assert [(a.state, a.severity) for a in asked] == [
        ("firing", WARNING), ("firing", CRITICAL), ("resolved", CRITICAL),
    ]  # fmt: skip


def test_where_nobody_can_be_asked_it_is_told(clock: ManualClock) -> None:
    def down(alert: Alert) -> NoReturn:
        raise ConnectionError

    alerting = Alerting(clock, claim=down, **TIMES)
    alerting.says(WARNING)
    alerting.run(2)
    alerting.says(None)
    alerting.run(2)
    assert alerting.told == [(0, "warning"), (2, "resolved")]


def test_what_may_not_be_told_now_is_told_when_it_lasts(clock: ManualClock) -> None:
    """Keeps out: an outage that begins within the cool-down of one that a process told before it
    was started anew, and that nobody is ever told of."""
    quiet_until = clock.now() + 290
    claimed = []

    def claim(alert: Alert) -> bool:
        if clock.now() < quiet_until:
            return False
        claimed.append(alert)
        return True

    alerting = Alerting(clock, claim=claim, **TIMES)
    alerting.says(CRITICAL, "dependency-down", "plex", skip_hold=True)
    alerting.run(1000)
    assert [word for _, word in alerting.told] == ["critical"]
    assert 290 <= alerting.told[0][0] <= 350
    assert (
        not_none(alerting.alerts[0].told_at) - claimed[0].since
    ).total_seconds() == alerting.told[0][0]


def test_others_are_not_asked_again_and_again(clock: ManualClock) -> None:
    asked = itertools.count()
    alerting = Alerting(clock, claim=lambda alert: next(asked) < 0, **TIMES)
    alerting.says(WARNING)
    alerting.run(1000)
    assert 2 <= next(asked) <= 20


def test_after_a_restart_it_goes_on_with_what_was_told(clock: ManualClock) -> None:
    before = Alerting(clock, **TIMES)
    before.says(WARNING)
    before.run(5)
    after = Alerting(clock, **TIMES)
    after.manager.restore(before.alerts)
    after.says(WARNING)
    after.run(5)
    assert (after.told, [a.id for a in after.manager.firing()]) == ([], [before.alerts[0].id])
    after.says(CRITICAL)
    after.run(5)
    after.says(None)
    after.run(5)
    assert after.told == [(5, "critical"), (10, "resolved")]
    assert {alert.id for alert in after.alerts} == {before.alerts[0].id}


def test_what_is_over_after_a_restart_is_told_as_over(clock: ManualClock) -> None:
    before = Alerting(clock, **TIMES)
    before.says(WARNING)
    before.run(1)
    after = Alerting(clock, **TIMES)
    after.manager.restore(before.alerts)
    after.run(1)
    assert after.told == [(0, "resolved")]


def test_what_was_told_before_a_restart_is_not_over_at_the_first_look(clock: ManualClock) -> None:
    before = Alerting(clock, hold=30)
    before.says(CRITICAL, "dependency-down", "plex", skip_hold=True)
    before.run(1)
    after = Alerting(clock, hold=30)
    after.manager.restore(before.alerts)
    after.says(None, "dependency-down", "plex", skip_hold=True)
    after.run(20)
    after.says(CRITICAL, "dependency-down", "plex", skip_hold=True)
    after.run(10)
    assert after.told == []
    after.says(None, "dependency-down", "plex", skip_hold=True)
    after.run(40)
    assert after.told == [(60, "resolved")]


def test_an_alert_that_fires_here_already_is_not_replaced(clock: ManualClock) -> None:
    before, after = Alerting(clock, **TIMES), Alerting(clock, **TIMES)
    for each in (before, after):
        each.says(WARNING)
        each.run(1)
    after.manager.restore(before.alerts)
    assert [a.id for a in after.manager.firing()] == [after.alerts[0].id]


def test_what_was_told_last_comes_first_whoever_told_it(clock: ManualClock) -> None:
    here, there = Alerting(clock, **TIMES), Alerting(clock, **TIMES)
    here.says(WARNING, subject="a")
    here.run(1)
    there.says(WARNING, subject="b")
    there.run(1)
    here.says(None, subject="a")
    here.run(1)
    for _ in range(2):
        here.manager.merge_recent(there.alerts)
    found = [(alert.subject, alert.state) for alert in here.manager.recent()]
    assert found == [("a", "resolved"), ("b", "firing"), ("a", "firing")]


@pytest.mark.parametrize("number", [200, 250])
def test_only_so_many_are_remembered_the_newest_of_them(clock: ManualClock, number: int) -> None:
    alerting = Alerting(clock, hold=0, resolve_after=0, cool_down=0)
    for subject in range(number):
        alerting.says(WARNING, subject=str(subject))
        alerting.run(1)
    recent = alerting.manager.recent()
    assert len(recent) == 200
    assert recent[0].subject == str(number - 1) or recent[1].subject == str(number - 1)


def test_what_was_told_while_nobody_could_be_asked_is_kept_later(clock: ManualClock) -> None:
    """Keeps out: an end that is not known, so that the next outage was taken for told."""
    down: list[bool] = []
    kept = []

    def claim(alert: Alert) -> bool:
        if down:
            raise ConnectionError
        kept.append(alert.state)
        return True

    alerting = Alerting(clock, claim=claim, **TIMES)
    alerting.says(WARNING)
    alerting.run(2)
    down.append(True)
    alerting.says(None)
    alerting.run(2)
    assert kept == ["firing"]
    down.clear()
    alerting.run(2)
    assert kept == ["firing", "resolved"]
