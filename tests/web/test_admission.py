"""The door of the app: requests in flight and the deadline of each."""

import threading

import pytest
from flask import Flask, Response

from medianest.resilience import BulkheadFullError, Registry, remaining
from medianest.web import Resilience


@pytest.fixture
def app():
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
def registry(app, clock):
    registry = Registry(clock=clock)
    Resilience(app, registry=registry)
    return registry


def in_use(registry):
    return registry.bulkhead("in-flight").snapshot().in_use


def test_requests_beyond_the_limit_are_shed_and_probes_are_not(app, registry):
    inside, leave = threading.Event(), threading.Event()

    @app.get("/slow")
    def slow():
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


def test_a_place_is_held_until_the_stream_is_closed(app, registry):
    app.add_url_rule("/stream", "stream", lambda: Response(iter("ab")))
    response = app.test_client().get("/stream")
    assert in_use(registry) == 1
    response.close()
    assert in_use(registry) == 0


def test_a_request_that_raises_gives_its_place_back(app, registry):
    app.testing = True

    @app.get("/boom")
    def boom():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        app.test_client().get("/boom")
    assert in_use(registry) == 0


def test_each_request_has_a_deadline_and_leaves_none_behind(app, registry):
    assert app.test_client().get("/left").text == "7.0"
    assert remaining() == float("inf")
