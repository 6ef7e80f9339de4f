"""The OpenAPI document: valid, complete, and true where it matters."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from openapi_spec_validator import validate

from medianest.app import create_app
from medianest.web.endpoint import endpoint_of
from medianest.web.openapi import document
from medianest.web.problem_kinds import KINDS
from tests.support.narrowing import not_none
from tests.web.conftest import TOKENS

PAGES = {"/problems/<kind>", "/docs", "/badge.svg"}
"""For people, and so not in the document."""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """One for all, as none of them asks it for anything but its document."""
    folder = tmp_path_factory.mktemp("openapi")
    plex = {"url": "http://plex.example", "token": "the-plex-token"}
    made = create_app({"env": "testing", "instance_path": folder, "plex": plex, **TOKENS})
    yield made
    parts = made.extensions["medianest"]
    for part in (parts.media.plex, parts.media.overseerr, parts.storage.database):
        part.close()


@pytest.fixture(scope="module")
def api(app: Flask) -> dict[str, Any]:
    return document(app)


def operations(api: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in api["paths"].items()
        for method, operation in methods.items()
    }


@pytest.fixture
def operation(api: dict[str, Any]) -> Callable[..., Any]:
    return lambda name: operations(api)[name]


def test_it_is_valid(api: dict[str, Any]) -> None:
    validate(api)
    assert api["openapi"] == "3.1.0"


def test_every_route_is_an_endpoint_and_stands_in_it(app: Flask, api: dict[str, Any]) -> None:
    documented = set(operations(api))
    for rule in app.url_map.iter_rules():
        known = endpoint_of(app.view_functions[rule.endpoint])
        if rule.rule in PAGES or (rule.endpoint.startswith("page.") and known is None):
            continue
        assert known is not None, f"{rule.rule} has no @endpoint"
        assert known.answers, f"{rule.rule} answers nothing"
        path = re.sub("<(?:[a-z]+:)?([a-z_]+)>", r"{\1}", rule.rule)
        for method in not_none(rule.methods) - {"HEAD", "OPTIONS"}:
            documented.remove(f"{method} {path}")
    assert documented == set()


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("GET /api/v1/health/ready", None),
        ("GET /api/v1/health/circuit-breakers", "viewer"),
        ("GET /api/v1/media/libraries", "client"),
        ("DELETE /api/v1/resilience/queue/{operation_id}", "operator"),
    ],
)
def test_each_operation_says_who_may_do_it(
    operation: Callable[..., Any], name: str, role: str | None
) -> None:
    found = operation(name)
    assert found["security"] == ([{"bearer": [role]}] if role else [])
    assert f"Role: {role or 'public'}" in found["description"]
    assert ("401" in found["responses"]) == ("403" in found["responses"]) == (role is not None)


@pytest.mark.parametrize(
    ("name", "statuses"),
    [
        ("GET /api/v1/health/live", "200 421 500"),
        ("GET /api/v1/health/ready", "200 421 500 503"),
        ("GET /api/v1/resilience/cascade-risk", "200 401 403 421 422 429 500"),
        ("GET /api/v1/resilience/circuit-breakers/{name}", "200 401 403 404 421 422 429 500"),
        (
            "POST /api/v1/resilience/circuit-breakers/{name}/action",
            "200 202 400 401 403 404 409 413 415 421 422 429 500",
        ),
        (
            "DELETE /api/v1/resilience/queue/{operation_id}",
            "204 400 401 403 404 409 413 415 421 422 429 500 503",
        ),
        (
            "POST /api/v1/media/requests",
            "200 201 202 400 401 403 404 409 413 415 421 422 429 500 503",
        ),
        ("GET /api/v1/dashboard/status", "200 401 403 421 422 429 500 503"),
    ],
)
def test_each_operation_lists_what_it_can_answer(
    operation: Callable[..., Any], name: str, statuses: str
) -> None:
    assert list(operation(name)["responses"]) == statuses.split()


def test_problems_are_named_where_they_can_happen(operation: Callable[..., Any]) -> None:
    media = operation("GET /api/v1/media/sessions")["responses"]["503"]
    assert list(media["content"]) == ["application/problem+json"]
    for kind in ("overloaded", "circuit-open", "upstream-failed", "not-configured"):
        assert f"`{kind}`" in media["description"]
    assert "database" not in media["description"]
    queue = operation("GET /api/v1/resilience/queue")["responses"]["503"]["description"]
    assert "`database-busy`" in queue
    assert "`overloaded`" not in queue  # operators are never shed


def test_every_kind_but_those_of_no_operation_can_happen_somewhere(api: dict[str, Any]) -> None:
    answers = [answer for o in operations(api).values() for answer in o["responses"].values()]
    named = set(re.findall(r"/problems/([a-z-]+)\)", " ".join(a["description"] for a in answers)))
    assert set(KINDS) - named == {"method-not-allowed"}


def test_the_public_health_answers_503_with_its_own_model(operation: Callable[..., Any]) -> None:
    content = operation("GET /api/v1/health")["responses"]["503"]["content"]
    assert content == {"application/json": {"schema": {"$ref": "#/components/schemas/Health"}}}


def test_parameters_are_what_is_checked(operation: Callable[..., Any]) -> None:
    page = {
        p["name"]: p for p in operation("GET /api/v1/media/libraries/{key}/items")["parameters"]
    }
    assert page["key"]["in"] == "path"
    assert page["key"]["schema"]["pattern"] == "^[0-9]{1,9}$"
    assert page["limit"]["schema"] == {
        "type": "integer",
        "minimum": 1,
        "maximum": 200,
        "default": 50,
    }
    assert not page["limit"]["required"]
    (search,) = operation("GET /api/v1/media/search")["parameters"]
    assert search["required"]
    (key,) = operation("POST /api/v1/media/requests")["parameters"]
    assert (key["name"], key["in"]) == ("Idempotency-Key", "header")
    assert key["schema"]["type"] == "string"


def test_headers_are_told(operation: Callable[..., Any]) -> None:
    made = operation("POST /api/v1/media/requests")["responses"]
    assert made["201"]["headers"]["Location"]["required"]
    assert set(made["202"]["headers"]) == {"Location", "Retry-After"}
    assert made["401"]["headers"]["WWW-Authenticate"]["required"]
    libraries = operation("GET /api/v1/media/libraries")["responses"]
    assert not libraries["200"]["headers"]["Age"]["required"]
    assert not libraries["503"]["headers"]["Retry-After"]["required"]
    assert libraries["429"]["headers"]["Retry-After"]["required"]


def test_a_body_that_may_be_left_out_says_so(operation: Callable[..., Any]) -> None:
    retry = operation("POST /api/v1/resilience/queue/{operation_id}/retry")["requestBody"]
    assert not retry["required"]
    assert operation("POST /api/v1/media/requests")["requestBody"]["required"]


def test_every_operation_has_a_name_of_its_own_and_a_summary(api: dict[str, Any]) -> None:
    found = operations(api).values()
    names = [each["operationId"] for each in found]
    assert len(set(names)) == len(names)
    assert all(each["summary"] and each["tags"] for each in found)
    tags = {tag["name"] for tag in api["tags"]}
    assert {each["tags"][0] for each in found} == tags


def test_every_model_says_what_it_is(api: dict[str, Any]) -> None:
    schemas = api["components"]["schemas"]
    assert [name for name, schema in schemas.items() if not schema.get("description")] == []
    assert schemas["Health"]["additionalProperties"] is False
    assert schemas["Health"]["properties"]["checked_at"]["format"] == "date-time"


def test_no_setting_stands_in_it(app: Flask, operator: dict[str, Any]) -> None:
    text = app.test_client().get("/docs/openapi.json", headers=operator).text
    for secret in (
        "the-operator-token",
        "the-viewer-token",
        "the-client-token",
        "the-plex-token",
        "plex.example",
    ):
        assert secret not in text


def test_it_is_built_once(app: Flask) -> None:
    assert document(app) is document(app)


def schemas_in(part: Any) -> Iterator[Any]:
    """Each schema that is in a part of the document, at any depth."""
    if isinstance(part, dict):
        yield part
    children = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    for child in children:
        yield from schemas_in(child)


def test_each_set_of_words_is_a_schema_of_its_own(api: dict[str, Any]) -> None:
    """Keeps out: `BreakerStateType0` and eight brothers in a generated client."""
    models = api["components"]["schemas"].values()
    sets = [s["enum"] for s in models if "enum" in s]
    inside = [s for part in (*models, api["paths"]) for s in schemas_in(part) if "enum" in s]
    assert [s["enum"] for s in inside] == sets
    assert len({frozenset(words) for words in sets}) == len(sets)


def test_only_what_callers_decide_on_has_no_type(api: dict[str, Any]) -> None:
    untyped = {
        f"{name}.{member}"
        for name, model in api["components"]["schemas"].items()
        for member, schema in model.get("properties", {}).items()
        for s in schemas_in(schema)
        if s.get("type") == "object" and s.get("additionalProperties") in (True, {}, None)
    }
    assert untyped == {
        *("AuditEntry.detail", "DeferredOperation.payload", "RecoveryRecord.metadata"),
        *("Rehearsal.context", "OpenApi.info", "OpenApi.paths", "OpenApi.components"),
    }


def members(api: dict[str, Any]) -> Iterator[Any]:
    """Each member of each model: its name with the model's, and the forms that it can have."""
    for name, model in api["components"]["schemas"].items():
        for member, schema in model.get("properties", {}).items():
            yield f"{name}.{member}", member, schema.get("anyOf", [schema])


