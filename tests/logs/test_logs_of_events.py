"""What happens is told: states, health, alerts and recovery, when it begins and when it is over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import pytest

from medianest.health.events import AlertChanged, HealthChanged
from medianest.resilience import CircuitBreaker, ErrorRecoveryManager, ManualClock, RecoveryContext
from medianest.resilience import events as signals
from medianest.resilience.events import publish
from tests.logs.saying import NOW, breaker_that_opens, logger


def health(before: str, after: str, message: str | None = None) -> None:
    publish((HealthChanged("plex", before, after, NOW, message),))


def test_whatever_the_level_is_changes_of_state_are_told(
    lines: Callable[..., Callable[[], list[Any]]],
) -> None:
    read = lines("ERROR")
    logger.warning("not this")
    breaker = breaker_that_opens()
    breaker.close("mended", actor="kim")
    breaker.disable()
    with pytest.raises(ZeroDivisionError):
        breaker.call(lambda: 1 / 0)
    told = read()
    assert [line["message"] for line in told] == [
        told[0]["message"],
        "circuit breaker plex: open -> closed (close): mended, by kim",
        "circuit breaker plex: closed -> disabled (disable)",
        told[3]["message"],
    ]
    assert told[0]["message"].startswith("circuit breaker plex: closed -> open (tripped)")
    assert "is disabled and would have opened" in told[3]["message"]
    assert {line["service"] for line in told} == {"plex"}
    assert {line["level"] for line in told} == {"warning"}


@pytest.mark.parametrize(
    ("before", "after", "level", "message"),
    [
        ("healthy", "unhealthy", "warning", "health of plex: healthy -> unhealthy: gone"),
        ("unknown", "unhealthy", "warning", "health of plex: unknown -> unhealthy: gone"),
        ("healthy", "degraded", "warning", "health of plex: healthy -> degraded: gone"),
        ("unhealthy", "healthy", "info", "health of plex: unhealthy -> healthy"),
    ],
)
def test_health_that_changes_is_told(
    lines: Callable[..., Callable[[], list[Any]]],
    before: str,
    after: str,
    level: str,
    message: str,
) -> None:
    read = lines("ERROR")
    health(before, after, "gone")
    (line,) = read()
    assert (line["level"], line["message"], line["service"]) == (level, message, "plex")


@pytest.mark.parametrize(
    ("severity", "state", "level", "word"),
    [
        ("warning", "firing", "warning", "warning"),
        ("critical", "firing", "error", "critical"),
        ("critical", "resolved", "info", "resolved"),
    ],
)
def test_alerts_are_told(
    lines: Callable[..., Callable[[], list[Any]]],
    severity: str,
    state: str,
    level: str,
    word: str,
) -> None:
    read = lines("ERROR")
    publish((AlertChanged("plex", "dependency-down", severity, state, "plex is down", NOW),))
    (line,) = read()
    assert line["message"] == f"alert {word} (dependency-down): plex is down"
    assert (line["level"], line["service"]) == (level, "plex")


def test_a_silenced_alert_is_information(lines: Callable[..., Callable[[], list[Any]]]) -> None:
    read, what = lines("ERROR"), ("plex", "dependency-down", "critical", "firing", "plex is down")
    publish((AlertChanged(*what, NOW, is_silent=True),))
    (line,) = read()
    assert line["message"] == "alert critical, silenced (dependency-down): plex is down"
    assert line["level"] == "info"


def test_a_success_is_no_news(
    lines: Callable[..., Callable[[], list[Any]]],
) -> None:
    read = lines()
    breaker = CircuitBreaker("plex")
    for _ in range(10):
        breaker.call(int)
    health("unknown", "healthy")
    assert ErrorRecoveryManager().with_recovery(int) == 0
    assert read() == []


def test_a_recovery_is_told_with_its_service(
    lines: Callable[..., Callable[[], list[Any]]],
) -> None:
    read = lines("ERROR")
    manager = ErrorRecoveryManager()
    manager.register_recovery_action("default", 1, execute=lambda error, context: "default")
    context = RecoveryContext(operation="find", service="plex")
    assert manager.with_recovery(lambda: 1 / 0, context) == "default"
    (line,) = read()
    assert line["message"].startswith(
        "find failed (ZeroDivisionError) and was recovered by default"
    )
    assert line["service"] == "plex"


def test_an_outage_is_told_twice_when_it_begins_and_when_it_is_over(
    lines: Callable[..., Callable[[], list[Any]]],
) -> None:
    read = lines("ERROR")
    manager = ErrorRecoveryManager()
    manager.register_recovery_action("default", 1, execute=lambda error, context: "default")
    context = RecoveryContext(operation="find", service="plex")
    for _ in range(5):
        manager.with_recovery(lambda: 1 / 0, context)
    manager.with_recovery(int, context)
    assert [line["message"].partition(" after ")[0] for line in read()] == [
        "find failed (ZeroDivisionError) and was recovered by default",
        "default answered 5 calls of find while that failed",
    ]


def test_what_fails_all_day_is_told_when_it_begins(
    lines: Callable[..., Callable[[], list[Any]]], clock: ManualClock
) -> None:
    """Keeps out: hundreds of thousands of lines a day about a disk that is full."""
    read = lines()
    manager = ErrorRecoveryManager(clock=clock)
    manager.register_recovery_action("mend", 1, execute=lambda error, context: 1 / 0)
    context = RecoveryContext(operation="keep", service="database")

    def fail(error: Exception) -> None:
        def operation() -> NoReturn:
            raise error

        with pytest.raises(type(error)):
            manager.with_recovery(operation, context)

    for _ in range(600):
        fail(OSError("disk full"))
        clock.advance(1)
    fail(KeyError("another"))
    clock.advance(301)
    fail(OSError("disk full"))
    told = [line["message"] for line in read() if line["logger"] == "medianest.events"]
    assert [line.partition(" and ")[0] for line in told] == [
        "keep failed (OSError)", "keep failed (KeyError)", "keep failed (OSError)",
    ]  # fmt: skip


def said_of_calls() -> None:
    """One of each, as they are published."""
    error = ConnectionError("connection refused")
    publish(
        (
            signals.RetryScheduled("plex", 1, 0.25, error),
            signals.BudgetExhausted("plex", 2, error),
            signals.CallRefused("plex", 3.0),
            signals.BulkheadFull("plex", 10),
            signals.Degraded("plex.libraries", "last-good", error, 61.2),
            signals.PatienceUsed("plex.libraries", 1.5),
        )
    )


def test_development_tells_what_becomes_of_calls(
    lines: Callable[..., Callable[[], list[Any]]],
) -> None:
    read = lines("DEBUG")
    said_of_calls()
    assert [line["message"] for line in read()] == [
        "plex failed (ConnectionError: connection refused): tried again in 0.25 s",
        "plex failed (ConnectionError: connection refused): too many retries to try it again",
        "circuit breaker plex refused a call",
        "plex is full: 10 calls at once",
        "plex.libraries failed (ConnectionError: connection refused): degraded answer, last-good, "
        "61 s old",
        "plex.libraries took over 1.5 s: the last good answer in its place",
    ]


def test_elsewhere_calls_are_no_news(
    lines: Callable[..., Callable[[], list[Any]]],
) -> None:
    read = lines("INFO")
    said_of_calls()
    assert read() == []
