"""The decorator of the views: who is let in, what is read, how it is answered."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Blueprint, Flask, Response
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from medianest.media.plex.models import Library
from medianest.web.endpoint import endpoint
from medianest.web.models import AnswerModel, Timestamp
from medianest.web.parameters import Limit
from medianest.web.schemas import ReasonBody, TitleRequest
from medianest.web.traffic import routes_of
from medianest.web.views.media import Libraries

RESILIENCE = "/api/v1/resilience"
REHEARSAL = {"operation": "op", "service": "svc", "error": "timeout"}


class Thing(AnswerModel):
    """A thing."""

    name: str
    at: Timestamp | None = None


@pytest.fixture
def things() -> Blueprint:
    return Blueprint("things", __name__, url_prefix="/things")


@pytest.fixture
def client(make_app: Callable[..., Flask], things: Blueprint) -> Callable[[], FlaskClient]:
    """A client of the app with the views that a test has put into `things`."""

    def make() -> FlaskClient:
        app = make_app(env="production")
        app.register_blueprint(things)
        return app.test_client()

    return make


def test_a_model_is_rendered_as_it_is(client: Callable[[], FlaskClient], things: Blueprint) -> None:
    @things.get("/")
    @endpoint(operation_id="do_a_thing", answers={201: Thing})
    def view() -> Thing:
        return Thing(name="ü")

    answer = client().get("/things/")
    assert (answer.status_code, answer.text) == (201, '{"name":"ü","at":null}\n')
    assert answer.content_type == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"


def test_status_and_headers_may_be_others(
    client: Callable[[], FlaskClient], things: Blueprint
) -> None:
    @things.get("/")
    @endpoint(operation_id="do_a_thing", answers={200: Thing, 202: Thing})
    def view() -> tuple[Thing, int, dict[str, str]]:
        return Thing(name="x"), 202, {"Location": "/there"}

    answer = client().get("/things/")
    assert (answer.status_code, answer.headers["Location"]) == (202, "/there")


def test_nothing_has_no_content_type(client: Callable[[], FlaskClient], things: Blueprint) -> None:
    @things.delete("/")
    @endpoint(operation_id="do_a_thing", answers={204: None})
    def view() -> None:
        return None

    answer = client().delete("/things/")
    assert (answer.status_code, answer.data) == (204, b"")
    assert "Content-Type" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_response_passes_through(client: Callable[[], FlaskClient], things: Blueprint) -> None:
    @things.get("/")
    @endpoint(operation_id="do_a_thing", answers={})
    def view() -> Response:
        return Response("as it is", 418)

    answer = client().get("/things/")
    assert (answer.status_code, answer.text) == (418, "as it is")


def test_a_request_is_read_from_the_outside_in(
    client: Callable[[], FlaskClient], things: Blueprint
) -> None:
    """Keeps out: strangers who learn from faults what a request must look like."""

    @things.post("/<name>")
    @endpoint(
        "operator",
        operation_id="do_a_thing",
        query=Limit,
        body=ReasonBody,
        answers={200: Thing},
    )
    def view(name: str, query: Limit, body: ReasonBody) -> Thing:
        return Thing(name=f"{name} {query.limit} {body.reason}")

    asking = client()

    def ask(token: str, query: dict[str, Any], body: dict[str, Any] | list[Any]) -> TestResponse:
        headers = {"Authorization": f"Bearer {token}"}
        return asking.post("/things/a", query_string=query, json=body, headers=headers)

    assert ask("the-viewer-token", {"limit": 0}, []).status_code == 403
    assert "limit" in ask("the-operator-token", {"limit": 0}, []).get_json()["detail"]
    assert "body" in ask("the-operator-token", {"limit": 1}, []).get_json()["detail"]
    assert ask("the-operator-token", {"limit": 1}, {"reason": "r"}).get_json()["name"] == "a 1 r"


def test_models_that_are_there_already_are_not_checked_again() -> None:
    library = Library(key="1", title="Films", type="movie")
    values = {"libraries": (library,), "degraded": False, "answered_at": "2026-01-01T00:00:00Z"}
    assert Libraries.model_validate(values).libraries[0] is library


@pytest.mark.parametrize(
    ("given", "rendered"),
    [
        ("2026-01-01T12:00:00.123456+02:00", "2026-01-01T10:00:00.123Z"),
        ("2026-01-01T12:00:00", "2026-01-01T12:00:00.000Z"),
    ],
)
def test_a_timestamp_is_utc_with_milliseconds(given: str, rendered: str) -> None:
    thing = Thing.model_validate({"name": "x", "at": given})
    assert thing.model_dump_json() == f'{{"name":"x","at":"{rendered}"}}'


def test_it_is_known_which_routes_call_a_service(make_app: Callable[..., Flask]) -> None:
    routes = routes_of(make_app()).of_service("plex-media-server")
    assert "GET /api/v1/media/libraries/<key>/items" in routes
    assert "POST /api/v1/media/requests" not in routes


@pytest.mark.parametrize(
    "path", ["/api/v1/resilience/status", "/api/v1/media/libraries", "/metrics", "/docs"]
)
def test_unknown_parameters_are_told(api: FlaskClient, operator: dict[str, Any], path: str) -> None:
    answer = api.get(path, query_string={"verbose": 1}, headers=operator)
    assert answer.status_code == 422


@pytest.mark.parametrize(
    "path",
    [
        *("", "/live", "/ready", "/circuit-breakers", "/comprehensive"),
        *("/database", "/cache", "/external", "/external/plex-media-server", "/metrics"),
    ],
)
def test_those_who_watch_health_may_send_what_they_like(
    api: FlaskClient, operator: dict[str, Any], path: str
) -> None:
    """Keeps out: Uptime Kuma's way past caches is taken for a fault of the server."""
    plain = api.get(f"/api/v1/health{path}", headers=operator)
    query = {"uptime_kuma_cachebuster": "0.123", "_": ["1", "2"]}
    found = api.get(f"/api/v1/health{path}", query_string=query, headers=operator)
    assert (found.status_code, plain.status_code) in [(200, 200), (503, 503)]


