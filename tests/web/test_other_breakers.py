"""Operators see and reset breakers that other code made with the `circuitbreaker` package."""

from collections.abc import Callable
from typing import Any, NoReturn

import circuitbreaker
import circuitbreaker as package
import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.support.narrowing import not_none

BREAKERS = "/api/v1/resilience/circuit-breakers"


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    app = make_app(plex={"url": "http://127.0.0.1:1"})
    app.extensions["medianest"].storage.database.upgrade()
    return app


@pytest.fixture
def theirs(monkeypatch: pytest.MonkeyPatch) -> circuitbreaker.CircuitBreaker:
    """One that two failures have opened."""
    monkeypatch.setattr(package.CircuitBreakerMonitor, "circuit_breakers", {})
    breaker = package.CircuitBreaker(name="tv guide", failure_threshold=2)

    @breaker  # type: ignore[untyped-decorator]
    def lookup() -> NoReturn:
        raise ConnectionError("refused")

    for _ in range(2):
        with pytest.raises(ConnectionError):
            lookup()
    return breaker


@pytest.fixture
def call(app: Flask, operator: dict[str, Any]) -> Callable[..., TestResponse]:
    def send(path: str = "", **body: Any) -> TestResponse:
        method = "POST" if body else "GET"
        client = app.test_client()
        return client.open(BREAKERS + path, method=method, json=body or None, headers=operator)

    return send


def test_it_is_seen_beside_ours_with_what_is_known_of_it(
    call: Callable[..., TestResponse], theirs: circuitbreaker.CircuitBreaker
) -> None:
    found = {each["name"]: each for each in call().get_json()["circuit_breakers"]}
    assert found["plex-media-server"]["package"] == "medianest"
    seen = found["tv guide"]
    assert seen == call("/tv guide").get_json() | {
        "retry_after_seconds": seen["retry_after_seconds"],
        "next_attempt_at": seen["next_attempt_at"],
    }  # fmt: skip
    known = {key: value for key, value in seen.items() if value is not None}
    assert 0 < known.pop("retry_after_seconds") <= 30
    assert known.pop("next_attempt_at").endswith("Z")
    assert known == {
        "name": "tv guide",
        "package": "circuitbreaker",
        "state": "open",
        "consecutive_failures": 2,
        "last_failure": {"type": "ConnectionError", "message": "refused", "failed_at": None},
    }
    assert seen.keys() == found["plex-media-server"].keys()


@pytest.mark.parametrize("action", ["close", "reset"])
def test_it_is_closed_by_hand(
    app: Flask,
    call: Callable[..., TestResponse],
    theirs: circuitbreaker.CircuitBreaker,
    action: str,
) -> None:
    answer = call("/tv guide/action", action=action, reason="it is back")
    assert (answer.status_code, answer.get_json()["circuit_breaker"]["state"]) == (200, "closed")
    assert (theirs.state, theirs.failure_count) == ("closed", 0)
    viewer = {"Authorization": "Bearer the-viewer-token"}
    audit = not_none(app.test_client().get("/api/v1/resilience/audit", headers=viewer).json)
    (change,) = audit["items"]
    assert (change["action"], change["target"], change["reason"]) == (
        f"circuit-breaker.{action}", "tv guide", "it is back",
    )  # fmt: skip


def test_what_the_package_cannot_do_is_told(
    call: Callable[..., TestResponse], theirs: circuitbreaker.CircuitBreaker
) -> None:
    for action in ("open", "disable", "enable"):
        answer = call("/tv guide/action", action=action)
        assert (answer.status_code, answer.get_json()["type"]) == (409, "/problems/conflict")
        assert "can only be closed or reset" in answer.get_json()["detail"]
        assert theirs.state == "open"


def test_one_that_is_not_there_is_not_found(
    call: Callable[..., TestResponse], theirs: circuitbreaker.CircuitBreaker
) -> None:
    assert call("/radio").status_code == 404
    assert call("/radio/action", action="close").status_code == 404
