"""The page of an app that is not ours, in a real browser."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from flask import Flask, redirect, request
from playwright.sync_api import Browser, expect
from werkzeug.serving import make_server
from werkzeug.wrappers import Response

from medianest.flask import Resilience
from medianest.resilience import Registry
from tests.support.browser import watched


class App:
    """A shop that lets in who comes with a cookie."""

    def __init__(self) -> None:
        self.app = Flask("shop")
        self.app.testing = True
        self.resilience = Resilience(
            self.app, registry=Registry(), endpoints="/resilience", page=True, authorize=self.may
        )
        self.reports = self.resilience.registry.breaker("reports", failure_threshold=1)
        self.app.add_url_rule("/sign-in", view_func=self.sign_in)
        self._server = make_server("127.0.0.1", 0, self.app, threaded=True)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.port}"

    def may(self, role: str) -> str | Response:
        return request.cookies.get("who") or redirect("/sign-in")

    def sign_in(self) -> Response:
        response = redirect("/resilience/page/")
        response.set_cookie("who", "ada", httponly=True)
        return response

    def fail(self) -> None:
        with pytest.raises(ZeroDivisionError):
            self.reports.call(lambda: 1 / 0)

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def shop() -> Iterator[App]:
    made = App()
    yield made
    made.stop()


def test_its_breaker_is_seen_to_open_and_closed_by_hand(browser: Browser, shop: App) -> None:
    """Signed in by the app's own means, without a reload, under the strict policy."""
    with watched(browser) as seen:
        page = seen.page
        page.goto(f"{shop.url}/resilience/page/")
        expect(page.get_by_role("link", name="shop")).to_be_visible()
        expect(page.locator(".board li")).to_have_count(0)
        shop.fail()
        line = page.locator(".board li", has_text="reports")
        expect(line).to_contain_text("division by zero")
        line.get_by_role("link", name="open").click()
        page.get_by_text("Close it; reset it").click()
        page.locator("#close").get_by_label("Why").fill("it is well again")
        page.get_by_role("button", name="Close", exact=True).click()
        expect(page.get_by_text("reports is closed.")).to_be_visible()
        assert shop.reports.state.value == "closed"