def test_what_is_known_of_health_is_still_checked(api: FlaskClient) -> None:
    assert api.get("/api/v1/health?refresh=perhaps").status_code == 422


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({**REHEARSAL, "execute": 1}, "execute"),
        ({**REHEARSAL, "execute": "yes"}, "execute"),
        ({**REHEARSAL, "operation": "a\nb"}, "operation"),
        ({**REHEARSAL, "service": "a\u202eb"}, "service"),
        ({**REHEARSAL, "service": "\ud800"}, "service"),
    ],
)
def test_what_is_of_another_type_is_not_taken_for_it(
    api: FlaskClient, operator: dict[str, Any], body: dict[str, Any], field: str
) -> None:
    answer = api.post(f"{RESILIENCE}/recovery/test", json=body, headers=operator)
    assert (answer.status_code, answer.get_json()["errors"][0]["field"]) == (422, field)


@pytest.mark.parametrize("reason", ["two\nlines", "\0", "\x1b[2J"])
def test_a_reason_stays_on_its_line_of_the_log(
    api: FlaskClient, operator: dict[str, Any], reason: str
) -> None:
    body = {"action": "open", "reason": reason}
    path = f"{RESILIENCE}/circuit-breakers/plex-media-server/action"
    assert api.post(path, json=body, headers=operator).status_code == 422


def test_a_whole_number_may_be_written_as_a_fraction() -> None:
    wanted = TitleRequest.model_validate({"media_type": "tv", "media_id": 1.0, "seasons": [2.0]})
    assert wanted.payload() == {"media_type": "tv", "media_id": 1, "seasons": [2]}
