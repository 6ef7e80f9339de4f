"""Each threshold crossed by what the app really does: a warning, then critical, then over, once
each; and one alert for each cause."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NoReturn

import psutil
import pytest
from flask import Flask
from sqlalchemy import Connection, update

from medianest.health import CheckResult
from medianest.health.alerts import Alert
from medianest.resilience import CircuitBreaker, ManualClock
from medianest.storage.tables import deferred_operations
from tests.support.narrowing import not_none

STEP = 5.0
PLEX = "plex-media-server"


class Watched:
    """The app on a clock that is moved, its views, and what it told."""

    def __init__(self, app: Flask, clock: ManualClock) -> None:
        self.clock = clock
        self.parts = app.extensions["medianest"]
        self.client = app.test_client()
        self.told: list[tuple[str, str, str]] = []
        self.parts.monitoring.alerts.sinks.append(self._note)

    def _note(self, alert: Alert) -> None:
        word = "resolved" if alert.state == "resolved" else alert.severity.name.lower()
        self.told.append((alert.rule, alert.subject, word))

    def go_on(self, seconds: int, doing: Callable[..., Any] = lambda: None) -> None:
        """Let time pass, and look every few seconds as the worker does."""
        until = self.clock.now() + seconds
        while self.clock.now() < until:
            doing()
            self.clock.advance(STEP)
            for check in self.parts.monitoring.monitor.checks():
                self.parts.monitoring.monitor.run(check.name)
            self.parts.monitoring.alerts.evaluate()

    def ask(self, *paths: str) -> Callable[..., Any]:
        return lambda: [self.client.get(path) for path in paths]


@pytest.fixture
def watched(make_app: Callable[..., Flask], clock: ManualClock) -> Callable[..., Watched]:
    def make(**settings: Any) -> Watched:
        app = make_app(
            "development",
            health={"interval": STEP, "timeout": 1.0, **settings.pop("health", {})},
            alerts={"cool_down": 0.0, "minimum_calls": 10},
            sandbox=False,
            **settings,
        )
        database = app.extensions["medianest"].storage.database
        database.upgrade()

        @app.get("/good")
        def good() -> str:
            return "well"

        @app.get("/bad")
        def bad() -> tuple[str, int]:
            return "not well", 500

        @app.get("/takes/<int:seconds>")
        def takes(seconds: int) -> str:
            clock.advance(seconds)
            return "at last"

        return Watched(app, clock)

    return make


def rule(told: Any, name: Any) -> Any:
    return [(subject, word) for found, subject, word in told if found == name]


def test_failing_requests(watched: Callable[..., Watched]) -> None:
    here = watched()
    here.go_on(120, here.ask(*["/good"] * 19, "/bad"))
    assert here.told == []  # exactly 5 % is not more than 5 %
    here.go_on(120, here.ask(*["/good"] * 14, "/bad"))
    assert here.told == [("error-rate", "system", "warning")]
    here.go_on(120, here.ask(*["/good"] * 8, "/bad"))
    assert here.told[1:] == [("error-rate", "system", "critical")]
    (firing,) = here.parts.monitoring.alerts.firing()
    assert firing.message == "11.1% of the requests fail"
    assert (firing.value, firing.threshold) == (pytest.approx(1 / 9), 0.10)
    here.go_on(150, here.ask(*["/good"] * 9))
    assert here.told[2:] == [("error-rate", "system", "resolved")]


def test_slow_answers(watched: Callable[..., Watched]) -> None:
    here = watched()
    here.go_on(300, here.ask("/takes/2", *["/good"] * 2))
    assert here.told == []
    here.go_on(600, here.ask("/takes/3", *["/good"] * 2))
    assert here.told == [("response-time", "system", "warning")]
    here.go_on(600, here.ask("/takes/6", *["/good"] * 2))
    assert here.told[1:] == [("response-time", "system", "critical")]
    here.go_on(600, here.ask(*["/good"] * 3))
    assert here.told[2:] == [("response-time", "system", "resolved")]


def test_memory(watched: Callable[..., Watched]) -> None:
    ballast: list[bytearray] = []

    def fill(share: float) -> None:
        """Make this process as large as that share of its limit."""
        missing = share * limit - psutil.Process().memory_info().rss
        ballast.append(bytearray(b"\1" * max(0, int(missing))))

    limit = 2 * psutil.Process().memory_info().rss
    here = watched(health={"memory_limit": limit})
    fill(0.72)
    here.go_on(60)
    assert here.told == []
    fill(0.80)
    here.go_on(60)
    assert here.told == [("memory", "system", "warning")]
    fill(0.95)
    here.go_on(60)
    assert here.told[1:] == [("memory", "system", "critical")]
    assert here.parts.monitoring.reporter.report().score.score < 100
    ballast.clear()
    here.go_on(60)
    assert here.told[2:] == [("memory", "system", "resolved")]


def trip(breaker: CircuitBreaker) -> None:
    """Open it as a failing dependency does."""

    def fail() -> NoReturn:
        raise ConnectionError

    for _ in range(breaker.options.failure_threshold):
        with pytest.raises(ConnectionError):
            breaker.call(fail)


def test_open_breakers(watched: Callable[..., Watched]) -> None:
    here = watched()
    breakers = [here.parts.registry.breaker(name, reset_timeout=1e6) for name in "abcd"]
    trip(breakers[0])
    here.go_on(60)
    assert here.told == []
    trip(breakers[1])
    here.go_on(60)
    assert here.told == [("breakers-open", "system", "warning")]
    trip(breakers[2])
    here.go_on(60)
    trip(breakers[3])
    here.go_on(60)
    assert here.told[1:] == [("breakers-open", "system", "critical")]
    (firing,) = here.parts.monitoring.alerts.firing()
    assert firing.message == "4 circuit breakers are open: a, b, c, d"
    for breaker in breakers:
        breaker.close()
    here.go_on(60)
    assert here.told[2:] == [("breakers-open", "system", "resolved")]


def test_plex_down_is_one_alert_that_names_it(watched: Callable[..., Watched]) -> None:
    here = watched(plex={"url": "http://127.0.0.1:1", "max_attempts": 1}, client_token=None)
    paths = ["/api/v1/media/sessions", "/api/v1/media/libraries", "/api/v1/media/search?query=a"]
    here.go_on(300, here.ask(*paths * 4))
    assert here.parts.registry.breaker("plex-media-server").state.value == "open"
    minute, _ = here.parts.monitoring.traffic.figures()
    assert minute.error_rate == 1.0  # everything fails, and one thing is to be told
    assert here.told == [("dependency-down", PLEX, "warning")]
    (firing,) = here.parts.monitoring.alerts.firing()
    assert "connection refused" in firing.message
    assert "GET /api/v1/media/sessions" in firing.affected


def test_plex_that_fails_though_its_check_passes(watched: Callable[..., Watched]) -> None:
    """Told as its error rate, and neither as an open breaker nor as failing requests."""
    here = watched(plex={"url": "http://127.0.0.1:1", "max_attempts": 1}, client_token=None)
    check = next(c for c in here.parts.monitoring.monitor.checks() if c.name == PLEX)
    here.parts.monitoring.monitor.remove(PLEX)
    here.parts.monitoring.monitor.add(replace(check, run=CheckResult))
    here.go_on(300, here.ask(*["/api/v1/media/sessions"] * 12))
    assert here.told == [("error-rate", PLEX, "critical")]


def test_what_an_operator_cut_off_is_not_told_as_failing(watched: Callable[..., Watched]) -> None:
    here = watched(plex={"url": "http://127.0.0.1:1"}, client_token=None)
    here.parts.monitoring.monitor.remove(PLEX)
    here.parts.registry.breaker("plex-media-server").open("moving house")
    here.go_on(300, here.ask(*["/api/v1/media/sessions"] * 12))
    assert here.told == []


def test_dead_letters(watched: Callable[..., Watched]) -> None:
    here = watched()
    here.go_on(30)
    queue = here.parts.queue.runner.queue
    made = queue.enqueue("overseerr.request", {"media_type": "movie", "media_id": 1}, "a").operation
    here.parts.storage.database.write(_bury, made.id)
    here.go_on(120)
    assert here.told == [("dead-letters", "queue", "warning")]
    here.parts.queue.admin.drop(made.id)
    here.go_on(120)
    assert here.told[1:] == [("dead-letters", "queue", "resolved")]


def _bury(connection: Connection, operation_id: str) -> None:
    table = deferred_operations
    connection.execute(update(table).where(table.c.id == operation_id).values(state="dead"))


def test_the_endpoint_tells_what_fires_and_what_was_told(
    watched: Callable[..., Watched], operator: dict[str, Any]
) -> None:
    here = watched()
    breakers = [here.parts.registry.breaker(name) for name in "ab"]
    for breaker in breakers:
        breaker.open("test")
    here.go_on(10)
    answer = not_none(here.client.get("/api/v1/resilience/alerts", headers=operator).json)
    assert [(a["rule"], a["state"]) for a in answer["pending"]] == [("breakers-open", "pending")]
    here.go_on(60)
    answer = not_none(here.client.get("/api/v1/resilience/alerts", headers=operator).json)
    assert [a["severity"] for a in answer["firing"]] == ["warning"]
    for breaker in breakers:
        breaker.enable()
    here.go_on(60)
    answer = not_none(here.client.get("/api/v1/resilience/alerts", headers=operator).json)
    assert answer["firing"] == []
    assert [a["state"] for a in answer["recent"]] == ["resolved", "firing"]
    journal = here.parts.monitoring.claims.recent()
    assert [alert.state for alert in journal] == ["resolved", "firing"]
    assert all(isinstance(alert, Alert) for alert in journal)
