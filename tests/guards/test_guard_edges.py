"""What a guard closes, logs, copies and says."""

from collections.abc import Callable
from typing import Any, NoReturn

import pytest
from flask import Flask, Response

from medianest.flask import Resilience
from medianest.resilience import (
    CircuitOpenError,
    ManualClock,
    Registry,
)
from tests.guards.conftest import breaker_of

TWICE = {"max_attempts": 2, "initial_delay": 0}


class Body:
    """A body that says when it is closed; held by the test, so that no collector closes it."""

    def __init__(self, *parts: Any) -> None:
        self._parts, self.closed = iter(parts), 0

    def __iter__(self) -> Any:
        return self._parts

    def close(self) -> None:
        self.closed += 1


class Unclosable:
    """A body that has nothing to close."""

    def __init__(self, *parts: Any) -> None:
        self._parts = parts

    def __iter__(self) -> Any:
        return iter(self._parts)


# -- what is closed --------------------------------------------------------------------------------


def test_the_body_of_a_stream_is_closed_when_its_client_leaves(
    serve: Callable[..., Callable[..., Any]],
) -> None:
    body = Body(b"a", b"b")
    serve(lambda: Response(body))().close()
    assert body.closed == 1


def test_a_body_that_has_nothing_to_close_gives_its_place_back(
    serve: Callable[..., Callable[..., Any]], resilience: Any
) -> None:
    get = serve(lambda: Response(Unclosable(b"a"), direct_passthrough=True), max_concurrent=1)
    for _ in range(2):
        response = get()
        assert response.data == b"a"
        response.close()
    assert resilience.registry.bulkhead("view").snapshot().in_use == 0


def test_the_answer_of_a_retry_is_closed_when_it_is_sent_and_not_before(
    serve: Callable[..., Callable[..., Any]],
) -> None:
    closed, answers = [], iter([("bad", 502), ("good", 200)])

    def view() -> Any:
        response = Response(*next(answers))
        response.call_on_close(lambda: closed.append(response.status_code))
        return response

    answer = serve(view, retry=TWICE)()
    assert closed == [502]
    answer.close()
    assert closed == [502, 200]


@pytest.mark.parametrize("status", [204, 304])
def test_a_stream_without_a_body_is_a_success(
    serve: Callable[..., Callable[..., Any]], resilience: Any, status: Any
) -> None:
    serve(lambda: Response((part for part in "ab"), status))().close()
    assert breaker_of(resilience, "view").snapshot().counts.successes == 1


@pytest.mark.parametrize("what", ["raise", "replace"])
def test_a_stream_that_a_hook_spoils_is_no_success(
    app: Flask, serve: Callable[..., Callable[..., Any]], resilience: Any, what: Any
) -> None:
    @app.after_request
    def spoil(response: Any) -> Any:
        if what == "raise":
            raise LookupError("in the hook")
        return Response("something else")

    serve(lambda: Response(part for part in ("a", "b")))().close()
    assert breaker_of(resilience, "view").snapshot().counts.successes == 0


# -- whose answer it is ----------------------------------------------------------------------------


@pytest.mark.parametrize("fails", [True, False])
@pytest.mark.parametrize("passes", [True, False])
def test_one_response_for_all_is_copied_with_all_that_belongs_to_it(
    app: Flask, serve: Callable[..., Callable[..., Any]], fails: Any, passes: Any
) -> None:
    closed = []
    shared = Response([b"later"], 503, {"X-Reason": "moving house"}, direct_passthrough=passes)
    shared.call_on_close(lambda: closed.append(1))

    @app.after_request
    def remember(response: Any) -> Any:
        response.headers["X-Passes-Through"] = str(response.direct_passthrough)
        response.headers.add("X-Seen", "yes")
        return response

    def view() -> Any:
        if fails:
            return Response("bad", 502)
        raise CircuitOpenError("plex", 30)

    get = serve(view, fallback=lambda error: shared)
    for count in (1, 2):
        answer = get()
        assert (answer.status_code, answer.headers["X-Reason"]) == (503, "moving house")
        assert answer.headers.getlist("X-Seen") == ["yes"]
        assert answer.headers["X-Passes-Through"] == str(passes)
        answer.close()  # Werkzeug closes none that passes through
        assert len(closed) == (0 if passes else count)


