"""Where guards can be put, and what is refused there."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, NoReturn

import pytest
from flask import Blueprint, Flask

from medianest.flask import Resilience
from medianest.guards.guard_keywords import GuardKeywords
from medianest.resilience import (
    CallRefusedError,
    ConfigurationError,
    Fallback,
    ManualClock,
    MemoryLastGood,
    Registry,
)
from tests.guards.conftest import Calls, breaker_of


def test_one_view_can_be_protected(app: Flask, resilience: Resilience) -> None:
    @app.get("/report")
    @resilience.protect(service="reports", fallback=lambda error: ("later", 503))
    def report() -> NoReturn:
        raise OSError("no disk")

    response = app.test_client().get("/report")
    assert (response.status_code, response.text) == (503, "later")
    assert breaker_of(resilience, "reports").snapshot().totals.failures == 1


def test_a_blueprint_can_be_protected(app: Flask, resilience: Resilience) -> None:
    blueprint = Blueprint("shop", __name__, url_prefix="/shop")
    blueprint.add_url_rule("/", "index", lambda: ("bad", 500))
    app.register_blueprint(resilience.protect(blueprint, service="shop"))
    app.test_client().get("/shop/")
    assert breaker_of(resilience, "shop").snapshot().totals.failures == 1


def test_the_extension_refuses_to_be_installed_twice(app: Flask, resilience: Resilience) -> None:
    with pytest.raises(ConfigurationError, match="already"):
        Resilience(app)


def test_a_blueprint_is_no_app() -> None:
    with pytest.raises(ConfigurationError, match=r"takes a Flask app, not <Blueprint 'shop'>"):
        Resilience(Blueprint("shop", __name__))  # type: ignore[arg-type]


def test_a_wrong_option_is_refused_where_it_is_given(resilience: Resilience) -> None:
    with pytest.raises(ConfigurationError, match=r"max_attempt; allowed are"):
        resilience.guard("/x", service="x", retry={"max_attempt": 3})  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="last good answers"):
        resilience.guard("/x", service="x", fallback=Fallback(last_good=MemoryLastGood(60)))
    with pytest.raises(ConfigurationError, match=r"guard of 'x': give a function \(error\)"):
        resilience.guard("/x", service="x", fallback={"items": []})  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match=r"unknown option retrys; allowed are .*retry, "):
        resilience.guard("/x", service="x", retrys=3)  # type: ignore[call-arg]
    with pytest.raises(ConfigurationError, match="starts with /"):
        resilience.guard("x", service="x")
    with pytest.raises(ConfigurationError, match="blueprint or decorates"):
        resilience.protect(lambda: "view", service="x")  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda r: r.guard("/x"), "guard: 'service'; it takes prefix"),
        (lambda r: r.guard(service="x"), "guard: 'prefix'"),
        (lambda r: r.protect(), "protect: 'service'; it takes target"),
        (lambda r: r.protect(lambda: "view"), "protect: 'service'"),
    ],
)
def test_a_missing_argument_is_told_with_all_that_exist(
    resilience: Resilience, call: Callable[..., Any], told: str
) -> None:
    """Keeps out: Python's own TypeError."""
    # Python 3.13 says of which kind it is.
    who, what = told.split(": ")
    told = f"{who}: missing a required (keyword-only )?argument: {what}"
    with pytest.raises(ConfigurationError, match=told) as caught:
        call(resilience)
    named = str(caught.value).partition("it takes ")[2].split(", ")
    assert {"service", *GuardKeywords.__annotations__} <= set(named)


def test_a_prefix_that_is_no_text_is_told(resilience: Resilience) -> None:
    with pytest.raises(ConfigurationError, match="a guarded prefix starts with /, not None"):
        resilience.guard(None, service="x")  # type: ignore[arg-type]


def test_an_unprotected_view_costs_no_breaker(
    app: Flask, resilience: Resilience, calls: Calls
) -> None:
    app.test_client().get("/api/critical/thing")
    assert resilience.registry.breakers() == []


@pytest.mark.parametrize("nested", [False, True])
def test_a_protected_blueprint_is_guarded_wherever_it_is_registered(
    app: Flask, resilience: Resilience, nested: bool
) -> None:
    shop = resilience.protect(Blueprint("shop", __name__, url_prefix="/shop"), service="shop")
    shop.add_url_rule("/", "index", lambda: ("bad", 500))
    if nested:
        parent = Blueprint("parent", __name__)
        parent.register_blueprint(shop)
        app.register_blueprint(parent)
    else:
        app.register_blueprint(shop, name="renamed")
    app.test_client().get("/shop/")
    assert breaker_of(resilience, "shop").snapshot().totals.failures == 1


