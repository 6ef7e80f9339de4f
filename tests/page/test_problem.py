"""Errors outside of the pages: a page for people, a problem for programs."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests.page.conftest import SAME_ORIGIN, Browser

CHROME = "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8"
PROBLEM = "application/problem+json"


@pytest.fixture
def app(make_app: Callable[..., Flask], tables: None) -> Flask:
    return make_app("development", sandbox=False, max_body_bytes=1024)


def broken() -> str:
    raise ZeroDivisionError


def ask(app: Flask, method: str, path: str, accept: str, **options: Any) -> Any:
    headers = {"Accept": accept, **SAME_ORIGIN}
    return Browser(app.test_client()).client.open(path, method=method, headers=headers, **options)


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "told"),
    [
        ("GET", "/nowhere", {}, 404, "Nothing exists at this path."),
        ("GET", "/api/v1/helth", {}, 404, "Nothing exists at this path."),
        ("DELETE", "/events", {}, 405, "The path exists, but not for this method"),
        ("POST", "/login", {"data": {"token": "x" * 2000}}, 413, "larger than this server accepts"),
        ("POST", "/login", {"base_url": "http://evil.example"}, 421, "is not allowed"),
        ("GET", "/broken", {}, 500, "the log has it"),
    ],
)
def test_people_get_a_page_and_programs_a_problem(
    app: Flask, method: str, path: str, options: dict[str, Any], status: int, told: str
) -> None:
    """Keeps out: JSON for whoever has mistyped an address."""
    app.add_url_rule("/broken", view_func=broken)
    app.testing = False
    app.config["PROPAGATE_EXCEPTIONS"] = False
    page = ask(app, method, path, CHROME, **options)
    assert (page.status_code, page.mimetype) == (status, "text/html")
    assert told in page.text
    assert 'href="/">To the front page</a>' in page.text
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src")
    for accept in ("*/*", "application/json", PROBLEM):
        problem = ask(app, method, path, accept, **options)
        assert (problem.status_code, problem.mimetype) == (status, PROBLEM)
        assert told in problem.json["detail"]
        assert page.headers.get("Allow") == problem.headers.get("Allow")


def test_a_server_that_is_busy_says_when_to_come_again(
    make_app: Callable[..., Flask], tables: None
) -> None:
    app = make_app("development", sandbox=False, max_in_flight=1)
    pages: list[Any] = []

    @app.get("/one")
    def one() -> str:
        pages.append(ask(app, "GET", "/two", CHROME))
        return ""

    assert ask(app, "GET", "/one", CHROME).status_code == 200
    (page,) = pages
    assert (page.status_code, page.mimetype) == (503, "text/html")
    assert "Try again in" in page.text
    assert page.headers["Retry-After"]


def test_an_endpoint_answers_everybody_alike(app: Flask) -> None:
    """It is read by programs alone, also by those that send what a browser sends."""
    answer = ask(app, "GET", "/api/v1/media/search", CHROME)
    assert (answer.status_code, answer.mimetype) == (422, PROBLEM)


def test_what_is_told_is_text(app: Flask) -> None:
    page = ask(app, "GET", "/<script>alert(1)</script>", CHROME)
    assert page.status_code == 404
    assert "<script" not in page.text
