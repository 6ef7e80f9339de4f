"""The page follows what happens, and leaves alone what somebody does on it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from medianest.sandbox import SandboxProcess
from tests.integration.page.conftest import log_in
from tests.support.browser import watched
from tests.support.server import Server


@pytest.fixture(autouse=True)
def _well(server: Server, sandboxes: tuple[SandboxProcess, SandboxProcess]) -> Iterator[None]:
    yield
    sandboxes[0].clear_faults()
    server.act("reset")


@pytest.mark.slow
def test_plex_goes_and_comes_back_without_a_reload(
    browser: Browser, server: Server, sandboxes: tuple[SandboxProcess, SandboxProcess]
) -> None:
    plex, _ = sandboxes
    for _ in range(3):
        server.get("/api/v1/media/libraries")
    with watched(browser) as seen:
        page = seen.page
        page.goto(server.url)
        line = page.locator(".board li", has_text="plex-media-server")
        expect(line.locator(".says b")).to_have_text("healthy")
        page.evaluate("window.loaded = 'once'")
        began = time.monotonic()
        plex.fault("reset")
        expect(line).to_contain_text("connection reset by peer", timeout=3_000)
        assert time.monotonic() - began < 3
        for _ in range(4):
            server.get("/api/v1/media/search?query=nothing-known")
        expect(line.locator(".breaker")).to_contain_text("open")
        expect(line).to_contain_text(re.compile(r"next probe in \d s"))
        first = line.locator(".calls time").inner_text()
        expect(line.locator(".calls time")).not_to_have_text(first)  # it counts down
        expect(page).to_have_title(re.compile("plex-media-server"))
        expect(page.locator("link[rel=icon]")).to_have_attribute(
            "href", re.compile("icon-(warn|bad)")
        )
        plex.clear_faults()
        expect(line.locator(".says b")).to_have_text("healthy", timeout=20_000)
        expect(line.locator(".breaker")).to_contain_text("closed", timeout=20_000)
        assert page.evaluate("window.loaded") == "once"


def test_what_somebody_types_stays_over_five_polls(browser: Browser, server: Server) -> None:
    """Keeps out: a poll closes what was opened, and takes away what was typed."""
    with watched(browser) as seen:
        page = seen.page
        page.clock.install()
        log_in(page, server.url)
        page.goto(f"{server.url}/breakers/plex-media-server")
        page.locator("summary", has_text="Hold it open").click()
        reason = page.locator("#hold input[name=reason]")
        reason.press_sequentially("moving the")
        for _ in range(5):
            server.get("/api/v1/media/libraries")  # so that each poll has something new
            with page.expect_response(re.compile("fragment")) as answer:
                page.clock.run_for(2_000)
            assert answer.value.status == 200
        expect(reason).to_have_value("moving the")
        expect(reason).to_be_focused()
        reason.press_sequentially(" server")
        page.locator("summary", has_text="Switch it off").click()  # another one: it is not touched
        with page.expect_response(re.compile("fragment")):
            page.clock.run_for(2_000)
        expect(reason).to_have_value("moving the server")
        expect(page.locator("#off input[name=reason]")).to_be_visible()


def test_a_page_that_nobody_sees_asks_nothing(browser: Browser, server: Server) -> None:
    with watched(browser) as seen:
        page = seen.page
        page.clock.install()
        page.goto(server.url)
        hide = "Object.defineProperty(document, 'hidden', {value: %s, configurable: true});"
        told = "document.dispatchEvent(new Event('visibilitychange'))"
        page.evaluate(hide % "true" + told)
        page.clock.run_for(60_000)
        assert seen.polls() == 0
        with page.expect_response(re.compile("fragment")):
            page.evaluate(hide % "false" + told)


def test_a_lost_connection_is_told_and_found_again(browser: Browser, server: Server) -> None:
    with watched(browser) as seen:
        page = seen.page
        page.goto(server.url)
        page.context.set_offline(True)
        expect(page.locator("#lost")).to_contain_text(re.compile(r"lost (just now|\d+ s ago)"))
        page.context.set_offline(False)
        expect(page.locator("#lost")).to_be_hidden()
        seen.complaints.clear()  # Chromium tells of it itself


def test_a_page_lives_though_its_script_came_late(browser: Browser, server: Server) -> None:
    with watched(browser) as seen:
        page = seen.page
        page.route("**/page.js*", lambda route: route.abort())
        page.goto(server.url)
        expect(page.locator("#lost")).to_contain_text("Connection lost just now")
        page.unroute("**/page.js*")
        with page.expect_response(re.compile("fragment")):
            expect(page.locator("#lost")).to_be_hidden()
        seen.complaints.clear()  # Chromium tells of it itself


@pytest.mark.parametrize("body", ["<h1>The proxy: log in</h1>", ""])
def test_what_somebody_else_answers_is_not_shown(
    browser: Browser, server: Server, body: str
) -> None:
    """Keeps out: the form of a proxy, or nothing at all, in place of the page."""
    with watched(browser) as seen:
        page = seen.page
        page.route(
            "**/*fragment*", lambda route: route.fulfill(body=body, content_type="text/html")
        )
        page.goto(f"{server.url}/recovery")
        lost = page.locator("#lost")
        expect(lost).to_be_visible()
        assert re.search(r"lost (just now|\d+ s ago)", lost.inner_text())
        assert "Recovery" in page.locator("main").inner_text()
        page.unroute("**/*fragment*")
        expect(lost).to_be_hidden()


def test_an_idle_page_is_answered_with_304(browser: Browser, server: Server) -> None:
    with watched(browser) as seen:
        page = seen.page
        page.clock.install()
        page.goto(f"{server.url}/recovery")
        for _ in range(3):
            with page.expect_response(re.compile("fragment")) as answer:
                page.clock.run_for(2_000)
            assert answer.value.status == 304


def test_a_session_that_ends_leads_to_the_login(browser: Browser, server: Server) -> None:
    with watched(browser) as seen:
        page = seen.page
        log_in(page, server.url)
        page.goto(f"{server.url}/breakers/plex-media-server")
        page.context.clear_cookies()
        page.locator("summary", has_text="Hold it open").click()
        page.locator("#hold input[name=reason]").fill("too late")
        page.get_by_role("button", name="Hold it open").click()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert server.breaker()["state"] == "closed"
