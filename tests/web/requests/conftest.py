"""The app in front of an Overseerr without requests."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from medianest.sandbox.process import SandboxProcess
from tests.web.requests.making import CLIENT, REQUESTS


@pytest.fixture
def overseerr(overseerr_sandbox: SandboxProcess) -> SandboxProcess:
    """Without requests for media."""
    if overseerr_sandbox.state()["count"]:
        overseerr_sandbox.restart()
    return overseerr_sandbox


@pytest.fixture
def app(make_app: Callable[..., Flask], overseerr: SandboxProcess, tables: None) -> Iterator[Flask]:
    app = make_app(
        overseerr={
            "url": overseerr.url,
            "api_key": overseerr.token,
            "timeout": 1.0,
            "breaker_enabled": True,
        },
        queue={"initial_delay": 10},
    )
    yield app
    app.extensions["medianest"].storage.database.close()


@pytest.fixture
def ask(app: Flask) -> Callable[..., TestResponse]:
    def post(
        number: int = 1, kind: str = "movie", key: str | None = None, **more: Any
    ) -> TestResponse:
        headers = {**CLIENT, **({"Idempotency-Key": key} if key else {})}
        body = {"media_type": kind, "media_id": number, **more}
        return app.test_client().post(REQUESTS, json=body, headers=headers)

    return post


@pytest.fixture
def drain(app: Flask) -> Callable[[], int]:
    def run() -> int:
        return app.extensions["medianest"].queue.runner.run_due("overseerr.request")

    return run
