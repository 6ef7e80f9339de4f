"""`/` for programs: where to go on."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from medianest.page.links import Links
from tests.page.conftest import Browser
from tests.support.narrowing import not_none

CHROMIUM = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


@pytest.mark.parametrize("accept", ["application/json", "*/*", "application/json, */*;q=0.1"])
def test_a_program_gets_links(browser: Browser, accept: str) -> None:
    answer = browser.get("/", Accept=accept)
    assert answer.content_type == "application/json"
    assert Links.model_validate(answer.json).documentation == "/docs"


@pytest.mark.parametrize("accept", [CHROMIUM, "text/html", "image/png"])
def test_a_browser_gets_the_page(browser: Browser, accept: str) -> None:
    assert browser.get("/", Accept=accept).content_type == "text/html; charset=utf-8"


def test_what_keeps_the_page_up_to_date_gets_its_fragment(browser: Browser) -> None:
    """Keeps out: links in the place of the page, as scripts accept anything."""
    answer = browser.get("/?fragment", Accept="*/*")
    assert answer.content_type == "text/html; charset=utf-8"


def test_each_link_leads_to_something(browser: Browser) -> None:
    for link in not_none(browser.get("/", Accept="application/json").json).values():
        assert browser.get(link).status_code in (200, 503), link


def test_links_are_where_a_proxy_has_put_the_server(browser: Browser) -> None:
    answer = browser.client.get("/", base_url="http://localhost/media", headers={"Accept": "*/*"})
    assert not_none(answer.json)["openapi"] == "/media/docs/openapi.json"


def test_links_are_for_everybody(make_app: Callable[..., Flask]) -> None:
    """They name paths, and nothing else."""
    client = make_app("production").test_client()
    assert client.get("/", headers={"Accept": "application/json"}).status_code == 200
    assert client.get("/", headers={"Accept": CHROMIUM}).location == "/login?next=/"
