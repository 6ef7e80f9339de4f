"""`/api/v1/resilience/dependencies`: what is needed, and what an operator adds to it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from medianest.resilience import ManualClock

DEPENDENCIES = "/api/v1/resilience/dependencies"
PLAIN = {"name": "nas", "type": "internal-service", "criticality": "important"}


@pytest.fixture
def app(make_app: Callable[..., Flask], tables: None) -> Flask:
    return make_app(
        plex={"url": "http://127.0.0.1:1"}, health={"allowed_networks": ["127.0.0.0/8"]}
    )


@pytest.fixture
def call(app: Flask, operator: dict[str, Any]) -> Callable[..., TestResponse]:
    """`call(method, path, body)` as the operator."""

    def send(method: str, path: str = "", body: dict[str, Any] | None = None) -> TestResponse:
        return app.test_client().open(
            f"{DEPENDENCIES}{path}", method=method, json=body, headers=operator
        )

    return send


def test_those_of_the_settings_are_there(call: Callable[..., TestResponse]) -> None:
    found = {each["name"]: each for each in call("GET").get_json()["dependencies"]}
    assert set(found) == {"database", "plex-media-server"}
    assert found["database"]["criticality"] == "critical"
    plex = found["plex-media-server"]
    assert (plex["type"], plex["criticality"]) == ("external-api", "important")
    assert plex["circuit_breaker"]["name"] == plex["bulkhead"]["name"] == "plex-media-server"
    operations = [each["name"] for each in plex["operations"]]
    assert operations == [
        f"plex-media-server.{name}"
        for name in ("libraries", "items", "recently_added", "search", "sessions")
    ]
    assert not plex["registered"]
    assert call("GET", "/plex").get_json()["name"] == "plex-media-server"


def test_a_registered_one_has_everything_at_once(
    app: Flask, call: Callable[..., TestResponse]
) -> None:
    body = {
        **PLAIN,
        "health_check_url": "http://127.0.0.1:1/health",
        "depends_on": ["database"],
        "circuit_breaker": {"failure_threshold": 2, "reset_timeout": 7},
    }
    made = call("POST", body=body)
    assert made.status_code == 201
    assert made.headers["Location"] == f"{DEPENDENCIES}/nas"
    assert made.json == call("GET", "/nas").json
    assert made.get_json()["depends_on"] == ["database"]
    assert made.get_json()["registered"]
    assert call("GET", "/database").get_json()["dependents"] == ["nas"]
    parts = app.extensions["medianest"]
    breaker = parts.registry.find_breaker("nas")
    assert (breaker.options.failure_threshold, breaker.options.reset_timeout) == (2, 7)
    assert parts.registry.find_bulkhead("nas") is not None
    risks = {d.name: d for d in parts.cascade.assess().dependencies}
    assert risks["database"].dependents == ("nas",)
    parts.monitoring.monitor.run("nas")
    assert parts.monitoring.monitor.component("nas").message == "127.0.0.1:1: connection refused"


def test_the_same_again_is_well_and_another_is_a_conflict(
    call: Callable[..., TestResponse],
) -> None:
    assert call("POST", body=PLAIN).status_code == 201
    assert call("POST", body=PLAIN).status_code == 200
    other = call("POST", body={**PLAIN, "criticality": "optional"})
    assert (other.status_code, other.get_json()["type"]) == (409, "/problems/conflict")
    assert call("GET", "/nas").get_json()["criticality"] == "important"


@pytest.mark.parametrize(
    ("members", "status", "field"),
    [
        ({"name": "database"}, 409, None),
        ({"name": "plex-media-server"}, 409, None),
        ({"name": "overseerr"}, 409, None),
        ({"name": "redis-cache"}, 409, None),
        ({"name": "memory"}, 409, None),
        ({"name": "a/b"}, 422, "name"),
        ({"name": ""}, 422, "name"),
        ({"type": "toaster"}, 422, "type"),
        ({"criticality": "vital"}, 422, "criticality"),
        ({"depends_on": ["ghost"]}, 422, "depends_on"),
        ({"depends_on": ["nas"]}, 422, "depends_on"),
        ({"circuit_breaker": {"failure_threshold": 0}}, 422, "circuit_breaker.failure_threshold"),
        ({"circuit_breaker": {"treshold": 1}}, 422, "circuit_breaker.treshold"),
        (
            {"circuit_breaker": {"reset_timeout": 60, "max_reset_timeout": 1}},
            201,
            None,
        ),
        ({"url": "http://nas"}, 422, "url"),
        ({"expected_status": 401}, 422, "expected_status"),  # of what, without a URL?
        ({"expected_status": "2xx"}, 422, "expected_status"),
        ({"expected_status": [200, 700]}, 422, "expected_status"),
        ({"expected_status": None}, 422, "expected_status"),
    ],
)
def test_nonsense_is_told_and_changes_nothing(
    call: Callable[..., TestResponse], members: dict[str, Any], status: int, field: str | None
) -> None:
    before = call("GET").json
    answer = call("POST", body={**PLAIN, **members})
    assert answer.status_code == status, answer.json
    if field is not None:
        assert [fault["field"] for fault in answer.get_json()["errors"]] == [field]
    if status != 201:
        assert call("GET").json == before


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        (None, "200-299"),
        (401, "401"),
        ("200-399", "200-399"),
        ([401.0, "200-299"], "200-299,401"),
        ("200-299,401", "200-299,401"),
    ],
)
def test_a_service_says_which_statuses_are_good(
    call: Callable[..., TestResponse], expected: str | int | list[float | str] | None, text: str
) -> None:
    body = {**PLAIN, "name": "home_assistant", "health_check_url": "http://127.0.0.1:1/"}
    more = {} if expected is None else {"expected_status": expected}
    assert call("POST", body={**body, **more}).get_json()["expected_status"] == text
    again = call("POST", body={**body, "expected_status": text})
    assert (again.status_code, again.get_json()["expected_status"]) == (200, text)
    assert call("GET", "/database").get_json()["expected_status"] is None


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://169.254.169.254/latest/meta-data", "metadata"),
        ("http://[::ffff:169.254.169.254]/", ""),
        ("http://[fe80::1]/", "link-local"),
        ("http://0.0.0.0/", ""),
        ("http://[::]/", ""),
        ("http://2852039166/", "four decimal numbers"),
        ("http://0251.0376.0251.0376/", "four decimal numbers"),
        ("http://0xa9.0xfe.0xa9.0xfe/", "four decimal numbers"),
        ("http://169.254.43518/", "four decimal numbers"),
        ("http://10.0.0.1/", "MEDIANEST_HEALTH_ALLOWED_NETWORKS"),
        ("http://[::1]/", "MEDIANEST_HEALTH_ALLOWED_NETWORKS"),
        ("file:///etc/passwd", "http://"),
        ("gopher://127.0.0.1:6379/_FLUSHALL", "http://"),
        ("http://user:secret-password@127.0.0.1/", "password"),
        ("http://127.0.0.1:1/#fragment", "fragment"),
        ("http://127.0.0.1\\@169.254.169.254/", "backslash"),
        ("http://no-such-host.invalid/", ""),
        ("", "http://"),
    ],
)
def test_a_url_that_opens_another_door_is_refused(
    call: Callable[..., TestResponse], url: str, words: str
) -> None:
    answer = call("POST", body={**PLAIN, "health_check_url": url})
    assert answer.status_code == 422, answer.json
    (fault,) = answer.get_json()["errors"]
    assert fault["field"] == "health_check_url"
    assert words in fault["message"]
    assert "secret-password" not in answer.text
    assert call("GET", "/nas").status_code == 404


def test_what_others_need_stays(call: Callable[..., TestResponse]) -> None:
    call("POST", body=PLAIN)
    call("POST", body={**PLAIN, "name": "backup", "depends_on": ["nas"]})
    refused = call("DELETE", "/nas")
    assert (refused.status_code, "backup" in refused.get_json()["detail"]) == (409, True)
    assert call("DELETE", "/backup").status_code == 204
    assert call("DELETE", "/nas").status_code == 204
    assert call("DELETE", "/nas").status_code == 404
    assert call("DELETE", "/database").status_code == 409
    assert {d["name"] for d in call("GET").get_json()["dependencies"]} == {
        "database",
        "plex-media-server",
    }


def test_a_name_that_is_free_again_can_be_taken_anew(
    app: Flask, call: Callable[..., TestResponse]
) -> None:
    call("POST", body={**PLAIN, "circuit_breaker": {"failure_threshold": 2}})
    call("DELETE", "/nas")
    assert app.extensions["medianest"].registry.find_breaker("nas") is None
    body = {**PLAIN, "circuit_breaker": {"failure_threshold": 9}}
    assert call("POST", body=body).status_code == 201


def test_every_change_is_in_the_audit(
    app: Flask, call: Callable[..., TestResponse], clock: ManualClock, operator: dict[str, Any]
) -> None:
    call("POST", body=PLAIN)
    call("POST", body=PLAIN)
    clock.advance(1)  # or chance decides which of the two is the newer one
    call("DELETE", "/nas")
    changes = (
        app.test_client().get("/api/v1/resilience/audit", headers=operator).get_json()["items"]
    )
    actions = [(change["action"], change["target"]) for change in changes]
    assert actions == [("dependency.remove", "nas"), ("dependency.register", "nas")]


def test_without_the_database_nothing_is_changed(
    make_app: Callable[..., Flask], tmp_path: Path, operator: dict[str, Any]
) -> None:
    (tmp_path / "medianest.db").mkdir()
    client = make_app().test_client()
    answer = client.post(DEPENDENCIES, json=PLAIN, headers=operator)
    assert (answer.status_code, answer.get_json()["service"]) == (503, "database")
    assert client.get(f"{DEPENDENCIES}/nas", headers=operator).status_code == 404


def test_only_an_operator_changes_anything(app: Flask) -> None:
    viewer = {"Authorization": "Bearer the-viewer-token"}
    client = app.test_client()
    assert client.get(DEPENDENCIES, headers=viewer).status_code == 200
    assert client.post(DEPENDENCIES, json=PLAIN, headers=viewer).status_code == 403
    assert client.delete(f"{DEPENDENCIES}/nas", headers=viewer).status_code == 403


def test_no_value_in_the_query_of_its_url_is_shown(call: Callable[..., TestResponse]) -> None:
    url = "http://127.0.0.1:1/ping?deep=1&key=planted&planted&empty="
    made = call("POST", body={**PLAIN, "health_check_url": url})
    shown = "http://127.0.0.1:1/ping?deep=********&key=********&********&empty="
    assert made.get_json()["health_check_url"] == shown
    assert "planted" not in call("GET").text
    assert call("POST", body={**PLAIN, "health_check_url": url}).status_code == 200  # the same
