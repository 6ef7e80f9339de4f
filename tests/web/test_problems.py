"""Every error is a problem of the contract, never an HTML page and never a bare 500."""

from collections.abc import Callable
from typing import Any, NoReturn

import pytest
from flask import Flask
from flask.testing import FlaskClient

from medianest.media.errors import UnavailableError
from tests.support.narrowing import not_none

ACTION = "/api/v1/resilience/circuit-breakers/plex-media-server/action"


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "kind"),
    [
        ("get", "/nowhere", {}, 404, "not-found"),
        ("get", "/api/v1/media/libraries/abc/items", {}, 404, "not-found"),
        ("get", "/api/v1/media/libraries/..%2fx/items", {}, 404, "not-found"),
        ("get", "/api/v1/resilience/circuit-breakers/nope", {}, 404, "not-found"),
        ("delete", "/api/v1/media/libraries", {}, 405, "method-not-allowed"),
        ("get", "/api/v1/media/libraries?verbose=1", {}, 422, "invalid"),
        ("get", "/api/v1/media/recently-added?limit=0", {}, 422, "invalid"),
        ("get", "/api/v1/media/recently-added?limit=ten", {}, 422, "invalid"),
        ("get", "/api/v1/media/recently-added?limit=1&limit=2", {}, 422, "invalid"),
        ("get", "/api/v1/media/search", {}, 422, "invalid"),
        ("get", "/api/v1/media/search?query=" + "x" * 201, {}, 422, "invalid"),
        ("post", ACTION, {"data": "{", "content_type": "application/json"}, 400, "bad-request"),
        (
            "post",
            ACTION,
            {"data": "[" * 30_000, "content_type": "application/json"},
            400,
            "bad-request",
        ),
        ("post", ACTION, {"data": "{}"}, 415, "unsupported-media-type"),
        ("post", ACTION, {"json": []}, 422, "invalid"),
        ("post", ACTION, {"json": {}}, 422, "invalid"),
        ("post", ACTION, {"json": {"action": "explode"}}, 422, "invalid"),
        ("post", ACTION, {"json": {"action": 7}}, 422, "invalid"),
        ("post", ACTION, {"json": {"action": "open", "force": True}}, 422, "invalid"),
        ("post", ACTION, {"json": {"action": "open", "expires_in_seconds": -1}}, 422, "invalid"),
        ("post", ACTION, {"json": {"action": "open", "expires_in_seconds": "60"}}, 422, "invalid"),
        ("post", ACTION, {"json": {"action": "close", "expires_in_seconds": 60}}, 422, "invalid"),
        ("post", ACTION, {"json": {"action": "open", "reason": "x" * 70_000}}, 413, "too-large"),
    ],
)
def test_nonsense_gets_a_clear_problem(
    api: FlaskClient,
    operator: dict[str, Any],
    method: str,
    path: str,
    options: dict[str, Any],
    status: int,
    kind: str,
) -> None:
    response = getattr(api, method)(path, headers=operator, **options)
    assert response.status_code == status
    assert response.content_type == "application/problem+json"
    problem = response.json
    assert problem["type"] == f"/problems/{kind}"
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    assert len(problem["trace_id"]) == 32


def test_a_fault_is_named_with_what_is_allowed(api: FlaskClient, operator: dict[str, Any]) -> None:
    problem = not_none(
        api.post(ACTION, headers=operator, json={"action": "open", "force": True}).json
    )
    assert problem["errors"] == [
        {"field": "force", "message": "not known; allowed are: action, reason, expires_in_seconds"}
    ]


def test_a_type_leads_to_a_page_about_the_problem(api: FlaskClient) -> None:
    kind = api.get("/nowhere").get_json()["type"]
    page = api.get(kind)
    assert page.status_code == 200
    assert "Not found" in page.text


def test_the_trace_id_of_the_caller_is_taken_over(api: FlaskClient) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    assert api.get("/nowhere", headers=headers).get_json()["trace_id"] == trace
    broken = {"traceparent": "00-zz-00f067aa0ba902b7-01"}
    assert api.get("/nowhere", headers=broken).get_json()["trace_id"] != trace


