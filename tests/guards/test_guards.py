"""Guards around views: the same pipeline, at the place where Flask calls the view."""

from typing import Any, NoReturn

import pytest
from flask import Blueprint, Flask, Response, abort, request

from medianest.flask import Resilience
from medianest.resilience import (
    CircuitOpenError,
    ConfigurationError,
    Fallback,
    ManualClock,
    Retry,
    State,
)
from medianest.resilience.keywords import CircuitBreakerKeywords
from tests.guards.conftest import Calls, breaker_of


def anybody() -> bool:
    """For answers that are no secret."""
    return True


BREAKER: CircuitBreakerKeywords = {"failure_threshold": 2, "jitter": 0.0, "half_open_max_calls": 1}


def test_five_failing_requests_at_threshold_one_open_the_breaker(
    app: Flask, resilience: Resilience, calls: Calls
) -> None:
    """Keeps out an extension that does nothing."""
    made, script = calls
    script[:] = [("bad", 500)]
    resilience.guard(
        "/api/critical", service="critical-service", circuit_breaker={"failure_threshold": 1}
    )
    client = app.test_client()
    assert client.get("/api/critical/thing").status_code == 500
    assert breaker_of(resilience).state is State.OPEN
    for _ in range(4):
        refused = client.get("/api/critical/thing")
        assert refused.status_code == 503
        assert 24 <= int(refused.headers["Retry-After"]) <= 36
    assert len(made) == 1


def test_an_error_that_the_app_handles_counts_by_its_answer(
    app: Flask, resilience: Resilience, calls: Calls
) -> None:
    _, script = calls

    @app.errorhandler(KeyError)
    def missing(error: KeyError) -> tuple[str, int]:
        return "no such key", 404

    script[:] = [KeyError("x"), ("ok", 200)]
    resilience.guard("/api/critical", service="critical-service")
    assert app.test_client().get("/api/critical/thing").status_code == 404
    assert breaker_of(resilience).snapshot().counts.failures == 0


def test_an_unhandled_error_counts_and_reaches_the_app_unchanged(
    app: Flask, resilience: Resilience, calls: Calls
) -> None:
    _, script = calls
    script[:] = [KeyError("x")]
    resilience.guard("/api/critical", service="critical-service")
    assert app.test_client().get("/api/critical/thing").status_code == 500
    assert breaker_of(resilience).snapshot().counts.failures == 1


def test_strategies_made_elsewhere_are_taken_as_they_are(
    app: Flask,
    resilience: Resilience,
    calls: Calls,
    clock: ManualClock,
) -> None:
    made, script = calls
    script[:] = [("bad", 503)]
    again = Retry(max_attempts=2, clock=clock)
    resilience.guard(
        "/api/critical",
        service="s",
        retry=again,
        fallback=Fallback(value="fixed"),
        authorize=anybody,
    )
    assert app.test_client().get("/api/critical/thing").text == "fixed"
    assert len(made) == 2


def test_a_fallback_answers_for_failures_and_for_refusals(
    app: Flask, resilience: Resilience, calls: Calls
) -> None:
    made, script = calls
    script[:] = [("bad", 500)]
    resilience.guard(
        "/api/critical",
        service="critical-service",
        circuit_breaker=BREAKER,
        fallback=lambda error: (f"fallback: {type(error).__name__}", 200),
        authorize=anybody,
    )
    client = app.test_client()
    answers = [client.get("/api/critical/thing").text for _ in range(3)]
    assert answers == ["fallback: ViewFailedError"] * 2 + ["fallback: CircuitOpenError"]
    assert len(made) == 2


def test_a_fallback_may_take_no_error(app: Flask, resilience: Resilience, calls: Calls) -> None:
    """Keeps out: a TypeError of ours, and 500, in the place of the answer."""
    _, script = calls
    script[:] = [("bad", 500)]
    resilience.guard("/api/critical", service="s", fallback=lambda: "sorry", authorize=anybody)
    assert app.test_client().get("/api/critical/thing").text == "sorry"


def test_a_fallback_never_answers_for_a_client_error(
    app: Flask, resilience: Resilience, calls: Calls
) -> None:
    _, script = calls
    script[:] = [("who are you", 401)]
    resilience.guard(
        "/api/critical", service="s", fallback=lambda error: "fallback", authorize=anybody
    )
    assert app.test_client().get("/api/critical/thing").status_code == 401


def test_an_authentication_hook_is_never_bypassed(
    app: Flask, resilience: Resilience, calls: Calls
) -> None:
    made, script = calls
    script[:] = [("bad", 500)]
    resilience.guard(
        "/api/critical",
        service="critical-service",
        circuit_breaker={"failure_threshold": 1},
        fallback=lambda error: "secret fallback",
        authorize=anybody,
    )

    @app.before_request
    def authenticate() -> None:
        if request.headers.get("Authorization") != "yes":
            abort(401)

    client = app.test_client()
    assert client.get("/api/critical/thing").status_code == 401
    assert made == []
    assert client.get("/api/critical/thing", headers={"Authorization": "yes"}).status_code == 200
    assert breaker_of(resilience).state is State.OPEN
    assert client.get("/api/critical/thing").status_code == 401


