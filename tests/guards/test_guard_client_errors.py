"""What a view refuses (4xx) is the client's doing: no success of the view, and no failure."""

from collections.abc import Callable
from typing import Any, NoReturn

import pytest
from flask import Flask, Response, abort
from flask.testing import FlaskClient

from medianest.flask import Resilience
from medianest.resilience import CircuitBreaker, ManualClock, State
from medianest.resilience.keywords import CircuitBreakerKeywords
from tests.guards.conftest import Calls, breaker_of

OPTIONS: CircuitBreakerKeywords = {"failure_threshold": 3, "half_open_max_calls": 3, "jitter": 0.0}


@pytest.fixture
def guarded(app: Flask, resilience: Resilience, calls: Calls) -> Callable[..., FlaskClient]:
    """`guarded(**options)` guards the scripted view and is a client of it."""

    def make(**options: Any) -> FlaskClient:
        resilience.guard(
            "/api/critical",
            service="critical-service",
            **{"circuit_breaker": OPTIONS, **options},
        )
        return app.test_client()

    return make


def trip(breaker: CircuitBreaker, clock: ManualClock) -> None:
    """Open it, and let its wait pass."""
    for _ in range(OPTIONS["failure_threshold"]):
        with pytest.raises(ConnectionError), breaker.acquire():
            raise ConnectionError
    assert breaker.state is State.OPEN
    clock.advance(30)


def ask(client: FlaskClient, script: list[tuple[str, int] | Exception], status: int) -> None:
    script[:] = [("answer", status)]
    assert client.get("/api/critical/thing").status_code == status


def test_client_errors_count_as_ignored(
    resilience: Resilience,
    calls: Calls,
    guarded: Callable[..., FlaskClient],
) -> None:
    client, script = guarded(), calls[1]
    for status in (400, 401, 404, 429):
        ask(client, script, status)
    seen = breaker_of(resilience).snapshot()
    assert (seen.counts.successes, seen.counts.failures, seen.counts.ignored) == (0, 0, 4)
    assert seen.in_flight == 0


def test_three_bad_requests_do_not_close_a_half_open_breaker(
    resilience: Resilience,
    calls: Calls,
    guarded: Callable[..., FlaskClient],
    clock: ManualClock,
) -> None:
    client, script, breaker = guarded(), calls[1], breaker_of(resilience)
    trip(breaker, clock)
    for _ in range(5):  # each gives its place back: there are only three
        ask(client, script, 400)
        assert breaker.state is State.HALF_OPEN
    for _ in range(3):
        ask(client, script, 200)
    assert breaker.state is State.CLOSED


def test_a_probe_that_was_refused_does_not_expire_later(
    resilience: Resilience,
    calls: Calls,
    guarded: Callable[..., FlaskClient],
    clock: ManualClock,
) -> None:
    """Keeps out: a lease that nobody gives back counts as a probe that never came back."""
    client, breaker = guarded(), breaker_of(resilience)
    trip(breaker, clock)
    ask(client, calls[1], 404)
    clock.advance(1000)
    assert breaker.state is State.HALF_OPEN


def test_many_bad_requests_do_not_hide_an_outage(
    resilience: Resilience,
    calls: Calls,
    guarded: Callable[..., FlaskClient],
) -> None:
    client, script = guarded(), calls[1]
    for _ in range(30):
        ask(client, script, 404)
    for _ in range(3):
        ask(client, script, 500)
    assert breaker_of(resilience).state is State.OPEN


def test_a_view_that_aborts_has_refused_too(app: Flask, resilience: Resilience) -> None:
    @app.get("/view")
    @resilience.protect(service="view", max_concurrent=1)
    def view() -> NoReturn:
        abort(404)

    for _ in range(3):
        assert app.test_client().get("/view").status_code == 404
    assert breaker_of(resilience, "view").snapshot().counts.ignored == 3
    assert resilience.registry.bulkhead("view").snapshot().in_use == 0


def test_a_refusal_that_is_streamed_is_ignored_when_it_ends(
    app: Flask, resilience: Resilience
) -> None:
    @app.get("/view")
    @resilience.protect(service="view", max_concurrent=1)
    def view() -> Response:
        return Response((part for part in "ab"), 422)

    response = app.test_client().get("/view")
    assert resilience.registry.bulkhead("view").snapshot().in_use == 1
    assert response.text == "ab"
    counts = breaker_of(resilience, "view").snapshot().counts
    assert (counts.successes, counts.ignored) == (0, 1)
    assert resilience.registry.bulkhead("view").snapshot().in_use == 0


def test_failure_if_makes_failures_of_other_answers(
    resilience: Resilience,
    calls: Calls,
    guarded: Callable[..., FlaskClient],
) -> None:
    client, script = guarded(failure_if=lambda response: response.status_code == 429), calls[1]
    for status in (429, 404, 200, 503):
        ask(client, script, status)
    counts = breaker_of(resilience).snapshot().counts
    assert (counts.failures, counts.ignored, counts.successes) == (2, 1, 1)


def test_failure_if_may_look_at_a_good_answer_and_a_fallback_answers_then(
    resilience: Resilience,
    calls: Calls,
    guarded: Callable[..., FlaskClient],
) -> None:
    client = guarded(
        failure_if=lambda response: b"sorry" in response.data,
        fallback=lambda error: f"instead of {error.response.get_data(as_text=True)}",
        authorize=lambda: True,
    )
    calls[1][:] = [("sorry, no data", 200)]
    assert client.get("/api/critical/thing").text == "instead of sorry, no data"
    assert breaker_of(resilience).snapshot().counts.failures == 1


def test_an_answer_outlives_a_failure_if_that_raises(
    resilience: Resilience,
    calls: Calls,
    guarded: Callable[..., FlaskClient],
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = guarded(failure_if=lambda response: response.no_such_name)
    ask(client, calls[1], 200)
    assert breaker_of(resilience).snapshot().counts.successes == 1
    assert "no_such_name" in caplog.text
