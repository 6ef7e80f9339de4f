"""The app as operators see it."""

from collections.abc import Callable
from typing import Any, NoReturn

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from medianest.storage import DatabaseUnavailableError
from medianest.web.container import Container
from tests.web.operators.asking import RESILIENCE, VIEWER


@pytest.fixture
def app(make_app: Callable[..., Flask], tables: None) -> Flask:
    return make_app(plex={"url": "http://127.0.0.1:1", "breaker_enabled": True})


@pytest.fixture
def parts(app: Flask) -> Container:
    return app.extensions["medianest"]


@pytest.fixture
def get(app: Flask) -> Callable[..., TestResponse]:
    def ask(path: str, **query: Any) -> TestResponse:
        return app.test_client().get(RESILIENCE + path, query_string=query, headers=VIEWER)

    return ask


@pytest.fixture
def post(app: Flask, operator: dict[str, Any]) -> Callable[..., TestResponse]:
    def ask(path: str, **body: Any) -> TestResponse:
        return app.test_client().post(RESILIENCE + path, json=body, headers=operator)

    return ask


@pytest.fixture
def broken(parts: Container, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """`broken()` takes the database away."""

    def take_away() -> None:
        def down(*args: Any, **kwargs: Any) -> NoReturn:
            raise DatabaseUnavailableError("down")

        monkeypatch.setattr(parts.storage.database, "write", down)
        monkeypatch.setattr(parts.storage.database, "read", down)

    return take_away