def test_what_is_called_at_is_an_instant_and_no_other_member_is(api: dict[str, Any]) -> None:
    for name, member, forms in members(api):
        is_instant = any(form.get("format") == "date-time" for form in forms)
        assert member.endswith("_at") == is_instant, name


OPTIONS = {"BreakerConfig", "BreakerOptions"}
"""These have the names that the options of a breaker have everywhere."""


def test_a_duration_is_told_in_seconds_by_its_name(api: dict[str, Any]) -> None:
    words = {"seconds", "latency", "age", "timeout", "duration", "wait", "uptime", "period"}
    for name, member, forms in members(api):
        is_number = any(form.get("type") == "number" for form in forms)
        if is_number and words & set(member.split("_")) and name.split(".")[0] not in OPTIONS:
            assert member.endswith("_seconds"), name


def test_a_circuit_breaker_has_one_shape(api: dict[str, Any]) -> None:
    """Keeps out: a breaker that is shown in brief here and with other names there."""
    with_openings = [n for n, m in api["components"]["schemas"].items() if "state" in
                     m.get("properties", {}) and "failure_rate" in m["properties"]]  # fmt: skip
    assert with_openings == ["Breaker"]
    for name, member, forms in members(api):
        if (
            member in ("circuit_breaker", "circuit_breakers")
            and name != "Registration.circuit_breaker"
        ):
            assert "schemas/Breaker'" in str(forms), name


def test_what_leads_on_is_a_page(api: dict[str, Any], operation: Callable[..., Any]) -> None:
    """Every list with a cursor answers `items` and `next`, and nothing else does."""
    models = api["components"]["schemas"]
    pages = {name for name, model in models.items() if "next" in model.get("properties", {})}
    assert all("items" in models[name]["properties"] for name in pages)
    for name, found in operations(api).items():
        takes_cursor = any(each["name"] == "cursor" for each in found["parameters"])
        content = found["responses"].get("200", {}).get("content", {}).get("application/json", {})
        model = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
        assert takes_cursor == (model in pages), name
