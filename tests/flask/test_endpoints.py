"""The endpoints and the metrics of an app that is not ours."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Blueprint, Flask, abort

from medianest.flask import Resilience
from medianest.health import Status
from medianest.resilience import ConfigurationError, ManualClock
from tests.flask.conftest import Shop
from tests.support.narrowing import not_none

READ = (
    "health", "health/live", "health/ready", "health/comprehensive", "health/circuit-breakers",
    "health/metrics", "circuit-breakers", "circuit-breakers/reports", "status", "metrics", "series",
    "alerts", "silences", "events", "audit", "overrides", "dependencies", "recovery/history",
    "recovery/operations", "recovery/rehearsals", "cascade-risk",
)  # fmt: skip
ACTION = "/resilience/circuit-breakers/reports/action"


@pytest.mark.parametrize("path", READ)
def test_what_the_server_has_at_two_paths_the_app_has_below_one(shop: Shop, path: str) -> None:
    answer = shop.get(f"/resilience/{path}")
    assert (answer.status_code, answer.mimetype) == (200, "application/json")


@pytest.mark.parametrize("path", ["queue", "health/database", "health/cache", "media", "docs"])
def test_endpoints_of_what_it_lacks_are_not_there(shop: Shop, path: str) -> None:
    assert shop.get(f"/resilience/{path}").status_code == 404


def test_nothing_is_told_of_what_it_lacks(shop: Shop) -> None:
    """Keeps out: a queue of nulls, as if a database were away."""
    for path in ("status", "metrics"):
        assert "queue" not in shop.get(f"/resilience/{path}").json
    assert "threads" not in shop.get("/resilience/health/metrics").json
    for path in ("events", "audit", "recovery/history"):
        assert shop.get(f"/resilience/{path}").json["is_complete"] is True


def test_a_guarded_view_is_a_dependency_once_it_is_called(shop: Shop) -> None:
    assert shop.get("/resilience/dependencies").json == {"dependencies": []}
    shop.fail(2)
    (found,) = shop.get("/resilience/dependencies").json["dependencies"]
    assert (found["name"], found["health"]["status"]) == ("reports", "unhealthy")
    assert shop.get("/resilience/health").json["status"] == "degraded"


def test_what_the_app_registers_is_shown_and_decides_whether_it_is_ready(shop: Shop) -> None:
    service = shop.resilience.service
    service.register_dependency("nas", criticality="critical", health_check=lambda: False)
    assert shop.get("/resilience/health/ready").json["status"] == "ready"
    for _ in range(3):
        service.monitor.run("nas")
    found = shop.get("/resilience/dependencies/nas").json
    assert (found["registered"], found["health"]["status"]) == (False, "unhealthy")
    answer = shop.get("/resilience/health/ready")
    assert answer.status_code == 503
    assert answer.json["reasons"] == ["the critical dependency nas is unhealthy"]


def test_an_operator_acts_and_it_is_told(shop: Shop) -> None:
    done = shop.post(ACTION, json={"action": "open", "reason": "moving house"})
    assert (done.status_code, shop.state) == (202, "forced_open")  # kept nowhere
    (event,) = shop.get("/resilience/events").json["items"]
    assert (event["name"], event["after"], event["actor"]) == ("reports", "forced_open", "ada")
    assert shop.get("/report").status_code == 503


def test_with_a_folder_it_outlives_the_process(
    make_shop: Callable[..., Shop], tmp_path: Path
) -> None:
    def made() -> Shop:
        app = Flask("shop")
        app.config["RESILIENCE_FOLDER"] = tmp_path
        return make_shop(app, endpoints="/resilience", authorize=lambda role: True)

    assert made().client.post(ACTION, json={"action": "open"}).status_code == 200
    assert made().state == "forced_open"


def test_other_sites_cannot_act_with_the_browser_of_an_operator(shop: Shop) -> None:
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "same-site"}):
        done = shop.post(ACTION, json={"action": "open"}, headers=headers)
        assert (done.status_code, done.mimetype) == (403, "application/problem+json")
    shop.client.set_cookie("session", "old browsers send no word of where they come from")
    assert shop.post(ACTION, json={"action": "open"}).status_code == 403
    assert shop.state == "closed"


def test_prometheus_gets_the_figures_of_this_app(shop: Shop) -> None:
    shop.fail()
    text = shop.get("/metrics").text
    assert 'medianest_circuitbreaker_state{name="reports",state="open"} 1.0' in text
    assert 'medianest_http_server_requests_total{method="GET",route="/report",status="500"}' in text
    assert "medianest_queue" not in text


def test_its_own_errors_stay_its_own(make_shop: Callable[..., Shop]) -> None:
    app = Flask("shop")
    app.register_error_handler(404, lambda error: ("nothing of mine", 404))
    app.register_error_handler(403, lambda error: ("go away", 403))
    app.register_error_handler(Exception, lambda error: ("my own trouble", 500))
    app.add_url_rule("/broken", "broken", lambda: str(1 / 0))
    app.add_url_rule("/json", "json", lambda: {"b": 1, "a": 2})
    app.add_url_rule("/forbidden", "forbidden", lambda: abort(403))
    shop = make_shop(app, endpoints="/resilience", authorize=lambda role: role == "viewer")
    assert shop.get("/nowhere").text == "nothing of mine"
    assert shop.get("/resilience/nowhere").text == "nothing of mine"
    assert shop.get("/broken").text == "my own trouble"
    assert shop.get("/forbidden").text == "go away"
    assert shop.get("/json").text == '{"a":2,"b":1}\n'
    for path in ("/broken", "/json"):
        assert "X-Content-Type-Options" not in shop.get(path).headers
    for answer, status in (
        (shop.get("/resilience/circuit-breakers/unknown"), 404),
        (shop.post(ACTION, json={"action": "open"}), 403),
        (shop.get("/resilience/events?limit=many"), 422),
    ):
        assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
        assert shop.get(answer.json["type"]).status_code == 200  # a page about it


def test_its_hooks_stand_before_the_endpoints_too(make_shop: Callable[..., Shop]) -> None:
    app = Flask("shop")
    app.before_request(lambda: ("only at night", 403))
    shop = make_shop(app, endpoints="/resilience", authorize=lambda role: True)
    assert shop.get("/resilience/health/live").text == "only at night"


def test_no_guard_and_no_limit_hides_how_it_is(make_shop: Callable[..., Shop]) -> None:
    app = Flask("shop")
    app.config["RESILIENCE_MAX_IN_FLIGHT"] = 1
    shop = make_shop(app, endpoints="/resilience", page=True, authorize=lambda role: True)
    shop.resilience.guard("/", service="everything")
    shop.resilience.registry.breaker("everything").open("a test")
    admission = app.extensions["resilience"].admission
    place = admission.places.acquire()
    assert shop.get("/report").status_code == 503
    for path in ("/resilience/status", "/resilience/page/"):
        assert shop.get(path).status_code == 200
    place.release()


def test_without_a_word_about_who_may_it_does_not_start() -> None:
    app = Flask("shop")
    with pytest.raises(ConfigurationError, match=r"^authorize: must be given unless .*$"):
        Resilience(app, endpoints="/resilience")
    assert "resilience" not in app.extensions
    assert [rule.endpoint for rule in app.url_map.iter_rules()] == ["static"]
    Resilience(app)  # it is as it was


def test_in_debug_mode_everybody_may_look_and_nobody_act(make_shop: Callable[..., Shop]) -> None:
    app = Flask("shop")
    app.debug = True
    shop = make_shop(app, endpoints="/resilience", page=True)
    assert shop.get("/resilience/page/").status_code == 200
    done = shop.post(ACTION, json={"action": "open"})
    assert (done.status_code, done.json["detail"]) == (
        403, "nobody may: Resilience(app, authorize=…) says who may",
    )  # fmt: skip
    app.debug = app.testing = False
    assert shop.get("/resilience/status").status_code == 403
    app.extensions["medianest.watching"].stop()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"endpoints": "resilience"}, "endpoints must be a path such as /resilience, not 'resil"),
        ({"endpoints": "/"}, "endpoints must be a path such as /resilience, not '/'"),
        ({"endpoints": True}, "endpoints must be a path such as /resilience, not True"),
        ({"metrics": "/metrics/"}, "metrics must be a path such as /metrics, not '/metrics/'"),
        ({"page": True}, "page=True goes with endpoints: give the path of the page"),
        ({"endpoints": "/r", "page": "/r"}, "page: /r is where the endpoints are: give another"),
        ({"endpoints": "/r", "metrics": "/r/metrics"}, "metrics: an endpoint is at /r/metrics"),
        ({"authorize": bool}, "authorize goes with endpoints, page or metrics"),
        ({"endpoints": "/r", "authorize": "ada"}, "authorize must be a function"),
    ],
)
def test_a_wrong_option_is_told(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        Resilience(Flask("shop"), **options)
    assert str(raised.value).startswith(told)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"metrics": "/metrics"}, "metrics: the app has a view at /metrics already, 'own'"),
        ({"page": "/status"}, "page: the app has a view at /status already, 'status'"),
    ],
)
def test_what_the_app_has_there_already_is_told(options: dict[str, Any], told: str) -> None:
    """Keeps out: metrics of the app's own in the place of ours, without a word."""
    app = Flask("shop")
    app.add_url_rule("/metrics", "own", lambda: "mine")
    app.add_url_rule("/status/", "status", lambda: "mine")
    with pytest.raises(ConfigurationError, match=told):
        Resilience(app, authorize=bool, **options)
    assert "resilience" not in app.extensions
    assert not app.blueprints


