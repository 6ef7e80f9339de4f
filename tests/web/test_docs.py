"""`/docs`: the document, as a page and as JSON."""

import re
from collections.abc import Callable

import pytest
from flask import Flask, render_template
from werkzeug.test import TestResponse

from tests.support.narrowing import not_none

PATHS = ["/docs", "/docs/openapi.json"]


@pytest.fixture
def page(make_app: Callable[..., Flask]) -> TestResponse:
    return make_app().test_client().get("/docs")


@pytest.mark.parametrize("path", PATHS)
def test_viewers_may_read_it(make_app: Callable[..., Flask], path: str) -> None:
    client = make_app(env="production").test_client()
    assert client.get(path).status_code == 401
    headers = {"Authorization": "Bearer the-client-token"}
    assert client.get(path, headers=headers).status_code == 403
    headers = {"Authorization": "Bearer the-viewer-token"}
    assert client.get(path, headers=headers).status_code == 200


@pytest.mark.parametrize("path", PATHS)
def test_in_development_everybody_may(make_app: Callable[..., Flask], path: str) -> None:
    answer = make_app(env="development").test_client().get(path)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_json_is_the_document(make_app: Callable[..., Flask]) -> None:
    answer = make_app().test_client().get("/docs/openapi.json")
    assert answer.content_type == "application/json"
    assert answer.get_json()["info"]["title"] == "MediaNest"


def test_the_page_has_each_operation_with_its_role(
    page: TestResponse, make_app: Callable[..., Flask]
) -> None:
    assert page.content_type.startswith("text/html")
    api = not_none(make_app().test_client().get("/docs/openapi.json").json)
    for path, methods in api["paths"].items():
        assert f'<span class="path">{path}</span>' in page.text
        for operation in methods.values():
            assert f'<details id="{operation["operationId"]}">' in page.text
    assert '<span class="role">operator</span>' in page.text
    assert '<span class="role">public</span>' in page.text


def test_each_link_leads_somewhere(page: TestResponse) -> None:
    targets = set(re.findall(r'id="([^"]+)"', page.text))
    links = set(re.findall(r'href="#([^"]+)"', page.text))
    assert links
    assert links <= targets


def test_the_page_needs_nothing_from_elsewhere(page: TestResponse) -> None:
    assert "<script" not in page.text
    assert not re.search(r'(src|href)="(https?:)?//', page.text)


def test_whatever_stands_in_the_document_is_escaped(make_app: Callable[..., Flask]) -> None:
    evil = "<script>alert('`x`')</script>"
    schema = {"type": "string", "default": evil, "description": evil}
    operation = {
        "operationId": "evil",
        "summary": evil,
        "description": evil,
        "security": [{"bearer": [evil]}],
        "parameters": [
            {"name": evil, "in": "query", "schema": schema, "required": True, "description": evil}
        ],
        "responses": {"200": {"description": evil}},
    }
    api = {
        "openapi": "3.1.0",
        "info": {"title": evil, "version": evil, "description": evil},
        "tags": [{"name": evil, "description": evil}],
        "components": {"schemas": {evil: {"description": evil, "properties": {evil: schema}}}},
    }
    with make_app().test_request_context():
        html = render_template("docs.html", api=api, operations={evil: [("GET", evil, operation)]})
    assert "<script" not in html
