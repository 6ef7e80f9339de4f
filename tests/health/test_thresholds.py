"""Thresholds: more than them, not as much as them."""

import math
from typing import Any

import pytest

from medianest.health import Status, overall_status
from medianest.health.alerts import AlertOptions
from medianest.health.thresholds import Severity, Threshold
from medianest.resilience import ConfigurationError, Criticality

RATE = Threshold(0.05, 0.10)


@pytest.mark.parametrize(
    ("value", "severity", "status"),
    [
        (None, None, Status.HEALTHY),
        (0.0, None, Status.HEALTHY),
        (0.05, None, Status.HEALTHY),
        (math.nextafter(0.05, 1), Severity.WARNING, Status.DEGRADED),
        (0.10, Severity.WARNING, Status.DEGRADED),
        (math.nextafter(0.10, 1), Severity.CRITICAL, Status.UNHEALTHY),
        (math.inf, Severity.CRITICAL, Status.UNHEALTHY),
    ],
)
def test_a_value_is_judged_at_the_exact_borders(
    value: float | None, severity: Severity | None, status: Status
) -> None:
    assert RATE.severity_of(value) is severity
    assert RATE.status_of(value) is status


def test_the_value_exceeded_is_the_one_of_its_severity() -> None:
    assert RATE.exceeded(Severity.WARNING) == 0.05
    assert RATE.exceeded(Severity.CRITICAL) == 0.10


@pytest.mark.parametrize(
    "values",
    [(2, 1), (1, 1), (-0.1, 1), (math.nan, 1), (0, math.nan), (0, math.inf), ("0", 1), (None, 1)],
)
def test_a_wrong_order_is_refused(values: tuple[Any, ...]) -> None:
    with pytest.raises(ConfigurationError, match="below the one for critical"):
        Threshold(*values)


def test_a_warning_from_the_first_on_is_allowed() -> None:
    assert Threshold(0, 1).severity_of(1) is Severity.WARNING


def test_the_thresholds_of_alerts_are_those_that_are_promised() -> None:
    options = AlertOptions()
    found = [
        (each.warning, each.critical)
        for each in (
            options.error_rate,
            options.response_time,
            options.memory,
            options.breakers_open,
        )
    ]
    assert found == [(0.05, 0.10), (2.0, 5.0), (0.75, 0.90), (1, 3)]


@pytest.mark.parametrize(
    "wrong", [{"hold": -1}, {"resolve_after": "x"}, {"cool_down": math.inf}, {"minimum_calls": 0}]
)
def test_wrong_times_of_alerts_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        AlertOptions(**wrong)


@pytest.mark.parametrize(
    ("parts", "whole"),
    [
        ([], "healthy"),
        ([("critical", "healthy"), ("important", "healthy")], "healthy"),
        ([("critical", "unhealthy")], "unhealthy"),
        ([("critical", "degraded")], "degraded"),
        ([("critical", "unknown")], "unknown"),
        ([("important", "unhealthy")], "degraded"),
        ([("important", "unknown"), ("critical", "healthy")], "unknown"),
        ([("optional", "unhealthy"), ("optional", "degraded")], "healthy"),
        ([("important", "unhealthy"), ("critical", "unhealthy")], "unhealthy"),
        ([("critical", "unhealthy"), ("important", "degraded")], "unhealthy"),
    ],
)
def test_the_whole_is_as_well_as_what_is_needed_most(
    parts: list[tuple[Criticality, str]], whole: str
) -> None:
    found = overall_status((criticality, Status(status)) for criticality, status in parts)
    assert found is Status(whole)


def test_statuses_are_ordered_by_how_bad_they_are() -> None:
    ordered = [Status.HEALTHY, Status.UNKNOWN, Status.DEGRADED, Status.UNHEALTHY]
    assert [status.severity_rank for status in ordered] == [0, 1, 2, 3]
    assert [Status.of(severity_rank) for severity_rank in range(4)] == ordered