def test_a_blueprint_of_our_name_is_told() -> None:
    app = Flask("shop")
    app.register_blueprint(Blueprint("medianest", "shop"))
    with pytest.raises(ConfigurationError, match="has a blueprint 'medianest' of its own"):
        Resilience(app, page="/page", authorize=bool)


def test_a_folder_that_is_none_is_told() -> None:
    app = Flask("shop")
    app.config["RESILIENCE_FOLDER"] = 7
    with pytest.raises(ConfigurationError, match=r"^RESILIENCE_FOLDER must be the path .* not 7$"):
        Resilience(app, endpoints="/r", authorize=lambda role: True)


def test_two_apps_show_what_they_have(make_shop: Callable[..., Shop], clock: ManualClock) -> None:
    first, second = (
        make_shop(endpoints="/resilience", authorize=lambda role: True) for _ in range(2)
    )
    first.fail()
    assert first.get("/resilience/health").json["status"] == "degraded"
    assert second.get("/resilience/dependencies").json == {"dependencies": []}
    second.resilience.registry.breaker("other").open("a test")
    (event,) = first.get("/resilience/events").json["items"]
    assert event["name"] == "reports"


def test_one_extension_shows_its_breakers_in_each_of_its_apps(clock: ManualClock) -> None:
    resilience = Resilience(endpoints="/resilience", authorize=lambda role: True)
    apps = [Flask("shop"), Flask("office")]
    for app in apps:
        app.testing = True
        resilience.init_app(app)
    resilience.service.register_dependency("nas", health_check=lambda: True)
    resilience.service.monitor.run("nas")
    for app in apps:
        found = not_none(app.test_client().get("/resilience/dependencies/nas").json)
        assert found["health"]["status"] == Status.HEALTHY.value


