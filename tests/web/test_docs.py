"""`/docs`: the document, as a page and as JSON."""

import re
import shlex
from collections.abc import Callable
from html import unescape
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask, render_template, template_rendered
from werkzeug.test import TestResponse

from tests.support import ROOT
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
            assert f'<div class="inside" id="{operation["operationId"]}">' in page.text
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


def test_what_holds_by_default_is_told_as_json(page: TestResponse) -> None:
    """Keeps out: `False`, and a whole model without values."""
    assert "by default <code>false</code>" in page.text
    assert "None" not in page.text


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
        "responses": {
            "200": {"description": evil, "content": {evil: {"schema": schema, "example": evil}}}
        },
    }
    api = {
        "openapi": "3.1.0",
        "info": {"title": evil, "version": evil, "description": evil},
        "tags": [{"name": evil, "description": evil}],
        "components": {"schemas": {evil: {"description": evil, "properties": {evil: schema}}}},
    }
    with make_app().test_request_context():
        found = {evil: [("GET", evil, operation)]}
        html = render_template("docs.html", api=api, operations=found, server=evil)
    assert "<script" not in html


def commands(app: Flask, **asked: Any) -> dict[str, list[str]]:
    """The words of each command on the page, as a shell takes them, by the operation's name."""
    text = app.test_client().get("/docs", **asked).text
    found = re.findall(r'<div class="inside" id="(\w+)">.*?<pre class="command">(.*?)</pre>', text,
                       re.DOTALL)  # fmt: skip
    lines = {name: unescape(command).replace("\\\n", "") for name, command in found}
    return {name: shlex.split(line) for name, line in lines.items()}


def send(app: Flask, words: list[str], headers: dict[str, str]) -> TestResponse:
    """Have a command do what curl would."""
    url = urlsplit(words[1])
    pairs = list(zip(words[2::2], words[3::2], strict=True))
    options = dict(pairs)
    told = dict(value.split(": ", 1) for flag, value in pairs if flag == "-H")
    return app.test_client().open(
        url.path,
        query_string=url.query,
        method=options.get("-X", "GET"),
        headers={"Accept": "*/*"} | told | headers,
        data=options.get("-d"),
    )


def test_each_command_is_one_that_the_app_takes(
    make_app: Callable[..., Flask], tables: None, operator: dict[str, str]
) -> None:
    """Keeps out: an example that is answered with 400, 415 or 422."""
    app = make_app("production", plex={"url": "http://127.0.0.1:1"})
    found = commands(app, headers=operator)
    api = not_none(app.test_client().get("/docs/openapi.json", headers=operator).json)
    paths = {o["operationId"]: p for p, methods in api["paths"].items() for o in methods.values()}
    assert set(found) == set(paths)
    for name, words in found.items():
        answer = send(app, words, operator)
        allowed = (200, 201, 202, 204, 409, 503) + ((404,) if "{" in paths[name] else ())
        assert answer.status_code in allowed, f"{name}: {answer.text}"


def test_a_command_has_the_token_of_its_role_where_the_server_asks_for_one(
    make_app: Callable[..., Flask], operator: dict[str, str]
) -> None:
    closed = commands(make_app("production"), headers=operator)
    for name, role in (("list_libraries", "CLIENT"), ("get_series", "VIEWER"),
                       ("create_request", "CLIENT"), ("silence_alert", "OPERATOR")):  # fmt: skip
        assert f"Authorization: Bearer $MEDIANEST_{role}_TOKEN" in closed[name]
    assert "Authorization" not in str(closed["get_liveness"])
    open_to_all = commands(make_app("development"))
    assert "Authorization" not in str(open_to_all["get_series"])
    assert "$MEDIANEST_OPERATOR_TOKEN" in str(open_to_all["silence_alert"])


def test_a_command_asks_the_server_where_the_page_was_found(make_app: Callable[..., Flask]) -> None:
    app = make_app()
    for server in ("http://localhost", "https://localhost:8443/media"):
        words = commands(app, base_url=server)["get_liveness"]
        assert words == ["curl", f"{server}/api/v1/health/live"]


def test_the_page_is_made_once_for_each_address(make_app: Callable[..., Flask]) -> None:
    app = make_app()
    made = []

    def count(sender: Flask, template: Any, **_: Any) -> None:
        made.append(template.name)

    with template_rendered.connected_to(count, app):
        for port in (8000, 8000, 8001, 8000):
            app.test_client().get("/docs", base_url=f"http://localhost:{port}")
        assert made == ["docs.html"] * 2


def test_pages_of_many_addresses_are_not_all_kept(
    make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keeps out: a page of half a megabyte for every Host that anybody sends."""
    app = make_app()
    monkeypatch.setattr("medianest.web.views.docs.render_template", lambda *_, **values: "page")
    for port in range(8000, 8040):
        app.test_client().get("/docs", base_url=f"http://localhost:{port}")
    assert len(app.extensions["medianest.docs"]) == 8


def test_it_has_the_colours_of_the_page() -> None:
    def palette(file: str) -> str:
        text = (ROOT / "medianest" / file).read_text("utf-8")
        return text[: text.index("* {")]

    assert "--ground" in palette("page/static/page.css")
    assert palette("web/views/templates/docs.css") == palette("page/static/page.css")
