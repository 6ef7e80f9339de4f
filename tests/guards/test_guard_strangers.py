"""Answers in a view's place reach nobody whom the view's decorators would have sent away."""

from collections.abc import Callable
from dataclasses import asdict
from functools import partial, wraps
from typing import Any

import pytest
from flask import Blueprint, Flask, Response, abort, request
from flask.views import MethodView

from medianest.flask import Resilience
from medianest.resilience import (
    ConfigurationError,
    ErrorRecoveryManager,
    Fallback,
    ManualClock,
)

PRIVATE = "what only members may see"
MEMBER = {"Authorization": "member"}


def is_member() -> bool:
    return request.headers.get("Authorization") == "member"


def login_required(view: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(view)
    def inner(*args: Any, **kwargs: Any) -> bool | Response:
        return view(*args, **kwargs) if is_member() else abort(401)

    return inner


def careless(view: Callable[..., Any]) -> Callable[[], Response]:
    """A decorator that leaves no `__wrapped__`, and takes only what its view takes."""

    def inner() -> Response:
        return view() if is_member() else abort(401)

    return inner


def private(error: BaseException) -> str:
    return PRIVATE


@pytest.fixture
def down(resilience: Resilience) -> None:
    """The breaker of "x" is open."""
    resilience.registry.breaker("x").open("down")


def refused() -> pytest.RaisesExc[ConfigurationError]:
    return pytest.raises(ConfigurationError, match="strangers")


@pytest.mark.parametrize("where", ["prefix", "blueprint"])
@pytest.mark.parametrize("how", ["fallback", "strategy", "recovery"])
def test_outside_of_decorators_no_guard_answers_without_knowing_for_whom(
    resilience: Resilience, clock: ManualClock, where: str, how: str
) -> None:
    ways: dict[str, dict[str, Any]] = {
        "fallback": {"fallback": private},
        "strategy": {"fallback": Fallback(value=PRIVATE)},
        "recovery": {"recovery": ErrorRecoveryManager(clock=clock)},
    }
    answering = ways[how]
    with refused():
        if where == "prefix":
            resilience.guard("/x", service="x", **answering)
        else:
            resilience.protect(Blueprint("shop", __name__), service="x", **answering)


@pytest.mark.parametrize("decorator", [login_required, careless, partial])
def test_above_a_view_s_decorators_no_guard_answers_without_knowing_for_whom(
    resilience: Resilience,
    decorator: type[partial[Any]] | Callable[[Callable[..., Any]], Callable[..., Any]],
) -> None:
    def view() -> str:
        return "live"

    with refused():
        resilience.protect(service="x", fallback=private)(decorator(view))


def test_a_class_that_has_decorators_is_not_guarded_around_them(resilience: Resilience) -> None:
    """Flask applies them in turn: what stands first in the list is inside of the others, and
    around the decorators of its methods."""

    class Page(MethodView):
        decorators = [resilience.protect(service="x", fallback=private)]  # noqa: RUF012

        @login_required
        def get(self) -> str:
            return "live"

    with refused():
        Page.as_view("page")


def test_below_the_decorators_a_fallback_answers_members_alone(
    app: Flask, resilience: Resilience, down: None
) -> None:
    @app.get("/function")
    @careless
    @resilience.protect(service="x", fallback=private)
    def function() -> str:
        return "live"

    class Page(MethodView):
        @login_required
        @resilience.protect(service="x", fallback=private)
        def get(self) -> str:
            return "live"

    app.add_url_rule("/class", view_func=Page.as_view("page"))
    client = app.test_client()
    for path in ("/function", "/class"):
        assert client.get(path).status_code == 401
        assert client.get(path, headers=MEMBER).text == PRIVATE


def test_a_decorator_of_ones_own_may_protect_views(
    app: Flask, resilience: Resilience, down: None
) -> None:
    def reported(view: Callable[[], str]) -> Callable[..., Any]:
        return resilience.protect(service="x", fallback=private)(view)

    @app.get("/x")
    @login_required
    @reported
    def view() -> str:
        return "live"

    assert app.test_client().get("/x", headers=MEMBER).text == PRIVATE


@pytest.mark.parametrize(
    ("authorize", "status"),
    [
        (is_member, 403),
        (lambda: is_member() or None, 403),
        (login_required(lambda: True), 401),
        (lambda: is_member() or ("members only", 402), 402),
        (lambda: is_member() or Response("log in", 303, {"Location": "/login"}), 303),
    ],
)
def test_authorize_says_who_may_have_the_answers(
    app: Flask, resilience: Resilience, down: None, authorize: Callable[..., Any], status: int
) -> None:
    resilience.guard("/x", service="x", fallback=private, authorize=authorize)
    app.add_url_rule("/x", view_func=login_required(lambda: "live"), endpoint="x")
    client = app.test_client()
    stranger = client.get("/x")
    assert stranger.status_code == status
    assert PRIVATE not in stranger.text
    assert client.get("/x", headers=MEMBER).text == PRIVATE


def test_who_is_sent_away_takes_no_place_and_counts_for_nothing(
    app: Flask, resilience: Resilience
) -> None:
    asked = []
    resilience.guard(
        "/x", service="x", max_concurrent=1, retry=3, authorize=lambda: asked.append(1) or False
    )
    app.add_url_rule("/x", "x", lambda: "live")
    held = resilience.registry.bulkhead("x").acquire()
    assert app.test_client().get("/x").status_code == 403
    held.release()
    assert asked == [1]
    assert set(asdict(resilience.registry.breaker("x").snapshot().counts).values()) == {0}


async def never() -> bool:
    return True


@pytest.mark.parametrize("wrong", [{"authorize": True}, {"authorize": never}, {"failure_if": 404}])
def test_what_is_no_function_is_refused(resilience: Resilience, wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="function"):
        resilience.guard("/x", service="x", **wrong)


@pytest.mark.parametrize("how", ["fallback", "strategy", "recovery"])
@pytest.mark.parametrize("form", ["response", "tuple"])
def test_a_response_that_is_there_for_all_keeps_nothing_of_those_who_got_it(
    app: Flask, resilience: Resilience, down: None, clock: ManualClock, how: str, form: str
) -> None:
    """Keeps out: each client gets the session cookies of those before."""
    response = Response("later")
    later = response if form == "response" else (response, 503)
    manager = ErrorRecoveryManager(clock=clock)
    manager.register_recovery_action("later", 1, execute=lambda error, context: later)
    ways: dict[str, dict[str, Any]] = {
        "fallback": {"fallback": lambda error: later},
        "strategy": {"fallback": Fallback(lambda error: later)},
        "recovery": {"recovery": manager},
    }
    answering = ways[how]
    resilience.guard("/x", service="x", authorize=lambda: True, **answering)
    app.add_url_rule("/x", "x", lambda: "live")

    @app.after_request
    def remember(response: Response) -> Response:
        response.set_cookie("who", request.args["who"])
        return response

    for who in ("alice", "bob"):
        answer = app.test_client().get("/x", query_string={"who": who})
        assert answer.text == "later"
        assert answer.headers.getlist("Set-Cookie") == [f"who={who}; Path=/"]
