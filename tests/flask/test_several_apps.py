"""One extension in several apps: each has what was said of it, and nothing of the others."""

from typing import Any

import pytest
from flask import Blueprint, Flask

from medianest.flask import Resilience
from medianest.resilience import ConfigurationError
from tests.support.narrowing import not_none


def make_app(**config: Any) -> Flask:
    app = Flask(__name__)
    app.config.update(config)
    app.add_url_rule("/x", "x", lambda: ("bad", 500))
    return app


def failures(resilience: Resilience, service: str) -> int:
    return resilience.registry.breaker(service).snapshot().totals.failures


def test_prefixes_are_guarded_in_the_app_for_which_it_was_said() -> None:
    resilience = Resilience()
    apps = make_app(), make_app(), make_app()
    resilience.guard("/", service="every")
    resilience.init_app(apps[0])
    resilience.guard("/x", service="first")
    resilience.init_app(apps[1])
    resilience.guard("/x", service="second")
    resilience.init_app(apps[2])
    for app in apps:
        app.test_client().get("/x")
    assert [failures(resilience, name) for name in ("every", "first", "second")] == [1, 1, 1]


def test_a_prefix_counts_for_all_apps_that_came_just_before() -> None:
    """Keeps out: two apps are set up one after the other, and one of them is not guarded."""
    resilience, apps = Resilience(), (make_app(), make_app())
    for app in apps:
        resilience.init_app(app)
    for prefix in ("/", "/x"):
        resilience.guard(prefix, service=prefix)
    for app in apps:
        app.test_client().get("/x")
    assert failures(resilience, "/x") == 2


def test_a_factory_may_be_called_again() -> None:
    resilience = Resilience()

    def create_app() -> Flask:
        app, shop = make_app(), Blueprint("shop", __name__, url_prefix="/shop")
        resilience.init_app(app)
        shop.add_url_rule("/", "index", lambda: ("bad", 500))
        resilience.guard("/x", service="x")
        resilience.guard("/y", service="y")
        app.register_blueprint(resilience.protect(shop, service="shop"))
        return app

    for _ in range(3):
        client = create_app().test_client()
        assert [client.get(path).status_code for path in ("/x", "/shop/")] == [500, 500]
    assert failures(resilience, "shop") == 3


def test_each_app_has_limits_of_its_own() -> None:
    resilience = Resilience()
    first = resilience.init_app(make_app(RESILIENCE_MAX_IN_FLIGHT=1))
    second = resilience.init_app(make_app(RESILIENCE_MAX_IN_FLIGHT=2))
    limits = [not_none(each.admission.places).snapshot().max_concurrent for each in (first, second)]
    assert limits == [1, 2]


def test_a_blueprint_may_be_registered_before_the_extension() -> None:
    app, resilience = make_app(), Resilience()
    shop = resilience.protect(Blueprint("shop", __name__), service="shop")
    shop.add_url_rule("/shop", "index", lambda: ("bad", 500))
    app.register_blueprint(shop)
    resilience.init_app(app)
    app.test_client().get("/shop")
    assert failures(resilience, "shop") == 1


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("RESILIENCE_MAX_IN_FLIGHT", 5),
        ("RESILIENCE_NEVER_SHED", ("/live",)),
        ("RESILIENCE_REQUEST_TIMEOUT", 2.0),
    ],
)
def test_a_setting_that_comes_too_late_is_told(key: str, value: float | tuple[str]) -> None:
    app = make_app()
    Resilience(app)
    app.config[key] = value
    for _ in range(2):
        with pytest.raises(ConfigurationError, match=f"{key} was set to .* too late"):
            app.test_client().get("/x")


def test_so_is_a_list_that_was_changed_in_place() -> None:
    app = make_app(RESILIENCE_NEVER_SHED=[])
    Resilience(app)
    app.config["RESILIENCE_NEVER_SHED"].append("/live")
    with pytest.raises(ConfigurationError, match="RESILIENCE_NEVER_SHED"):
        app.test_client().get("/x")