def test_an_unexpected_error_is_a_problem_that_tells_nothing_inside(
    make_app: Callable[..., Flask], caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app()
    app.add_url_rule("/bug", "bug", lambda: {}["secret"])  # type: ignore[index]
    response = app.test_client().get("/bug")
    assert response.status_code == 500
    assert response.get_json()["type"] == "/problems/internal-error"
    assert "secret" not in response.text
    assert "unexpected error in GET /bug" in caplog.text


def test_a_refusal_names_the_service_and_the_wait(
    api: FlaskClient, operator: dict[str, Any]
) -> None:
    api.post(ACTION, headers=operator, json={"action": "open", "expires_in_seconds": 60})
    response = api.get("/api/v1/media/libraries")
    assert response.status_code == 503
    assert response.get_json()["type"] == "/problems/circuit-open"
    assert response.get_json()["service"] == "plex-media-server"
    assert int(response.headers["Retry-After"]) >= response.get_json()["retry_after_seconds"]


def test_whoever_is_refused_for_good_is_told_no_wait(
    api: FlaskClient, operator: dict[str, Any]
) -> None:
    """Keeps out: clients that ask again and again while an operator has it open."""
    api.post(ACTION, headers=operator, json={"action": "open", "reason": "test"})
    response = api.get("/api/v1/media/libraries")
    assert (response.status_code, response.get_json()["type"]) == (503, "/problems/circuit-open")
    assert response.get_json()["detail"].endswith("is open: an operator has opened it")
    assert "retry_after_seconds" not in response.get_json()
    assert "Retry-After" not in response.headers


def test_a_failed_upstream_is_a_503_with_retry_after(api: FlaskClient) -> None:
    response = api.get("/api/v1/media/sessions")
    assert response.status_code == 503
    assert response.get_json()["type"] == "/problems/upstream-failed"
    assert int(response.headers["Retry-After"]) >= 1


def test_a_service_that_is_not_configured_names_the_variable(
    make_app: Callable[..., Flask],
) -> None:
    response = make_app().test_client().get("/api/v1/media/libraries")
    assert response.status_code == 503
    assert response.get_json()["type"] == "/problems/not-configured"
    assert response.get_json()["variable"] == "MEDIANEST_PLEX_URL"
    assert "Retry-After" not in response.headers


def test_a_request_beyond_the_limit_is_told_to_come_back(make_app: Callable[..., Flask]) -> None:
    app = make_app()
    bulkhead = app.extensions["resilience"].admission.places
    places = [bulkhead.acquire() for _ in range(bulkhead.options.max_concurrent)]
    response = app.test_client().get("/api/v1/media/libraries")
    assert (response.status_code, response.get_json()["type"]) == (503, "/problems/overloaded")
    assert response.headers["Retry-After"] == "1"
    assert app.test_client().get("/api/v1/health/live").status_code == 200
    for place in places:
        place.release()


def test_no_upstream_can_ask_for_an_endless_wait(make_app: Callable[..., Flask]) -> None:
    app = make_app()

    @app.get("/ask")
    def ask() -> NoReturn:
        raise UnavailableError("plex", "it answered 503", 503, retry_after=float("inf"))

    response = app.test_client().get("/ask")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "86400")


@pytest.mark.parametrize(
    "body", [b'{"action":"close","action":"open"}', b'{"action":"close"', b"\xff", b"[" * 10_000]
)
def test_a_body_that_reads_in_two_ways_or_in_none_is_refused(
    api: FlaskClient, operator: dict[str, Any], body: bytes
) -> None:
    path = "/api/v1/resilience/circuit-breakers/plex-media-server/action"
    answer = api.post(path, data=body, content_type="application/json", headers=operator)
    assert (answer.status_code, answer.get_json()["type"]) == (400, "/problems/bad-request")


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("00-{t}-00f067aa0ba902b7-01", True),
        ("01-{t}-00f067aa0ba902b7-01-more", True),
        ("00-{t}-00f067aa0ba902b7-01-more", False),
        ("ff-{t}-00f067aa0ba902b7-01", False),
        ("00-{t}-0000000000000000-01", False),
    ],
)
def test_only_a_traceparent_that_is_one_is_taken(api: FlaskClient, given: str, taken: bool) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    answer = api.get("/nothing", headers={"traceparent": given.format(t=trace)})
    assert (answer.get_json()["trace_id"] == trace) is taken


def test_two_slashes_lead_nowhere_rather_than_to_the_host_that_the_client_named(
    make_app: Callable[..., Flask],
) -> None:
    api = make_app(env="production").test_client()
    answer = api.get("/api/v1//health/live", headers={"Host": "evil.example"})
    assert (answer.status_code, answer.content_type) == (404, "application/problem+json")