def test_a_blueprint_and_a_prefix_tell_which_routes_need_a_service(shop: Shop) -> None:
    room = Blueprint("room", __name__)
    room.add_url_rule("/room", view_func=lambda: "a room")
    shop.app.register_blueprint(shop.resilience.protect(room, service="rooms"))
    shop.app.add_url_rule("/api/things", view_func=lambda: "things")
    shop.resilience.guard("/api", service="things")
    routes = shop.app.extensions["medianest"].monitoring.routes
    assert routes.of_service("rooms") == ("GET /room",)
    assert routes.of_service("things") == ("GET /api/things",)
    assert routes.of_service("reports") == ("GET /report",)


LOADED = "import sys; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
PLAIN = "from flask import Flask; from medianest.flask import Resilience; "


@pytest.mark.parametrize(
    ("asked", "unneeded"),
    [
        ("", {"pydantic", "prometheus_client", "psutil", "itsdangerous_"}),
        (
            ", endpoints='/r', page=True, metrics='/m', authorize=bool",
            {"sqlalchemy", "alembic", "requests", "redis", "psycopg2", "gunicorn", "apscheduler"},
        ),
    ],
)
def test_nothing_is_loaded_that_is_not_asked_for(asked: str, unneeded: set[str]) -> None:
    program = f"{PLAIN}Resilience(Flask('shop'){asked}); {LOADED}"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30
    )
    assert unneeded & set(done.stdout.split()) == set()
