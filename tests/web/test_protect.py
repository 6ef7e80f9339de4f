"""Where guards can be put, and what is refused there."""

import pytest
from flask import Blueprint

from medianest.resilience import (
    CallRefusedError,
    ConfigurationError,
    Fallback,
    MemoryLastGood,
    Registry,
)
from medianest.web import Resilience
from tests.web.conftest import breaker_of


def test_one_view_can_be_protected(app, resilience):
    @app.get("/report")
    @resilience.protect(service="reports", fallback=lambda error: ("later", 503))
    def report():
        raise OSError("no disk")

    response = app.test_client().get("/report")
    assert (response.status_code, response.text) == (503, "later")
    assert breaker_of(resilience, "reports").snapshot().totals.failures == 1


def test_a_blueprint_can_be_protected(app, resilience):
    blueprint = Blueprint("shop", __name__, url_prefix="/shop")
    blueprint.add_url_rule("/", "index", lambda: ("bad", 500))
    app.register_blueprint(resilience.protect(blueprint, service="shop"))
    app.test_client().get("/shop/")
    assert breaker_of(resilience, "shop").snapshot().totals.failures == 1


def test_the_extension_refuses_to_be_installed_twice(app, resilience):
    with pytest.raises(ConfigurationError, match="already"):
        Resilience(app)


def test_a_wrong_option_is_refused_where_it_is_given(resilience):
    with pytest.raises(ConfigurationError, match=r"max_attempt; allowed are"):
        resilience.guard("/x", service="x", retry={"max_attempt": 3})
    with pytest.raises(ConfigurationError, match="last good answers"):
        resilience.guard("/x", service="x", fallback=Fallback(last_good=MemoryLastGood(60)))
    with pytest.raises(ConfigurationError, match="starts with /"):
        resilience.guard("x", service="x")
    with pytest.raises(ConfigurationError, match="blueprint or decorates"):
        resilience.protect(lambda: "view", service="x")


def test_an_unprotected_view_costs_no_breaker(app, resilience, calls):
    app.test_client().get("/api/critical/thing")
    assert resilience.registry.breakers() == []


@pytest.mark.parametrize("nested", [False, True])
def test_a_protected_blueprint_is_guarded_wherever_it_is_registered(app, resilience, nested):
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


def test_an_app_that_handles_refusals_keeps_its_own_answer(app, clock):
    app.register_error_handler(CallRefusedError, lambda error: ("mine", 418))
    resilience = Resilience(app, registry=Registry(clock=clock))
    app.add_url_rule("/x", "x", lambda: "ok")
    resilience.guard("/x", service="x")
    breaker_of(resilience, "x").open("test")
    assert app.test_client().get("/x").status_code == 418


def test_an_asynchronous_view_is_refused(resilience):
    async def view():
        return "ok"

    with pytest.raises(ConfigurationError, match="asynchronous"):
        resilience.protect(service="x")(view)
