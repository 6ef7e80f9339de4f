"""The app with its pages, on a clock that stands still, and browsers without a screen."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.web.conftest import busy_app, make_app, tables

__all__ = ["Browser", "busy_app", "make_app", "tables"]

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}


class Browser:
    """What a browser sends, with its script or without."""

    def __init__(self, client: FlaskClient, *, script: bool = True) -> None:
        self.client, self._script = client, script
        self.proof = ""

    def log_in(self, token: str = "the-operator-token", **values: str) -> Any:
        values = {"token": token, **values, **({"script": "1"} if self._script else {})}
        answer = self.client.post("/login", data=values, headers=SAME_ORIGIN)
        found = re.search(r'data-proof="(\w+)"', answer.text)
        self.proof = found[1] if found else ""
        return answer

    def get(self, path: str, **headers: str) -> Any:
        return self.client.get(path, headers=headers)

    def send(self, path: str, headers: Any = None, **values: str) -> Any:
        """A form."""
        data = {**values, "proof": self.proof}
        sent = SAME_ORIGIN if headers is None else headers
        return self.client.post(path, data=data, headers=sent)


@pytest.fixture
def browser(make_app: Callable[..., Flask], tables: None) -> Browser:
    """Of an app whose Plex refuses connections, which anybody may look at."""
    app = make_app("development", plex={"url": "http://127.0.0.1:1"}, sandbox=False)
    return Browser(app.test_client())
