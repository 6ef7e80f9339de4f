"""The verdict: the worst thing first, in one sentence."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from medianest.health import Status
from medianest.health.alerts import Alert
from medianest.health.report import Report
from medianest.health.score import Deduction
from medianest.health.thresholds import Severity
from medianest.page.now import verdict_of

BEGAN = datetime(2026, 11, 30, 3, tzinfo=UTC)


@pytest.fixture
def report(make_app: Callable[..., Flask], tables: None) -> Report:
    here = make_app("development", sandbox=False).extensions["medianest"]
    return here.monitoring.reporter.report()


def alert(subject: str, message: str, minutes: int, **members: Any) -> Alert:
    values = {
        "rule": "dependency-down", "severity": Severity.WARNING, "state": "firing", "value": None,
        "threshold": None, "affected": (), "advice": f"look at {subject}", **members,
    }  # fmt: skip
    since = BEGAN + timedelta(minutes=minutes)
    return Alert(subject=subject, message=message, since=since, **values)


def test_the_alert_that_costs_most_is_told_and_not_the_oldest(report: Report) -> None:
    """Keeps out: a dead letter of yesterday hides that Plex is down."""
    score = replace(
        report.score, deductions=(Deduction("plex", "down", 20), Deduction("queue", "dead", 5))
    )
    firing = (alert("queue", "1 could not be done", 0), alert("plex", "plex is down", 5))
    found = verdict_of(
        replace(report, status=Status.DEGRADED, firing=firing, score=score), (), None
    )
    assert found.headline == "Degraded: plex is down"
    assert (found.since, found.advice) == (firing[1].since, "look at plex")


def test_what_works_all_the_same_is_not_called_well(report: Report) -> None:
    firing = (alert("queue", "1 could not be done", 0),)
    found = verdict_of(replace(report, status=Status.HEALTHY, firing=firing), (), None)
    assert found.headline == "It works, but 1 could not be done"


def test_while_all_is_well_nothing_is_to_do(report: Report) -> None:
    well = replace(report, status=Status.HEALTHY, firing=(), recommendations=("cpu: busy",))
    found = verdict_of(well, (), None)
    assert (found.headline, found.advice) == ("Everything works", None)
