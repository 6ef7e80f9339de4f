"""What the endpoints of health and resilience tell of what they have seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from medianest.health import Check, CheckResult, Status
from medianest.resilience import CircuitBreaker, ManualClock
from tests.support.narrowing import not_none

BREAKERS = "/api/v1/resilience/circuit-breakers"


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    app = make_app(plex={"url": "http://127.0.0.1:1", "breaker_enabled": True})
    app.extensions["medianest"].storage.database.upgrade()
    return app


@pytest.fixture
def look(app: Flask, viewer: dict[str, Any]) -> Callable[[str], TestResponse]:
    def get(path: str) -> TestResponse:
        return app.test_client().get(path, headers=viewer)

    return get


def fail() -> NoReturn:
    raise TimeoutError("no answer")


@pytest.fixture
def breaker(app: Flask) -> CircuitBreaker:
    return app.extensions["medianest"].registry.breaker("thing")


def test_an_open_breaker_tells_the_figures_that_opened_it(
    breaker: CircuitBreaker, look: Callable[[str], TestResponse], clock: ManualClock
) -> None:
    """Keeps out: an outage in the middle of which all its figures are zero."""
    for call in (list, list, list):
        breaker.call(call)
    for _ in range(5):
        with pytest.raises(TimeoutError):
            breaker.call(fail)
    opened_by = {"figures": "5 of 8 calls failed", "opened_at": "2026-01-01T00:00:00.000Z"}
    assert look(f"{BREAKERS}/thing").get_json()["opened_by"] == opened_by
    clock.advance(not_none(breaker.snapshot().retry_after))
    with pytest.raises(TimeoutError):
        breaker.call(fail)  # the probe
    found = not_none(look(f"{BREAKERS}/thing").json)
    assert (found["state"], found["opened_by"]) == ("open", opened_by)
    breaker.reset()
    assert look(f"{BREAKERS}/thing").get_json()["opened_by"] is None


def test_where_waiting_is_no_help_there_is_no_time_to_wait(
    breaker: CircuitBreaker, look: Callable[[str], TestResponse]
) -> None:
    """Keeps out: "again in ten seconds", said all day of what an operator has cut off."""

    def waits() -> tuple[float | None, float | None]:
        brief = next(
            each
            for each in look("/api/v1/health/circuit-breakers").get_json()["circuit_breakers"]
            if each["name"] == "thing"
        )
        return look(f"{BREAKERS}/thing").get_json()["retry_after_seconds"], brief[
            "retry_after_seconds"
        ]

    breaker.open("moving house")
    assert waits() == (None, None)
    breaker.open("moving house", expires_in=60)
    assert waits() == (60, 60)
    breaker.disable()
    assert waits() == (None, None)


def test_users_requests_are_told_apart_from_those_who_look(
    app: Flask, look: Callable[[str], TestResponse]
) -> None:
    """Keeps out: a thousand probes that work, and ten users for whom nothing does."""
    client = app.test_client()
    for _ in range(5):
        client.get("/api/v1/health/live")
    client.get("/nowhere")
    client.get("/api/v1/media/libraries")  # without a token
    found = not_none(look("/api/v1/health/metrics").json)
    assert found["since_start"]["requests"] == 7
    assert found["users"]["since_start"]["requests"] == 1
    assert found["others"]["last_minute"]["requests"] == 6


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("database", "database"),
        ("cache", "cache"),
        ("external/plex-media-server", "plex-media-server"),
        ("external/plex", "plex-media-server"),
    ],
)
def test_what_is_unhealthy_answers_503(
    app: Flask, look: Callable[[str], TestResponse], path: str, name: str
) -> None:
    monitor, found = app.extensions["medianest"].monitoring.monitor, CheckResult()
    monitor.remove(name)
    monitor.add(Check(name, lambda: found, worse_after=1))
    monitor.run(name)
    answer = look(f"/api/v1/health/{path}")
    assert (answer.status_code, answer.get_json()["status"]) == (200, "healthy")
    found = CheckResult(Status.UNHEALTHY, "connection refused")
    monitor.run(name)
    answer = look(f"/api/v1/health/{path}")
    assert (answer.status_code, answer.get_json()["status"]) == (503, "unhealthy")
    assert (answer.get_json()["message"], answer.headers["Retry-After"]) == (
        "connection refused",
        "10",
    )
