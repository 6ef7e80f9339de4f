"""The door of the app: requests in flight and the deadline of each."""

import threading
from typing import NoReturn

import pytest
from flask import Flask, Response

from medianest.flask import Resilience
from medianest.resilience import (
    BulkheadFullError,
    ConfigurationError,
    ManualClock,
    Registry,
    remaining,
)


@pytest.fixture
def app() -> Flask:
    app = Flask(__name__)
    app.config.update(
        RESILIENCE_MAX_IN_FLIGHT=1,
        RESILIENCE_NEVER_SHED=("/live",),
        RESILIENCE_REQUEST_TIMEOUT=7.0,
    )
    app.add_url_rule("/live", "live", lambda: "alive")
    app.add_url_rule("/left", "left", lambda: str(remaining()))
    app.register_error_handler(BulkheadFullError, lambda error: ("shed", 503))
    return app


@pytest.fixture
def registry(app: Flask, clock: ManualClock) -> Registry:
    registry = Registry(clock=clock)
    Resilience(app, registry=registry)
    return registry


def in_use(app: Flask) -> int:
    return app.extensions["resilience"].admission.places.snapshot().in_use


def test_requests_beyond_the_limit_are_shed_and_probes_are_not(
    app: Flask, registry: Registry
) -> None:
    inside, leave = threading.Event(), threading.Event()

    @app.get("/slow")
    def slow() -> str:
        inside.set()
        assert leave.wait(10)
        return "done"

    answers = []
    thread = threading.Thread(target=lambda: answers.append(app.test_client().get("/slow").text))
    thread.start()
    try:
        assert inside.wait(10)
        assert app.test_client().get("/left").status_code == 503
        assert app.test_client().get("/live").text == "alive"
    finally:
        leave.set()
        thread.join(10)
    assert answers == ["done"]
    assert app.test_client().get("/left").status_code == 200


def test_a_place_is_held_until_the_stream_is_closed(app: Flask, registry: Registry) -> None:
    app.add_url_rule("/stream", "stream", lambda: Response(iter("ab")))
    response = app.test_client().get("/stream")
    assert in_use(app) == 1
    response.close()
    assert in_use(app) == 0


def test_a_request_that_raises_gives_its_place_back(app: Flask, registry: Registry) -> None:
    app.testing = True

    @app.get("/boom")
    def boom() -> NoReturn:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        app.test_client().get("/boom")
    assert in_use(app) == 0


def test_each_request_has_a_deadline_and_leaves_none_behind(app: Flask, registry: Registry) -> None:
    assert app.test_client().get("/left").text == "7.0"
    assert remaining() == float("inf")


def test_a_close_that_raises_loses_no_place(app: Flask, registry: Registry) -> None:
    """Keeps out: after as many such responses as there are places, everything is shed for ever."""

    @app.get("/stream")
    def stream() -> Response:
        response = Response(part for part in ("a", "b"))
        response.call_on_close(lambda: 1 / 0)
        return response

    for _ in range(2):
        response = app.test_client().get("/stream")
        assert response.text == "ab"
        with pytest.raises(ZeroDivisionError):
            response.close()
    assert in_use(app) == 0


def test_paths_that_are_never_shed_are_whole_ones(app: Flask, registry: Registry) -> None:
    places = app.extensions["resilience"].admission.places
    held = places.acquire()
    app.add_url_rule("/liveness", "liveness", lambda: "")
    app.add_url_rule("/live/deep", "deep", lambda: "")
    client = app.test_client()
    assert client.get("/liveness").status_code == 503
    assert client.get("/live/deep").status_code == 200
    held.release()


def test_the_root_is_the_front_page_alone(registry: Registry) -> None:
    """Keeps out: nothing is shed any more, as every path begins with a slash."""
    app = Flask(__name__)
    app.config.update(RESILIENCE_MAX_IN_FLIGHT=1, RESILIENCE_NEVER_SHED=("/",))
    app.add_url_rule("/", "front", lambda: "")
    app.add_url_rule("/other", "other", lambda: "")
    Resilience(app, registry=registry)
    held = app.extensions["resilience"].admission.places.acquire()
    assert app.test_client().get("/").status_code == 200
    assert app.test_client().get("/other").status_code == 503
    held.release()


def test_one_path_alone_is_not_taken_for_a_list_and_leaves_the_app_as_it_was() -> None:
    """Keeps out: the letters of "/health" as prefixes, of which "/" switches shedding off."""
    app = Flask(__name__)
    app.config["RESILIENCE_NEVER_SHED"] = "/health"
    with pytest.raises(ConfigurationError, match="list of paths"):
        Resilience(app)
    assert "resilience" not in app.extensions


@pytest.mark.parametrize("key", ["RESILIENCE_MAX_IN_FLIGHT", "RESILIENCE_REQUEST_TIMEOUT"])
def test_a_wrong_value_is_told_with_its_key(key: str) -> None:
    app = Flask(__name__)
    app.config[key] = "many"
    with pytest.raises(ConfigurationError, match=f"{key}: .* not 'many'"):
        Resilience(app)


def test_two_apps_on_one_registry_have_places_of_their_own() -> None:
    registry, apps = Registry(), []
    for limit in (1, 2):
        app = Flask(__name__)
        app.config["RESILIENCE_MAX_IN_FLIGHT"] = limit
        Resilience(app, registry=registry)
        app.add_url_rule("/", "root", lambda: "ok")
        apps.append(app)
    held = apps[0].extensions["resilience"].admission.places.acquire()
    assert [app.test_client().get("/").status_code for app in apps] == [503, 200]
    held.release()
