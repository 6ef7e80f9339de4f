"""`plex` is short for `plex-media-server`, and hides nothing that is really called so."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from medianest.resilience import Registry

RESILIENCE = "/api/v1/resilience"
ADDED = {"type": "internal-service", "criticality": "optional"}


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> Registry:
    """The registry of the process, for other code in it."""
    registry = Registry()
    monkeypatch.setattr("medianest.app.default_registry", registry)
    return registry


@pytest.fixture
def call(
    shared: Registry, make_app: Callable[..., Flask], tables: None, operator: dict[str, str]
) -> Callable[..., TestResponse]:
    """`call(method, path, **body)` as the operator."""
    app = make_app(plex={"url": "http://127.0.0.1:1", "breaker_enabled": True})

    def send(method: str, path: str, **body: Any) -> TestResponse:
        return app.test_client().open(
            RESILIENCE + path, method=method, json=body or None, headers=operator
        )

    return send


@pytest.mark.parametrize("name", ["plex", "plex.libraries", "plex.ours"])
def test_a_breaker_of_other_code_is_found_and_opened_by_the_name_that_is_listed(
    call: Callable[..., TestResponse], shared: Registry, name: str
) -> None:
    theirs = shared.breaker(name)
    listed = call("GET", "/circuit-breakers").get_json()["circuit_breakers"]
    assert name in [each["name"] for each in listed]
    assert call("GET", f"/circuit-breakers/{name}").get_json()["name"] == name
    opened = call("POST", f"/circuit-breakers/{name}/action", action="open")
    assert opened.get_json()["circuit_breaker"]["name"] == name
    assert theirs.state.value == "forced_open"
    plex = call("GET", "/circuit-breakers/plex-media-server").get_json()
    assert plex["state"] == "closed"
    (change,) = call("GET", f"/audit?target={name}").get_json()["items"]
    assert change["target"] == name
    assert call("DELETE", f"/overrides/{name}").status_code == 200
    assert theirs.state.value == "closed"


def test_a_dependency_of_such_a_name_can_be_seen_needed_and_removed(
    call: Callable[..., TestResponse],
) -> None:
    added = call("POST", "/dependencies", name="plex.x", **ADDED)
    assert added.status_code == 201
    assert call("GET", "/dependencies/plex.x").get_json()["name"] == "plex.x"
    child = call("POST", "/dependencies", name="child", depends_on=["plex", "plex.x"], **ADDED)
    assert child.get_json()["depends_on"] == ["plex-media-server", "plex.x"]
    assert call("DELETE", "/dependencies/child").status_code == 204
    assert call("DELETE", "/dependencies/plex.x").status_code == 204


def test_a_breaker_of_other_code_does_not_take_the_short_name_of_the_dependency(
    call: Callable[..., TestResponse], shared: Registry
) -> None:
    shared.breaker("plex")
    assert call("GET", "/dependencies/plex").get_json()["name"] == "plex-media-server"
