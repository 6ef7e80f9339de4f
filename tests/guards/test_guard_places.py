"""Where a guard stands in an app: in front of which requests, within which deadline."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from flask import Blueprint, Flask

from medianest.flask import Resilience
from medianest.guards.admission import Admission
from medianest.resilience import (
    RETRY_OPERATION,
    ConfigurationError,
    Deadline,
    DeadlineExceededError,
    ErrorRecoveryManager,
    ManualClock,
    Registry,
    RetryOptions,
    State,
    remaining,
)
from tests.guards.conftest import breaker_of


@pytest.fixture
def make_app(clock: ManualClock) -> Callable[..., Any]:
    """`make_app(**settings)` is an app with the extension and a view that tells what is left."""

    def make(**settings: Any) -> Any:
        app = Flask(__name__)
        app.config.update(settings)
        app.add_url_rule("/left", "left", lambda: str(remaining()))
        Resilience(app, registry=Registry(clock=clock))
        return app

    return make


# -- deadlines -------------------------------------------------------------------------------------


def test_a_guard_gives_its_view_so_many_seconds(app: Flask, resilience: Any) -> None:
    app.add_url_rule("/view", "view", lambda: str(remaining()))
    resilience.guard("/view", service="view", timeout=7)
    assert app.test_client().get("/view").text == "7.0"


def test_a_view_without_time_is_told_by_its_service(
    app: Flask, resilience: Any, clock: ManualClock
) -> None:
    app.add_url_rule("/view", "view", lambda: "late")
    resilience.guard("/view", service="view", timeout=7)
    with Deadline(1, clock=clock).scope():
        clock.advance(1)
        answer = app.test_client().get("/view")
    assert answer.status_code == 503
    assert "the deadline passed before &#39;view&#39; could be called" in answer.text


def test_a_request_has_its_deadline_without_any_limit(make_app: Callable[..., Any]) -> None:
    app = make_app(RESILIENCE_REQUEST_TIMEOUT=7)
    assert app.test_client().get("/left").text == "7.0"


def test_a_request_without_time_is_told_as_such(
    make_app: Callable[..., Any], clock: ManualClock
) -> None:
    app = make_app(RESILIENCE_REQUEST_TIMEOUT=7)
    with Deadline(1, clock=clock).scope():
        clock.advance(1)
        with pytest.raises(DeadlineExceededError, match="before 'request' could be called"):
            app.test_client().get("/left")


# -- the door --------------------------------------------------------------------------------------


def test_a_refused_request_meets_no_hook_of_the_app(clock: ManualClock) -> None:
    app, met = Flask(__name__), []
    app.config["RESILIENCE_MAX_IN_FLIGHT"] = 1
    app.before_request(lambda: met.append("a hook that was there first"))
    Resilience(app, registry=Registry(clock=clock))
    held = app.extensions["resilience"].admission.places.acquire()
    answer = app.test_client().get("/")
    assert (answer.status_code, met) == (503, [])
    assert "&#39;in-flight&#39;" in answer.text
    held.release()


def test_a_path_that_is_never_shed_may_end_with_a_slash(clock: ManualClock) -> None:
    admission = Admission(
        Registry(clock=clock), max_in_flight=1, never_shed=["/VAX/"], request_timeout=None
    )
    paths = ["/VAX", "/VAX/deep", "/VA", "/VAXEN"]
    assert [admission.sheds(path) for path in paths] == [False, False, True, True]


def test_an_app_has_the_extension_once(make_app: Callable[..., Any]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Resilience(make_app())
    assert str(caught.value) == "this app has a Resilience extension already"


def test_what_is_set_after_the_first_request_stops_no_app(make_app: Callable[..., Any]) -> None:
    app = make_app(RESILIENCE_MAX_IN_FLIGHT=9, RESILIENCE_NEVER_SHED=["/live"])
    assert app.test_client().get("/left").status_code == 200
    app.config["RESILIENCE_MAX_IN_FLIGHT"] = 5
    assert app.test_client().get("/left").status_code == 200


# -- in front of what ------------------------------------------------------------------------------


def test_what_reaches_no_view_is_no_matter_of_its_guard(app: Flask, resilience: Any) -> None:
    app.add_url_rule("/api/thing", "thing", lambda: "thing")
    resilience.guard("/api", service="api")
    breaker_of(resilience, "api").open()
    client = app.test_client()
    assert client.get("/api/thing").status_code == 503
    assert client.get("/api/other").status_code == 404
    assert client.delete("/api/thing").status_code == 405
    options = client.options("/api/thing")
    assert (options.status_code, options.allow.as_set()) == (200, {"get", "head", "options"})
    breaker_of(resilience, "api").close()
    client.get("/api/other")
    assert breaker_of(resilience, "api").snapshot().totals.ignored == 0


def test_a_view_has_the_guards_of_its_blueprint_and_of_its_prefix(
    app: Flask, resilience: Any
) -> None:
    blueprint, answers = Blueprint("shop", __name__), iter([("bad", 502), ("good", 200)])
    blueprint.add_url_rule("/shop", "shop", lambda: next(answers))
    resilience.protect(blueprint, service="inner", retry={"max_attempts": 2, "initial_delay": 0})
    app.register_blueprint(blueprint)
    resilience.guard("/shop", service="outer")
    assert app.test_client().get("/shop").text == "good"
    inner, outer = breaker_of(resilience, "inner"), breaker_of(resilience, "outer")
    assert (inner.snapshot().counts.failures, inner.snapshot().counts.successes) == (1, 1)
    assert (outer.snapshot().counts.failures, outer.snapshot().counts.successes) == (0, 1)


def test_what_flask_gives_to_the_place_where_it_calls_views_is_passed_on(
    app: Flask, clock: ManualClock
) -> None:
    app.add_url_rule("/view", "view", lambda: "view")
    app.dispatch_request = lambda *given: ("dispatched", *given)  # type: ignore[method-assign]
    Resilience(app, registry=Registry(clock=clock))
    with app.test_request_context("/view"):
        assert app.dispatch_request("context") == ("dispatched", "context")  # type: ignore[call-arg]


def test_a_view_that_wraps_itself_is_looked_through_to_a_bound(app: Flask, resilience: Any) -> None:
    def view() -> str:
        return "round"

    view.__wrapped__ = view  # type: ignore[attr-defined]
    app.add_url_rule("/view", "view", view)
    assert app.test_client().get("/view").text == "round"


def test_a_view_without_a_name_is_told_as_it_is(resilience: Any) -> None:
    view = partial(str, "report")
    with pytest.raises(ConfigurationError) as caught:
        resilience.protect(service="x", fallback=str)(view)
    assert f"on the view {view!r} may be" in str(caught.value)


# -- with what -------------------------------------------------------------------------------------


def test_a_guard_without_options_takes_the_breaker_that_is_there(
    app: Flask, resilience: Any
) -> None:
    breaker = resilience.registry.breaker("view", failure_threshold=1)
    app.add_url_rule("/view", "view", lambda: ("bad", 502))
    resilience.guard("/view", service="view")
    app.test_client().get("/view")
    assert breaker.state is State.OPEN


def test_options_of_another_kind_are_refused(resilience: Any) -> None:
    with pytest.raises(ConfigurationError) as caught:
        resilience.guard("/x", service="x", circuit_breaker=RetryOptions())
    assert str(caught.value).startswith("guard of 'x': options must be CircuitBreakerOptions, not")
    with pytest.raises(ConfigurationError) as caught:
        resilience.guard("/x", service="x", circuit_breaker={"threshold": 1})
    assert str(caught.value).startswith("guard of 'x': unknown option threshold; allowed are")


@pytest.mark.parametrize(("method", "answer", "runs"), [("GET", 502, 2), ("POST", 502, 1)])
def test_what_is_repaired_is_run_again_once(
    app: Flask, resilience: Any, clock: ManualClock, method: Any, answer: Any, runs: Any
) -> None:
    manager, made = ErrorRecoveryManager(clock=clock), []
    manager.register_recovery_action("repair", 1, execute=lambda error, context: RETRY_OPERATION)

    def view() -> Any:
        made.append(1)
        return "bad", 502

    app.add_url_rule("/view", "view", view, methods=["GET", "POST"])
    resilience.guard("/view", service="view", authorize=lambda: True, recovery=manager)
    assert app.test_client().open("/view", method=method).status_code == answer
    assert len(made) == runs


def test_a_recovery_answers_for_what_must_not_be_run_again(
    app: Flask, resilience: Any, clock: ManualClock
) -> None:
    manager = ErrorRecoveryManager(clock=clock)
    manager.register_recovery_action("later", 1, execute=lambda error, context: "later")
    app.add_url_rule("/view", "view", lambda: ("bad", 502), methods=["POST"])
    resilience.guard("/view", service="view", authorize=lambda: True, recovery=manager)
    assert app.test_client().post("/view").text == "later"