def test_an_earlier_attempt_answers_for_no_other_error(
    app: Flask, serve: Callable[..., Callable[..., Any]]
) -> None:
    @app.errorhandler(KeyError)
    def missing(error: Any) -> Any:
        return "no such key", 502

    earlier, attempts = KeyError("x"), iter([1, 2])

    def view() -> NoReturn:
        if next(attempts) == 1:
            raise earlier
        raise RuntimeError from earlier

    assert serve(view, retry=TWICE)().status_code == 500


# -- what is logged --------------------------------------------------------------------------------

LOGGED = "a guarded view failed; its fallback answers"


def raising(error: Any) -> Callable[[], NoReturn]:
    def view() -> NoReturn:
        raise error

    return view


@pytest.mark.parametrize(
    ("view", "logged"),
    [
        (raising(NameError("typo")), [LOGGED]),
        (raising(CircuitOpenError("plex", 30)), []),
        (raising(LookupError("handled by the app")), []),
        (lambda: ("bad", 502), []),
    ],
    ids=["bug", "refusal", "handled", "answer"],
)
def test_a_fallback_hides_no_error_that_nobody_else_would_log(
    app: Flask,
    serve: Callable[..., Callable[..., Any]],
    caplog: pytest.LogCaptureFixture,
    view: Any,
    logged: Any,
) -> None:
    app.register_error_handler(LookupError, lambda error: ("bad", 502))
    assert serve(view, fallback=lambda error: "later")().text == "later"
    assert caplog.messages == logged


def test_a_handled_error_is_not_logged_though_another_was_before(
    app: Flask, serve: Callable[..., Callable[..., Any]], caplog: pytest.LogCaptureFixture
) -> None:
    app.register_error_handler(LookupError, lambda error: ("bad", 502))

    errors = iter([LookupError("one"), LookupError("other")])

    def view() -> NoReturn:
        raise next(errors)

    assert serve(view, retry=TWICE, fallback=lambda error: "later")().text == "later"
    assert caplog.messages == []


def test_a_dropped_response_that_cannot_be_closed_is_logged(
    serve: Callable[..., Callable[..., Any]], caplog: pytest.LogCaptureFixture
) -> None:
    answers = iter([("bad", 502), ("good", 200)])

    def view() -> Any:
        response = Response(*next(answers))
        if response.status_code == 502:
            response.call_on_close(lambda: 1 / 0)
        return response

    assert serve(view, retry=TWICE)().text == "good"
    assert caplog.messages == ["a response that was dropped cannot be closed"]


def test_a_failure_if_that_raises_is_logged_with_its_guard(
    serve: Callable[..., Callable[..., Any]], caplog: pytest.LogCaptureFixture
) -> None:
    assert serve(lambda: "good", failure_if=lambda response: 1 / 0)().text == "good"
    assert caplog.messages == ["failure_if of the guard of 'view' failed"]


# -- refusals --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("wait", "header"), [(0.5, "1"), (1.5, "2"), (None, None)])
def test_a_refusal_says_why_and_for_how_long(
    app: Flask, resilience: Any, wait: Any, header: Any
) -> None:
    refusal = CircuitOpenError("plex", wait)
    app.add_url_rule("/view", "view", raising(refusal))
    answer = app.test_client().get("/view")
    assert (answer.status_code, answer.headers.get("Retry-After")) == (503, header)
    assert str(refusal).replace("'", "&#39;") in answer.text


def test_a_request_without_a_path_is_one_for_the_root(clock: ManualClock) -> None:
    app = Flask(__name__)
    app.config.update(RESILIENCE_MAX_IN_FLIGHT=1, RESILIENCE_NEVER_SHED=("/",))
    app.add_url_rule("/", "root", lambda: "root")
    Resilience(app, registry=Registry(clock=clock))
    held, statuses = app.extensions["resilience"].admission.places.acquire(), []
    environ = app.test_request_context("/").request.environ
    del environ["PATH_INFO"]
    app(environ, lambda status, headers, *rest: statuses.append(status))  # type: ignore[arg-type]
    held.release()
    assert not statuses[0].startswith("503")


def test_a_prefix_may_end_with_a_slash(app: Flask, resilience: Any) -> None:
    app.add_url_rule("/VAX", "vax", lambda: ("bad", 502))
    resilience.guard("/VAX/", service="vax", circuit_breaker={"failure_threshold": 1})
    statuses = [app.test_client().get("/VAX").status_code for _ in range(2)]
    assert statuses == [502, 503]
