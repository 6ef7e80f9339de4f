"""Retries of guarded views: safe methods alone, and none on top of another one."""

from typing import NoReturn

from flask import Flask

from medianest.flask import Resilience
from medianest.resilience import (
    ManualClock,
    Retry,
)
from tests.guards.conftest import Calls


def test_only_safe_methods_are_retried(
    app: Flask,
    resilience: Resilience,
    calls: Calls,
    clock: ManualClock,
) -> None:
    made, script = calls
    script[:] = [("bad", 503)]
    resilience.guard("/api/critical", service="critical-service", retry=3)
    client = app.test_client()
    assert client.post("/api/critical/thing").status_code == 503
    assert made == ["POST"]
    assert client.get("/api/critical/thing").status_code == 503
    assert made == ["POST", "GET", "GET", "GET"]


def test_a_retry_that_succeeds_answers_well(
    app: Flask, resilience: Resilience, calls: Calls
) -> None:
    _, script = calls
    script[:] = [("bad", 503), ("ok", 200)]
    resilience.guard("/api/critical", service="critical-service", retry={"max_attempts": 2})
    assert app.test_client().get("/api/critical/thing").text == "ok"


def test_retries_do_not_multiply_through_a_view_that_catches(
    app: Flask, resilience: Resilience, clock: ManualClock
) -> None:
    """Keeps out 3 x 3 calls when a view turns an error, already retried inside, into a 503."""
    upstream = []

    def fetch() -> NoReturn:
        upstream.append(1)
        raise ConnectionError

    @app.get("/view")
    @resilience.protect(service="view", retry=3)
    def view() -> tuple[str, int]:
        try:
            return Retry(max_attempts=3, clock=clock).call(fetch)
        except ConnectionError:
            return "unavailable", 503

    assert app.test_client().get("/view").status_code == 503
    assert len(upstream) == 3


def test_a_view_that_answers_for_what_was_given_up_inside_is_not_tried_again(
    app: Flask, resilience: Resilience
) -> None:
    """Keeps out: 3 attempts around a view times 3 inside it."""
    calls = []
    inner = Retry(max_attempts=3, initial_delay=0)

    def upstream() -> NoReturn:
        calls.append(1)
        raise ConnectionError

    @app.get("/view")
    @resilience.protect(service="view", retry={"max_attempts": 3, "initial_delay": 0})
    def view() -> tuple[str, int]:
        try:
            return inner.call(upstream)
        except ConnectionError:
            return "sorry", 502

    assert app.test_client().get("/view").status_code == 502
    assert len(calls) == 3


def test_a_view_is_heard_though_its_retry_is_refused(app: Flask, resilience: Resilience) -> None:
    """Keeps out: a refusal for whoever opened the breaker, in the place of the view's answer."""

    @app.get("/view")
    @resilience.protect(
        service="view",
        retry={"max_attempts": 3, "initial_delay": 0},
        circuit_breaker={"failure_threshold": 2},
    )
    def view() -> tuple[str, int]:
        return "sorry", 502

    client = app.test_client()
    assert [client.get("/view").status_code for _ in range(2)] == [502, 503]