def test_an_app_that_handles_refusals_keeps_its_own_answer(app: Flask, clock: ManualClock) -> None:
    app.register_error_handler(CallRefusedError, lambda error: ("mine", 418))
    resilience = Resilience(app, registry=Registry(clock=clock))
    app.add_url_rule("/x", "x", lambda: "ok")
    resilience.guard("/x", service="x")
    breaker_of(resilience, "x").open("test")
    assert app.test_client().get("/x").status_code == 418


def test_an_asynchronous_view_is_refused(resilience: Resilience) -> None:
    async def view() -> str:
        return "ok"

    with pytest.raises(ConfigurationError, match="asynchronous"):
        resilience.protect(service="x")(view)  # type: ignore[arg-type]


def outside_of_the_route() -> pytest.RaisesExc[ConfigurationError]:
    return pytest.raises(ConfigurationError, match=r"without its guard.*below the route")


def test_a_guard_above_the_route_is_refused(app: Flask, resilience: Resilience) -> None:
    """Keeps out: Flask has registered the bare view by then, and the guard never runs."""
    with outside_of_the_route():

        @resilience.protect(service="x")
        @app.get("/x")
        def view() -> str:
            return "live"


def test_a_guard_above_a_decorator_above_the_route_is_refused(
    app: Flask, resilience: Resilience
) -> None:
    def noted(view: Callable[[], str]) -> Callable[[], str]:
        return wraps(view)(lambda: view())

    with outside_of_the_route():

        @resilience.protect(service="x")
        @noted
        @app.get("/x")
        def view() -> str:
            return "live"


@pytest.mark.parametrize("late", ["blueprint", "extension"])
def test_what_is_known_only_later_is_told_at_the_first_request(app: Flask, late: str) -> None:
    resilience = Resilience()
    target = Blueprint("shop", __name__) if late == "blueprint" else app

    def declare() -> None:
        @resilience.protect(service="x")
        @target.get("/x")
        def view() -> str:
            return "live"

    declare()  # nobody has the guarded view any more
    resilience.init_app(app)
    if late == "blueprint":
        assert isinstance(target, Blueprint)
        app.register_blueprint(target)
    for _ in range(2):
        with outside_of_the_route():
            app.test_client().get("/x")


def test_a_view_may_have_a_route_with_a_guard_and_one_without(
    app: Flask, resilience: Resilience
) -> None:
    def view() -> str:
        return "live"

    app.add_url_rule("/safe", "safe", resilience.protect(service="x")(view))
    app.add_url_rule("/bare", "bare", view)
    assert [app.test_client().get(path).text for path in ("/safe", "/bare")] == ["live"] * 2


def test_a_guard_below_decorators_is_found(app: Flask, resilience: Resilience) -> None:
    def noted(view: Callable[..., Any]) -> Callable[[], str]:
        return wraps(view)(lambda: view())

    @app.get("/x")
    @noted
    @resilience.protect(service="x")
    def view() -> str:
        return "live"

    app.add_url_rule("/bare", "bare", inspect.unwrap(view))
    assert app.test_client().get("/x").text == "live"


def test_a_second_guard_of_one_place_is_refused(app: Flask, resilience: Resilience) -> None:
    """Keeps out: the first one is gone, without a word."""
    resilience.guard("/x", service="first")
    with pytest.raises(ConfigurationError, match="'/x/' has a guard already, that of 'first'"):
        resilience.guard("/x/", service="second")
    shop = Blueprint("shop", __name__)
    resilience.protect(resilience.protect(shop, service="first"), service="second")
    with pytest.raises(ConfigurationError, match="'shop' has a guard already, that of 'first'"):
        app.register_blueprint(shop)


def test_a_guarded_view_needs_the_extension_in_its_app(app: Flask) -> None:
    """Keeps out: places that nobody gives back when a stream ends."""

    @app.get("/x")
    @Resilience().protect(service="x")
    def view() -> str:
        return "live"

    app.testing = True
    with pytest.raises(ConfigurationError, match=r"call init_app\(app\)"):
        app.test_client().get("/x")
