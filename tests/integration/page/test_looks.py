"""The pages before people: nothing wrong in any of them, for whoever looks and with whatever."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Browser, expect

from tests.integration.page.conftest import log_in
from tests.support.browser import everybody_can_read, watched
from tests.support.server import Server

PAGES = (
    "/", "/breakers", "/breakers/plex-media-server", "/alerts", "/queue", "/dependencies",
    "/dependencies/overseerr", "/events", "/recovery", "/routes", "/audit", "/login", "/nowhere",
)  # fmt: skip


SHORTER = """() => {
  const rest = [...document.querySelectorAll('main > section')].slice(2, -1);
  rest.filter(each => !each.querySelector('#create_request')).forEach(each => each.remove());
  [...document.querySelectorAll('.model')].slice(3).forEach(each => each.remove());
  document.querySelectorAll('details').forEach(each => each.open = true);
}"""
"""Of the documentation leaves the beginning, a section with all that there is and three models, and
opens them: axe takes a minute for the whole."""


@pytest.fixture(scope="module", autouse=True)
def _traffic(server: Server) -> None:
    """Something to see."""
    for number in (550, 603):
        server.get("/api/v1/media/libraries")
        body = json.dumps({"media_type": "movie", "media_id": number}).encode()
        server.get(
            "/api/v1/media/requests", data=body, headers={"Content-Type": "application/json"}
        )


def test_everybody_can_read_every_page(browser: Browser, server: Server) -> None:
    """axe finds nothing, nothing is asked of any other host, and nothing is refused by the policy,
    which a browser would tell on its console."""
    with watched(browser) as seen:
        log_in(seen.page, server.url)
        for path in PAGES[:-1]:
            seen.page.goto(server.url + path)
            everybody_can_read(seen.page)
        assert seen.hosts == {f"127.0.0.1:{server.port}"}


@pytest.mark.parametrize("width", [320, 800, 1080, 3840])
def test_nothing_sticks_out_on_any_screen(browser: Browser, server: Server, width: int) -> None:
    with watched(browser, viewport={"width": width, "height": 700}) as seen:
        log_in(seen.page, server.url)
        for path in (*PAGES[:-1], f"/events?name={'a' * 500}"):
            seen.page.goto(server.url + path)
            assert seen.page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_with_the_keyboard_alone_a_breaker_is_held_open(browser: Browser, server: Server) -> None:
    with watched(browser) as seen:
        page = seen.page
        page.goto(f"{server.url}/login")
        expect(page.get_by_role("textbox")).to_be_focused()  # autofocus waits for the first frame
        page.keyboard.type("the-operator-token")
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        page.goto(f"{server.url}/breakers/overseerr")
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        expect(page.locator("summary", has_text="Hold it open")).to_be_focused()
        for key in ("Enter", "Tab", "Tab"):
            page.keyboard.press(key)
        page.keyboard.type("by hand")
        page.keyboard.press("Enter")
        expect(page.get_by_role("status").first).to_contain_text("overseerr is held open.")
        page.get_by_role("button", name="Let it work by itself again").click()
        expect(page.get_by_role("status").first).to_contain_text("works by itself again")


def test_without_scripts_one_looks_and_acts(browser: Browser, server: Server) -> None:
    with watched(browser, java_script_enabled=False) as seen:
        page = seen.page
        page.goto(f"{server.url}/breakers/overseerr")
        assert page.locator("noscript meta[http-equiv=refresh]").count() == 1
        log_in(page, server.url)
        page.goto(f"{server.url}/breakers/overseerr")
        assert page.locator("noscript meta[http-equiv=refresh]").count() == 0  # one types there
        page.locator("summary", has_text="Hold it open").click()
        page.locator("#hold input[name=reason]").fill("no scripts")
        page.get_by_role("button", name="Hold it open").click()
        expect(page.locator("h1")).to_contain_text("held open")
        page.get_by_role("button", name="Let it work by itself again").click()
        expect(page.locator("h1")).to_contain_text("closed")


def test_what_is_not_there_is_told_on_a_page(browser: Browser, server: Server) -> None:
    with watched(browser) as seen:
        answer = seen.page.goto(f"{server.url}/breakers/nobody")
        assert answer is not None
        assert answer.status == 404
        expect(seen.page.get_by_role("alert")).to_have_text("there is no circuit breaker 'nobody'")
        seen.complaints.clear()  # Chromium tells of the 404 itself


def test_the_page_is_small(browser: Browser, server: Server) -> None:
    """Under 60 KB gzipped, all that a first look loads."""
    import gzip

    with watched(browser) as seen:
        bodies = []
        seen.page.on("response", lambda answer: bodies.append(answer))
        seen.page.goto(server.url)
        seen.page.wait_for_load_state("networkidle")
        sizes = {answer.url: len(gzip.compress(answer.body())) for answer in bodies}
    assert len(sizes) >= 4
    assert sum(sizes.values()) < 60_000, sizes


def test_everybody_can_read_the_documentation(browser: Browser, server: Server) -> None:
    with watched(browser, viewport={"width": 320, "height": 700}) as seen:
        seen.page.goto(f"{server.url}/docs")
        width = "document.documentElement.scrollWidth"
        assert seen.page.evaluate(width) <= 320
        seen.page.evaluate(SHORTER)
        assert seen.page.evaluate(width) <= 320
        everybody_can_read(seen.page)
        assert seen.hosts == {f"127.0.0.1:{server.port}"}


def test_a_link_opens_what_it_leads_to(browser: Browser, server: Server) -> None:
    with watched(browser, java_script_enabled=False) as seen:
        page = seen.page
        page.goto(f"{server.url}/docs#create_request")
        expect(page.locator("#create_request")).to_be_visible()
        expect(page.locator("#list_libraries")).to_be_hidden()
        page.locator("#create_request").get_by_role("link", name="TitleRequest").click()
        expect(page.locator("#model-TitleRequest")).to_be_in_viewport()


def test_with_the_keyboard_alone_an_operation_is_opened(browser: Browser, server: Server) -> None:
    with watched(browser) as seen:
        page = seen.page
        page.goto(f"{server.url}/docs")
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        page.keyboard.press("Enter")
        for _ in range(2):
            page.keyboard.press("Tab")
        first = page.locator(".operation").first
        expect(first.locator("summary").first).to_be_focused()
        page.keyboard.press("Enter")
        expect(first.locator(".command")).to_be_visible()
