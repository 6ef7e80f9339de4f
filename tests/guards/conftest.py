"""An app with the extension, and a view whose answers a test scripts."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, request

from medianest.flask import Resilience
from medianest.resilience import CircuitBreaker, ManualClock, Registry


@pytest.fixture
def app() -> Flask:
    return Flask(__name__)


@pytest.fixture
def resilience(app: Flask, clock: ManualClock) -> Resilience:
    return Resilience(app, registry=Registry(clock=clock))


Calls = tuple[list[str], list[tuple[str, int] | Exception]]
"""The methods of the requests that were made, and the answers to come."""


@pytest.fixture
def calls(app: Flask) -> Calls:
    """A view whose answers are scripted: the last one stays."""
    script: list[tuple[str, int] | Exception] = [("ok", 200)]
    made: list[str] = []

    @app.route("/api/critical/thing", methods=["GET", "POST"])
    def thing() -> tuple[str, int]:
        made.append(request.method)
        step = script.pop(0) if len(script) > 1 else script[0]
        if isinstance(step, Exception):
            raise step
        return step

    return made, script


def breaker_of(resilience: Resilience, name: str = "critical-service") -> CircuitBreaker:
    return resilience.registry.breaker(name)


@pytest.fixture
def serve(app: Flask, resilience: Any) -> Callable[..., Callable[..., Any]]:
    """`serve(view, **options)` guards a view; `get()` asks for it."""

    def make(view: Any, **options: Any) -> Callable[..., Any]:
        app.add_url_rule("/view", "view", view)
        resilience.guard("/view", service="view", authorize=lambda: True, **options)
        return lambda: app.test_client().get("/view")

    return make
