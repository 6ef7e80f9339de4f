"""The app on a clock that stands still, with every role's token."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from medianest.app import create_app
from medianest.resilience import ManualClock

TOKENS = {
    "operator_token": "the-operator-token",
    "viewer_token": "the-viewer-token",
    "client_token": "the-client-token",
}


@pytest.fixture
def make_app(clock: ManualClock, tmp_path: Path) -> Iterator[Callable[..., Flask]]:
    """`make_app(**settings)` is an app, whose connections are closed at the end."""
    made = []

    def make(env: str = "testing", **settings: Any) -> Flask:
        values = {"env": env, "instance_path": tmp_path, **TOKENS, **settings}
        made.append(create_app(values, clock=clock))
        return made[-1]

    yield make
    for app in made:
        parts = app.extensions["medianest"]
        for part in (parts.media.plex, parts.media.overseerr, parts.storage.database):
            part.close()


@pytest.fixture
def tables(tmp_path: Path, migrated_file: Path) -> None:
    """The apps of this test find their database with all its tables."""
    shutil.copy(migrated_file, tmp_path / "medianest.db")


@pytest.fixture
def api(make_app: Callable[..., Flask]) -> FlaskClient:
    """A client of the app whose Plex refuses connections."""
    return make_app(plex={"url": "http://127.0.0.1:1", "breaker_enabled": True}).test_client()


@pytest.fixture
def operator() -> dict[str, str]:
    return {"Authorization": "Bearer the-operator-token"}


@pytest.fixture
def viewer() -> dict[str, str]:
    return {"Authorization": "Bearer the-viewer-token"}


@pytest.fixture
def busy_app(make_app: Callable[..., Flask], clock: ManualClock) -> Flask:
    """One that has seen some of everything."""
    app = make_app("development", plex={"url": "http://127.0.0.1:1"}, sandbox=False)
    parts = app.extensions["medianest"]
    parts.storage.database.upgrade()
    for _ in range(2):
        for check in parts.monitoring.monitor.checks():
            parts.monitoring.monitor.run(check.name)
        clock.advance(10)
    parts.monitoring.monitor.beat()
    for _ in range(3):
        app.test_client().get("/api/v1/media/libraries")
    return app
