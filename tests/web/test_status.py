"""`/api/v1/resilience/status` and `/health`: one look at everything."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from medianest.health import Check, CheckResult
from medianest.resilience import ManualClock
from tests.support.narrowing import not_none

STATUS = "/api/v1/resilience/status"


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    app = make_app("development", plex={"url": "http://127.0.0.1:1"}, sandbox=False)
    app.extensions["medianest"].storage.database.upgrade()
    return app


@pytest.fixture
def look(app: Flask, clock: ManualClock) -> Callable[..., TestResponse]:
    """Let the monitor work for some seconds, and look."""

    def ask(etag: str | None = None, seconds: int = 10) -> TestResponse:
        watch = app.extensions["medianest"].monitoring
        for _ in range(seconds):
            clock.advance(1)
            watch.monitor.beat()
        for check in watch.monitor.checks():
            watch.monitor.run(check.name)
        headers = {"If-None-Match": etag} if etag else {}
        return app.test_client().get(STATUS, headers=headers)

    return ask


def test_all_of_it_is_there_and_of_one_instant(look: Callable[..., TestResponse]) -> None:
    for _ in range(4):
        answer = look()
    found = not_none(answer.json)
    assert found["status"] == "degraded"
    assert found["score"]["score"] == 100 - sum(d["points"] for d in found["score"]["deductions"])
    assert [d["what"] for d in found["score"]["deductions"]] == ["plex-media-server"]
    components = {component["name"]: component for component in found["components"]}
    assert components["plex-media-server"]["status"] == "unhealthy"
    assert components["health-monitor"]["status"] == "healthy"
    assert {component["age_seconds"] for component in found["components"]} == {0.0}
    assert found["queue"]["pending"] == 0


def test_the_tag_stays_while_only_time_goes_by(
    look: Callable[..., TestResponse], app: Flask
) -> None:
    for _ in range(4):
        first = look()
    again = look(first.headers["ETag"])
    assert (again.status_code, again.data) == (304, b"")
    app.extensions["medianest"].registry.breaker("plex-media-server").open("moving house")
    changed = look(first.headers["ETag"])
    assert changed.status_code == 200
    assert changed.headers["ETag"] != first.headers["ETag"]


def test_a_change_is_seen_at_once(look: Callable[..., TestResponse], app: Flask) -> None:
    look()
    app.extensions["medianest"].registry.breaker("plex-media-server").open("moving house")
    found = not_none(app.test_client().get("/api/v1/resilience/health").json)
    line = next(c for c in found["components"] if c["name"] == "plex-media-server")
    assert (line["status"], line["breaker_state"]) == ("unhealthy", "forced_open")
    assert line["message"] == "an operator has opened its circuit breaker: moving house"


def test_what_to_do_comes_with_it(look: Callable[..., TestResponse], app: Flask) -> None:
    for name in "ab":
        app.extensions["medianest"].registry.breaker(name).open("test")
    for _ in range(8):
        answer = look()
        app.extensions["medianest"].monitoring.alerts.evaluate()
    answer = look()
    assert [alert["rule"] for alert in answer.get_json()["alerts"]] == [
        "dependency-down", "breakers-open",
    ]  # fmt: skip
    assert answer.get_json()["recommendations"][0].endswith(
        "check that plex-media-server is running and reachable"
    )


@pytest.mark.parametrize("path", ["", "/comprehensive", "/database", "/cache", "/external"])
def test_only_an_operator_has_everything_checked_now(
    app: Flask, operator: dict[str, Any], path: str
) -> None:
    client, monitor = app.test_client(), app.extensions["medianest"].monitoring.monitor
    assert client.get(f"/api/v1/health{path}?refresh=true").status_code == 401
    assert monitor.component("database").checked_at is None
    answer = client.get(f"/api/v1/health{path}?refresh=true", headers=operator)
    assert answer.status_code == 200
    assert monitor.component("database").checked_at is not None
    assert client.get(f"/api/v1/health{path}?refresh=perhaps").status_code == 422


def test_who_wants_a_refresh_while_others_wait_for_theirs_is_answered_at_once(
    make_app: Callable[..., Flask], operator: dict[str, Any]
) -> None:
    """Keeps out: a few impatient operators, and no thread is left for the probes."""
    app, ran = make_app(), []
    client = app.test_client()
    assert client.get("/api/v1/health?refresh=true", headers=operator).status_code == 200
    here = app.extensions["medianest"]
    here.monitoring.monitor.add(Check("counting", lambda: ran.append(1) or CheckResult()))
    places = here.registry.bulkhead("health.refresh")
    held = [places.acquire() for _ in range(2)]
    assert client.get("/api/v1/health?refresh=true", headers=operator).status_code == 200
    assert ran == []
    held[0].release()
    assert client.get("/api/v1/health?refresh=true", headers=operator).status_code == 200
    assert ran == [1]


@pytest.mark.parametrize(
    ("path", "members"),
    [
        ("/api/v1/health/comprehensive", "components"),
        ("/api/v1/resilience/health", "components"),
        ("/api/v1/resilience/status", "components"),
        ("/api/v1/dashboard/status", "services"),
    ],
)
def test_a_portal_reads_by_name(
    api: FlaskClient, operator: dict[str, str], path: str, members: str
) -> None:
    found = not_none(api.get(path, headers=operator).json)
    assert list(found["by_name"].values()) == found[members]
    assert found["by_name"]["plex-media-server"]["name"] == "plex-media-server"
