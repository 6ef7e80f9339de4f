"""A small app that shows its resilience, and whoever it lets do so."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from medianest.flask import Resilience
from medianest.resilience import ManualClock, Registry

__all__ = ["SAME_ORIGIN", "Shop", "make_shop", "shop"]

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}


class Shop:
    """An app in ten lines, with one protected view."""

    def __init__(self, clock: ManualClock, app: Flask | None = None, **options: Any) -> None:
        self.app = Flask("shop") if app is None else app
        self.app.testing = True
        self.app.config["RESILIENCE_GUARDS_ENABLED"] = True
        self.resilience = Resilience(self.app, registry=Registry(clock=clock), **options)

        @self.app.get("/report")
        @self.resilience.protect(service="reports", circuit_breaker={"failure_threshold": 2})
        def report() -> str:
            raise TimeoutError("the report takes too long")

        self.client: FlaskClient = self.app.test_client()

    def fail(self, times: int = 2) -> None:
        """Ask for the report, which never comes."""
        self.app.config["PROPAGATE_EXCEPTIONS"] = False
        for _ in range(times):
            assert self.client.get("/report").status_code in (500, 503)

    def get(self, path: str, **options: Any) -> Any:
        return self.client.get(path, **options)

    def post(self, path: str, **options: Any) -> Any:
        return self.client.post(path, **options)

    def send(self, form: str, page: str, headers: Any = None, **values: str) -> Any:
        """A form of a page, as a browser without a script sends it; `form` is its address."""
        found = re.search(rf'action="{re.escape(form)}"><input [^>]*value="(\w+)"', page)
        data = {**values, **({"proof": found[1]} if found else {})}
        sent = SAME_ORIGIN if headers is None else headers
        return self.client.post(form, data=data, headers=sent)

    @property
    def state(self) -> str:
        return self.resilience.registry.breaker("reports").state.value


@pytest.fixture
def make_shop(clock: ManualClock) -> Callable[..., Shop]:
    """`make_shop(endpoints="/resilience", …)` is an app with what it wants."""
    return lambda app=None, **options: Shop(clock, app, **options)


@pytest.fixture
def shop(make_shop: Callable[..., Shop]) -> Shop:
    """One that has everything, and lets everybody do everything, as ada."""
    return make_shop(
        endpoints="/resilience", page=True, metrics="/metrics", authorize=lambda role: "ada"
    )
