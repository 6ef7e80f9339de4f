"""The health monitor: hysteresis, checks that raise, checks that are missed, its own pulse."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from blinker import Signal

from medianest.health import Check, CheckResult, HealthMonitor, Status
from medianest.health.events import health_changed
from medianest.resilience import ManualClock, remaining
from tests.health.conftest import WORDS, Scripted
from tests.support.narrowing import not_none

LETTERS = {status: letter for letter, status in WORDS.items()}


@pytest.fixture
def states(
    monitor: HealthMonitor, scripted: Callable[..., Scripted], clock: ManualClock
) -> Callable[..., str]:
    """`states("HUU")` is the status after each of these findings."""

    def find(findings: str, **options: Any) -> str:
        run, told = scripted(**options), ""
        for letter in findings:
            run.status = WORDS[letter]
            monitor.run("thing")
            told += LETTERS[monitor.component("thing").status]
            clock.advance(10)
        return told

    return find


@pytest.mark.parametrize(
    ("findings", "statuses"),
    [
        ("HUUU", "HHHU"),
        ("HUUHUUU", "HHHHHHU"),
        ("UHH", "UUH"),
        ("UHUHH", "UUUUH"),
        ("HDDD", "HHHD"),
        ("DHH", "DDH"),
        ("UDD", "UUD"),
        # Of findings in a row that differ, only what all of them say is sure.
        ("HDDU", "HHHD"),
        ("HUUD", "HHHD"),
        ("HDUU", "HHHD"),
        ("HDUUU", "HHHDU"),
        ("UHD", "UUD"),
        ("UDH", "UUD"),
        ("UDHH", "UUDH"),
        ("DUUHUUU", "DDDDDDU"),
    ],
)
def test_a_status_changes_only_when_findings_in_a_row_agree(
    states: Callable[..., str], findings: str, statuses: str
) -> None:
    assert states(findings) == statuses


@pytest.mark.parametrize("first", list("HDU"))
def test_the_first_finding_counts_at_once(states: Callable[..., str], first: str) -> None:
    assert states(first) == first


def test_it_can_be_told_how_sure_to_be(states: Callable[..., str]) -> None:
    assert states("HUUHH", worse_after=1, better_after=1) == "HUUHH"


def test_nothing_is_known_before_the_first_check(
    monitor: HealthMonitor, scripted: Callable[..., Scripted]
) -> None:
    scripted(kind="external", criticality="critical")
    seen = monitor.component("thing")
    assert (seen.kind, seen.criticality, seen.status) == ("external", "critical", Status.UNKNOWN)
    assert (seen.checked_at, seen.age_seconds, seen.since, seen.message) == (None,) * 4
    assert not seen.is_suspect


def test_a_check_that_raises_has_failed(
    monitor: HealthMonitor, scripted: Callable[..., Scripted]
) -> None:
    run = scripted()
    run.status = ConnectionRefusedError("nobody listens")
    monitor.run("thing")
    seen = monitor.component("thing")
    assert (seen.status, seen.message) == (Status.UNHEALTHY, "nobody listens")
    assert (seen.failures_in_a_row, seen.last_failure) == (1, "nobody listens")


def test_an_error_that_begins_with_the_name_is_told_without_it(
    monitor: HealthMonitor, scripted: Callable[..., Scripted]
) -> None:
    """Keeps out: "thing is down: thing: nobody listens"."""
    scripted().status = ConnectionRefusedError("thing: nobody listens")
    monitor.run("thing")
    assert monitor.component("thing").message == "nobody listens"


def test_an_error_without_words_is_told_by_its_kind(
    monitor: HealthMonitor, scripted: Callable[..., Scripted]
) -> None:
    scripted().status = TimeoutError()
    monitor.run("thing")
    assert monitor.component("thing").message == "TimeoutError"


def test_one_failure_makes_it_suspect_and_says_why(
    monitor: HealthMonitor, scripted: Callable[..., Scripted]
) -> None:
    run = scripted()
    monitor.run("thing")
    run.status, run.message = Status.UNHEALTHY, "odd"
    monitor.run("thing")
    seen = monitor.component("thing")
    assert (seen.status, seen.message, seen.is_suspect) == (Status.HEALTHY, "odd", True)
    run.status, run.message = Status.HEALTHY, None
    monitor.run("thing")
    seen = monitor.component("thing")
    assert (seen.message, seen.failures_in_a_row, seen.is_suspect) == (None, 0, False)
    assert seen.last_failure == "odd"


def test_one_good_check_is_told_as_no_proof(
    monitor: HealthMonitor, scripted: Callable[..., Scripted]
) -> None:
    run = scripted()
    run.status, run.message = Status.UNHEALTHY, "gone"
    monitor.run("thing")
    run.status, run.message = Status.HEALTHY, None
    monitor.run("thing")
    seen = monitor.component("thing")
    assert seen.status is Status.UNHEALTHY
    assert "answers again" in not_none(seen.message)


def test_a_check_that_fails_without_a_word_is_not_said_to_answer(
    monitor: HealthMonitor, scripted: Callable[..., Scripted]
) -> None:
    scripted().status = Status.UNHEALTHY
    monitor.run("thing")
    assert monitor.component("thing").message is None


def test_figures_that_a_check_told_last_still_stand_while_it_fails(
    monitor: HealthMonitor, scripted: Callable[..., Scripted]
) -> None:
    run = scripted()
    run.detail = {"version": "1.2"}
    monitor.run("thing")
    run.status = OSError("down")
    monitor.run("thing")
    assert monitor.component("thing").detail == {"version": "1.2"}


def test_waits_below_a_check_end_with_its_timeout(monitor: HealthMonitor) -> None:
    left = []
    monitor.add(Check("thing", lambda: left.append(remaining()) or CheckResult(), timeout=2.5))
    monitor.run("thing")
    assert left == [pytest.approx(2.5)]
    assert remaining(99.0) == 99.0


@pytest.mark.parametrize(("findings", "after"), [("H", "H"), ("UUU", "U"), ("UH", "H")])
def test_what_is_not_checked_any_more_is_no_longer_known(
    monitor: HealthMonitor,
    scripted: Callable[..., Scripted],
    clock: ManualClock,
    findings: str,
    after: str,
) -> None:
    run = scripted(interval=10, timeout=3)
    for letter in findings:
        run.status = WORDS[letter]
        monitor.run("thing")
    before = monitor.component("thing").status
    clock.advance(33)
    assert monitor.component("thing").status is before
    clock.advance(0.1)
    seen = monitor.component("thing")
    assert (seen.status, seen.age_seconds) == (Status.UNKNOWN, 33.1)
    assert seen.since == clock.utc() - timedelta(seconds=0.1)
    assert "not checked any more" in not_none(seen.message)
    monitor.run("thing")
    assert monitor.component("thing").status is WORDS[after]


def test_each_change_is_an_event_and_nothing_else_is(
    monitor: HealthMonitor,
    scripted: Callable[..., Scripted],
    clock: ManualClock,
    heard: Callable[[Signal], list[Any]],
) -> None:
    events = heard(health_changed)
    run = scripted()
    for letter in "HHUUUHH":
        run.status, run.message = WORDS[letter], {"U": "gone"}.get(letter)
        monitor.run("thing")
        clock.advance(10)
    told = [(e.name, e.before, e.after, e.message) for e in events]
    assert told == [
        ("thing", "unknown", "healthy", None),
        ("thing", "healthy", "unhealthy", "gone"),
        ("thing", "unhealthy", "healthy", None),
    ]


def test_the_ages_and_times_are_those_of_the_last_check(
    monitor: HealthMonitor, scripted: Callable[..., Scripted], clock: ManualClock
) -> None:
    scripted()
    monitor.run("thing")
    clock.advance(4.5)
    seen = monitor.component("thing")
    assert seen.age_seconds == 4.5
    assert (clock.utc() - not_none(seen.checked_at)).total_seconds() == pytest.approx(4.5)
    assert seen.since == seen.checked_at


def test_percentiles_are_by_nearest_rank(monitor: HealthMonitor, clock: ManualClock) -> None:
    seconds = iter(range(1, 21))
    monitor.add(Check("thing", lambda: clock.advance(next(seconds)) or CheckResult(), timeout=60))
    for _ in range(20):
        monitor.run("thing")
    seen = monitor.component("thing")
    assert (seen.latency_seconds, seen.latency_p50, seen.latency_p95) == (20, 10, 19)


def test_the_first_failure_makes_it_unhealthy_and_the_third_makes_it_sure(
    monitor: HealthMonitor, scripted: Callable[..., Scripted]
) -> None:
    run = scripted()
    run.status = Status.UNHEALTHY
    seen = []
    for letter in "UUUHH":
        run.status = WORDS[letter]
        monitor.run("thing")
        found = monitor.component("thing")
        seen.append((found.status, found.is_suspect, found.is_down))
    unhealthy = Status.UNHEALTHY
    assert seen[:4] == [
        (unhealthy, True, False),
        (unhealthy, True, False),
        (unhealthy, False, True),
        (unhealthy, False, True),
    ]
    assert seen[4] == (Status.HEALTHY, False, False)


def test_what_was_found_better_is_recovering_until_that_is_sure(
    monitor: HealthMonitor, scripted: Callable[..., Scripted]
) -> None:
    run, seen = scripted(), []
    scripted("other")
    for letter in "UHUDHHHD":
        run.status = WORDS[letter]
        monitor.run("thing")
        seen.append(monitor.recovering() == ["thing"])
    assert seen == [False, True, False, True, True, False, False, False]
