"""Dependencies with health checks in anybody's Flask app."""

import threading
from typing import Any

import pytest
from flask import Flask

from medianest.flask import Resilience
from medianest.health import Status


@pytest.fixture
def app() -> Flask:
    app = Flask(__name__)

    @app.get("/")
    def home() -> str:
        return "home"

    return app


def watching() -> list[Any]:
    return [thread for thread in threading.enumerate() if thread.name == "health-monitor"]


def test_what_is_registered_is_looked_at_from_the_first_request_on(app: Flask) -> None:
    resilience, looked = Resilience(app), threading.Event()
    resilience.service.register_dependency("nas", type="cache", health_check=looked.set)
    assert watching() == []
    assert app.test_client().get("/").status_code == 200
    assert looked.wait(10)
    resilience.service.monitor.stop()
    assert resilience.service.health("nas").status is Status.HEALTHY
    assert watching() == []


def test_nothing_begins_in_a_test_or_where_nothing_is_registered(app: Flask) -> None:
    """Keeps out: the tests of an app that ask real services."""
    resilience = Resilience(app)
    app.test_client().get("/")
    assert watching() == []
    resilience.service.register_dependency("nas", health_check=lambda: True)
    app.testing = True
    app.test_client().get("/")
    assert watching() == []
    resilience.service.monitor.run("nas")
    assert resilience.service.status is Status.HEALTHY


def test_a_guard_and_a_dependency_of_one_name_share_their_breaker(app: Flask) -> None:
    resilience = Resilience(app)
    made = resilience.service.register_dependency("nas", health_check=lambda: True)
    guard = resilience.guard("/nas", service="nas")
    assert guard.service == made.service
    assert [breaker.name for breaker in resilience.registry.breakers()] == ["nas"]