def test_a_guard_covers_its_prefix_and_nothing_beside_it(
    app: Flask, resilience: Resilience
) -> None:
    for path in ("/api/critical", "/api/criticality", "/other"):
        app.add_url_rule(path, path, lambda: ("bad", 500))
    resilience.guard("/api/critical/", service="critical-service")
    client = app.test_client()
    for path in ("/api/critical", "/api/criticality", "/other", "/api/critical/missing"):
        client.get(path)
    assert breaker_of(resilience).snapshot().totals.failures == 1


def test_of_several_prefixes_the_longest_counts(app: Flask, resilience: Resilience) -> None:
    app.add_url_rule("/a/b/c", "abc", lambda: "ok")
    resilience.guard("/a", service="short")
    resilience.guard("/a/b", service="long")
    app.test_client().get("/a/b/c")
    assert breaker_of(resilience, "long").snapshot().totals.successes == 1
    assert breaker_of(resilience, "short").snapshot().totals.successes == 0


def test_a_bulkhead_limits_a_guarded_view(app: Flask, resilience: Resilience) -> None:
    inner = []

    @app.get("/slow")
    @resilience.protect(service="slow", max_concurrent=1, fallback=lambda error: "full")
    def slow() -> str:
        inner.append(app.test_client().get("/slow").text)
        return "done"

    assert app.test_client().get("/slow").text == "done"
    assert inner == ["full"]
    assert resilience.registry.bulkhead("slow").snapshot().in_use == 0


def test_a_refusal_inside_a_view_says_nothing_about_the_view(
    app: Flask, resilience: Resilience
) -> None:
    resilience.registry.breaker("inner").open("test")

    @app.errorhandler(CircuitOpenError)
    def refused(error: CircuitOpenError) -> tuple[str, int]:
        return "inner is open", 503

    @app.get("/outer")
    @resilience.protect(service="outer", retry=3)
    def outer() -> Any:
        return resilience.registry.breaker("inner").call(lambda: "never")

    assert app.test_client().get("/outer").status_code == 503
    counts = breaker_of(resilience, "outer").snapshot().counts
    assert (counts.failures, counts.ignored) == (0, 1)


def test_expected_errors_see_what_the_view_raised_in_spite_of_an_error_handler(
    app: Flask, resilience: Resilience
) -> None:
    app.register_error_handler(Exception, lambda error: ("handled", 500))

    @app.get("/down")
    @resilience.protect(service="a", circuit_breaker={"expected_errors": (ConnectionError,)})
    def down() -> NoReturn:
        raise ConnectionError

    @app.get("/bug")
    @resilience.protect(service="b", circuit_breaker={"ignored_errors": (KeyError,)})
    def bug() -> NoReturn:
        raise KeyError

    client = app.test_client()
    assert [client.get(path).text for path in ("/down", "/bug")] == ["handled", "handled"]
    assert breaker_of(resilience, "a").snapshot().counts.failures == 1
    assert breaker_of(resilience, "b").snapshot().counts.ignored == 1


def test_a_fallback_hides_no_bug_from_the_log(
    app: Flask, resilience: Resilience, caplog: pytest.LogCaptureFixture
) -> None:
    @app.get("/bug")
    @resilience.protect(service="a", fallback=lambda error: "later")
    def bug() -> NoReturn:
        raise NameError("typo")

    assert app.test_client().get("/bug").text == "later"
    assert "typo" in caplog.text


def test_one_response_is_not_served_to_many(resilience: Resilience) -> None:
    """Keeps out: one client's session cookie in the next one's answer."""
    with pytest.raises(ConfigurationError, match="a function that makes a new one"):
        resilience.guard("/api", service="x", fallback=Fallback(value=Response("later", 503)))


def test_blueprints_of_one_name_in_two_apps_are_told_apart(resilience: Resilience) -> None:
    guarded, free = Flask("a"), Flask("b")
    for app in (guarded, free):
        if "resilience" not in app.extensions:
            resilience.init_app(app)
        shop = Blueprint("shop", __name__)
        shop.add_url_rule("/shop", "view", lambda: ("bad", 500))
        if app is guarded:
            resilience.protect(shop, service="shop", circuit_breaker={"failure_threshold": 1})
        app.register_blueprint(shop)
    for app, second in ((guarded, 503), (free, 500)):
        client = app.test_client()
        assert [client.get("/shop").status_code for _ in range(2)] == [500, second]
