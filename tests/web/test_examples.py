"""The examples of the document: each is one that its schema, its model and the app accept."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from openapi_schema_validator import OAS31Validator, oas31_format_checker

from medianest.storage.schema import head_revision
from medianest.web.endpoint import endpoint_of
from medianest.web.example_values import VALUES
from medianest.web.openapi import document


@pytest.fixture
def app(make_app: Callable[..., Flask], tables: None) -> Flask:
    """In production, where every role needs its token."""
    return make_app("production", plex={"url": "http://127.0.0.1:1"})


@pytest.fixture
def api(app: Flask) -> dict[str, Any]:
    return document(app)


def operations(api: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for path, methods in api["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def faults(api: dict[str, Any], schema: Any, value: Any) -> list[str]:
    """What a schema of the document has against a value."""
    whole = {**schema, "components": api["components"]}
    found = OAS31Validator(whole, format_checker=oas31_format_checker).iter_errors(value)
    return [f"{fault.json_path}: {fault.message}" for fault in found]


def usual(operation: Any) -> Any:
    """What an operation answers with when all is well, by type."""
    status = next(iter(operation["responses"]))
    return status, operation["responses"][status].get("content", {})


def test_faults_are_found(api: dict[str, Any]) -> None:
    health = {"$ref": "#/components/schemas/Health"}
    good = {"status": "healthy", "version": "1", "environment": "testing", "uptime_seconds": 1.0}
    assert faults(api, health, good | {"checked_at": "2026-01-31T12:00:00.000Z"}) == []
    assert faults(api, health, good | {"checked_at": "noon"}) == [
        "$.checked_at: 'noon' is not a 'date-time'"
    ]
    assert faults(api, health, good) != []


def test_each_operation_has_an_example_of_its_answer_that_its_schema_allows(
    api: dict[str, Any],
) -> None:
    for name, operation in operations(api):
        status, content = usual(operation)
        assert content or status == "204", name
        for kind, each in content.items():
            assert faults(api, each["schema"], each["example"]) == [], f"{name}: {kind}"


def test_each_model_accepts_the_example_of_its_answer(app: Flask, api: dict[str, Any]) -> None:
    for rule in app.url_map.iter_rules():
        known = endpoint_of(app.view_functions[rule.endpoint])
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"} if known else ():
            path = re.sub("<(?:[a-z]+:)?([a-z_]+)>", r"{\1}", rule.rule)
            operation = api["paths"].get(path, {}).get(method.lower())
            content = usual(operation)[1].get("application/json") if operation else None
            if known is not None and content is not None:
                model = next(iter(known.answers.values()))
                assert model is not None
                model.model_validate(content["example"])


def test_every_example_of_a_body_and_a_parameter_is_one_that_its_schema_allows(
    api: dict[str, Any],
) -> None:
    for name, operation in operations(api):
        for parameter in operation["parameters"]:
            for value in parameter["schema"].get("examples", ()):
                assert faults(api, parameter["schema"], value) == [], (name, parameter["name"])
            has_value = {"examples", "default"} & set(parameter["schema"])
            assert has_value or not parameter["required"], (name, parameter["name"])
    for name, schema in api["components"]["schemas"].items():
        for value in schema.get("examples", ()):
            assert faults(api, schema, value) == [], name


def test_each_model_of_a_body_accepts_all_its_examples(app: Flask, api: dict[str, Any]) -> None:
    known = [endpoint_of(view) for view in app.view_functions.values()]
    bodies = [each.body for each in known if each is not None and each.body is not None]
    assert bodies
    with app.app_context():  # which knows what names are short for
        for body in bodies:
            for example in api["components"]["schemas"][body.__name__]["examples"]:
                body.model_validate(example)


def test_the_tables_of_the_examples_are_those_of_this_version() -> None:
    assert VALUES["revision"] == VALUES["wanted_revision"] == head_revision()


def texts(value: Any, where: str = "") -> Iterator[tuple[str, str]]:
    """Each text in a value, with the member that has it."""
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, list):
        for each in value:
            yield from texts(each, where)
    elif isinstance(value, dict):
        for member, each in value.items():
            yield from texts(each, member)


def test_no_example_is_empty(api: dict[str, Any]) -> None:
    """Whoever adds a member gives it a value in medianest/web/example_values.py."""
    for name, operation in operations(api):
        for content in usual(operation)[1].values():
            empty = [member for member, text in texts(content["example"]) if not text]
            assert empty == [], f"{name}: no value is known for {empty}"
