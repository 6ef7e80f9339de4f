"""`/api/v1/health`: for probes and for people."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from medianest.resilience import CircuitBreaker, Criticality, Dependency, ManualClock, Pipeline
from tests.support.narrowing import not_none


def add_dependency(app: Flask, name: str, criticality: Criticality) -> CircuitBreaker:
    registry = app.extensions["medianest"].registry
    breaker = registry.breaker(name)
    registry.add_dependency(Dependency(name, criticality, Pipeline(name, [breaker])))
    return breaker


def test_before_anybody_has_looked_nothing_is_known(
    make_app: Callable[..., Flask], clock: ManualClock, viewer: dict[str, Any]
) -> None:
    """Keeps out: an app that runs without its background work, healthy with a score of 100."""
    client = make_app().test_client()
    found = not_none(client.get("/api/v1/resilience/status", headers=viewer).json)
    assert (found["status"], found["score"]["score"] < 100) == ("unknown", True)
    clock.advance(16)
    found = not_none(client.get("/api/v1/resilience/status", headers=viewer).json)
    assert found["status"] == "degraded"
    why = {each["what"]: each["why"] for each in found["score"]["deductions"]}
    assert why["health-monitor"] == "unhealthy: no check has run within 15 s"
    assert "overseerr" not in why  # it is not configured


def test_the_root_tells_the_status_and_nothing_inside(
    make_app: Callable[..., Flask], clock: ManualClock
) -> None:
    app = make_app()
    clock.advance(12)
    response = app.test_client().get("/api/v1/health/")
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    assert response.json == {
        "status": "unknown",
        "version": "0.1.0",
        "environment": "testing",
        "uptime_seconds": 12.0,
        "checked_at": "2026-01-01T00:00:12.000Z",
    }
    assert app.test_client().get("/api/v1/health").status_code == 200


@pytest.mark.parametrize(
    ("criticality", "status", "code", "ready"),
    [
        ("critical", "unhealthy", 503, 503),
        ("important", "degraded", 200, 200),
        ("optional", "unknown", 200, 200),
    ],
)
def test_an_open_breaker_counts_by_its_criticality(
    make_app: Callable[..., Flask], criticality: Criticality, status: str, code: int, ready: int
) -> None:
    app = make_app()
    add_dependency(app, "thing", criticality).open("test")
    client = app.test_client()
    response = client.get("/api/v1/health/")
    assert (response.get_json()["status"], response.status_code) == (status, code)
    assert client.get("/api/v1/health/ready").status_code == ready
    assert client.get("/api/v1/health/live").status_code == 200


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, ["MEDIANEST_PLEX_URL is not set: libraries, items and sessions are off"]),
        ({"plex": {"url": "http://127.0.0.1:1", "token": "secret"}}, []),
    ],
)
def test_what_is_not_configured_is_told_and_makes_nothing_unwell(
    make_app: Callable[..., Flask], given: dict[str, Any], told: list[str]
) -> None:
    client = make_app(**given).test_client()
    assert client.get("/api/v1/health/comprehensive").get_json()["not_configured"] == told


def test_a_draining_worker_is_not_ready(make_app: Callable[..., Flask]) -> None:
    app = make_app()
    app.extensions["medianest"].lifecycle.draining = True
    response = app.test_client().get("/api/v1/health/ready")
    assert (response.status_code, response.get_json()["reasons"]) == (503, ["draining"])


def test_breakers_are_counted_by_state(make_app: Callable[..., Flask]) -> None:
    app = make_app()
    add_dependency(app, "a", "important").open("test")
    add_dependency(app, "b", "optional")
    response = app.test_client().get("/api/v1/health/circuit-breakers")
    assert response.status_code == 200
    assert response.get_json()["counts"]["forced_open"] == 1
    assert response.get_json()["counts"]["closed"] == 2  # the database's is the other
    names = [brief["name"] for brief in response.get_json()["circuit_breakers"]]
    assert names == ["a", "b", "database"]


def test_only_a_critical_open_breaker_makes_the_list_fail(make_app: Callable[..., Flask]) -> None:
    app = make_app()
    add_dependency(app, "a", "critical").open("test")
    assert app.test_client().get("/api/v1/health/circuit-breakers").status_code == 503


def test_reading_health_makes_no_breaker(make_app: Callable[..., Flask]) -> None:
    app = make_app()
    client = app.test_client()
    client.get("/api/v1/resilience/circuit-breakers/ghost")
    client.get("/api/v1/health/circuit-breakers")
    found = app.extensions["medianest"].registry.breakers()
    assert all(isinstance(breaker, CircuitBreaker) for breaker in found)
    assert "ghost" not in [breaker.name for breaker in found]
