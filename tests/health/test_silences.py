"""Silences: of what an operator knows, nobody is told until they are over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from blinker import Signal

from medianest.health.alerts import Alert, Silence, Silences
from medianest.health.events import alert_changed
from medianest.resilience import ManualClock
from tests.health.alerting import CRITICAL, WARNING, Alerting

KEY = "error-rate:system"


@pytest.fixture
def alerting(clock: ManualClock) -> Alerting:
    return Alerting(clock, hold=10, resolve_after=10, cool_down=0)


@pytest.fixture
def silences(clock: ManualClock) -> Silences:
    return Silences(clock)


def silence(alerting: Alerting, seconds: float) -> None:
    alerting.silences.silence(KEY, seconds, "known", "kim")


def test_nobody_is_told_and_it_fires_all_the_same(
    alerting: Alerting, heard: Callable[[Signal], list[Any]]
) -> None:
    events = heard(alert_changed)
    silence(alerting, 3600)
    alerting.says(WARNING)
    alerting.run(20)
    alerting.says(CRITICAL)
    alerting.run(20)
    (firing,) = alerting.manager.firing()
    assert (firing.severity, firing.told_at, alerting.told) == (CRITICAL, None, [])
    assert alerting.manager.recent() == []
    assert [(e.before, e.state, e.severity, e.is_silent) for e in events] == [
        ("pending", "firing", "warning", True),
        ("firing", "firing", "critical", True),
    ]


def test_what_still_fires_when_it_is_over_is_told_once(alerting: Alerting) -> None:
    silence(alerting, 60)
    alerting.says(CRITICAL)
    alerting.run(120)
    assert alerting.told == [(60, "critical")]
    alerting.says(None)
    alerting.run(20)
    assert alerting.told[1:] == [(130, "resolved")]


def test_what_was_told_before_it_was_silenced_is_told_again_after(alerting: Alerting) -> None:
    alerting.says(WARNING)
    alerting.run(20)
    silence(alerting, 60)
    (told,) = alerting.manager.firing()
    alerting.run(50)
    (firing,) = alerting.manager.firing()
    assert firing.told_at == told.told_at  # when people heard of it
    alerting.run(50)
    assert alerting.told == [(10, "warning"), (80, "warning")]


def test_the_end_of_what_nobody_has_heard_of_is_told_to_nobody(alerting: Alerting) -> None:
    silence(alerting, 20)
    alerting.says(WARNING)
    alerting.run(15)
    alerting.says(None)
    alerting.run(30)
    assert (alerting.told, alerting.manager.firing()) == ([], [])


def test_the_end_of_what_is_silenced_is_told_to_nobody(alerting: Alerting) -> None:
    alerting.says(WARNING)
    alerting.run(20)
    silence(alerting, 600)
    alerting.says(None)
    alerting.run(30)
    assert alerting.told == [(10, "warning")]


def test_it_counts_when_the_alert_comes_again(alerting: Alerting) -> None:
    silence(alerting, 300)
    for severity in (WARNING, None, CRITICAL, None):
        alerting.says(severity)
        alerting.run(30)
    assert alerting.told == []


def test_of_others_people_are_told(alerting: Alerting) -> None:
    silence(alerting, 3600)
    alerting.says(WARNING, rule="memory")
    alerting.run(20)
    assert alerting.told == [(10, "warning")]


def test_an_operator_ends_it_before_its_time(alerting: Alerting) -> None:
    silence(alerting, 3600)
    alerting.says(WARNING)
    alerting.run(30)
    assert alerting.silences.end(KEY) is not None
    alerting.run(60)
    assert alerting.told == [(30, "warning")]
    assert alerting.silences.end(KEY) is None


def test_one_that_was_over_before_the_alert_began_is_none_of_it(alerting: Alerting) -> None:
    silence(alerting, 60)
    alerting.run(100)
    alerting.says(WARNING)
    alerting.run(60)
    assert alerting.told == [(110, "warning")]


def test_one_that_ends_while_no_process_runs_is_told_by_the_next(
    alerting: Alerting, clock: ManualClock
) -> None:
    silence(alerting, 60)
    alerting.says(WARNING)
    alerting.run(20)
    kept = [Alert.of(alert.as_dict()) for alert in alerting.manager.firing()]
    after = Alerting(clock, hold=10, resolve_after=10, cool_down=0)
    after.manager.restore(kept)
    after.says(WARNING)
    after.run(40)  # which knows from the alert alone that it was silenced
    assert after.told == []
    after.run(20)
    assert after.told == [(40, "warning")]


def test_what_another_process_tells_after_it_is_told_by_that_one_alone(clock: ManualClock) -> None:
    asked: list[Alert] = []

    def claim(alert: Alert) -> bool:
        asked.append(alert)
        return False

    alerting = Alerting(clock, claim=claim, hold=10, resolve_after=10, cool_down=0)
    silence(alerting, 30)
    alerting.says(WARNING)
    alerting.run(50)
    assert ([alert.is_silent for alert in asked], alerting.told) == ([True, False], [])
    alerting.run(60)  # and asks again, should that one be gone
    assert len(asked) == 3


def test_a_silence_is_forgotten_by_nobody_before_its_time(
    silences: Silences, clock: ManualClock
) -> None:
    made = silences.silence("a", 60, "known", "kim")
    assert (made.set_at, made.until_at) == (clock.utc(), clock.utc() + timedelta(seconds=60))
    clock.advance(59)
    assert (silences.of("a"), silences.active()) == (made, [made])
    clock.advance(1)
    assert (silences.of("a"), silences.active(), silences.last("a")) == (None, [], made)
    assert silences.known() == [made]
    clock.advance(30 * 86400 + 1)
    assert silences.known() == []


def test_it_lasts_no_longer_where_the_clock_is_set_back(
    silences: Silences, clock: ManualClock
) -> None:
    silences.silence("a", 600, "known", "kim")
    clock.set_by(-3600)
    clock.advance(599)
    assert silences.of("a") is not None
    clock.advance(1)
    ended = silences.last("a")
    assert ended is not None
    assert (silences.of("a"), ended.until_at) == (None, clock.utc())


def test_the_newest_word_counts_whoever_learns_it(silences: Silences, clock: ManualClock) -> None:
    first = silences.silence("a", 600, "known", "kim")
    second = silences.silence("a", 900, "still", "lee")
    silences.learn([first])
    assert silences.of("a") == second
    ended = silences.end("a")
    assert ended is not None
    silences.learn([first, second])
    assert silences.of("a") is None
    there = Silences(clock)
    there.learn([second, ended])
    assert (there.of("a"), there.last("a")) == (None, ended)


def test_two_of_the_same_revision_are_the_same_for_all(clock: ManualClock) -> None:
    one = Silences(clock).silence("a", 600, "known", "kim")
    other = replace(one, reason="another")
    here, there = Silences(clock), Silences(clock)
    here.learn([one, other])
    there.learn([other, one])
    assert here.of("a") == there.of("a")


def test_a_record_survives_json(silences: Silences) -> None:
    made = silences.silence("a", 600, "known", "kim")
    assert Silence.of(made.as_dict()) == made


@pytest.mark.parametrize(
    "wrong",
    [None, {}, {"until_at": "2026"}, {"revision": "1"}, {"reason": None}, {"set_at": "2026-01-01"}],
)
def test_what_is_no_silence_is_told_so(silences: Silences, wrong: Any) -> None:
    record = silences.silence("a", 600, "known", "kim").as_dict()
    with pytest.raises(ValueError, match=r"it is no silence|Invalid isoformat"):
        Silence.of({**record, **wrong} if wrong else wrong)
