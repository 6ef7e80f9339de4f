"""A real browser: the Chromium of the system, without a window."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Literal
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    sync_playwright,
)

__all__ = ["CHROMIUM", "Watched", "everybody_can_read", "open_browser", "watched"]

COMPLETE: Final = "MEDIANEST_TEST_COMPLETE" in os.environ
"""Whether what is missing here fails the test: read before tests clear the environment."""

CHROMIUM: Final = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)

_OF_COLOURS: Final = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
_LOOKED_FOR: Final[Mapping[Literal["light", "dark"], Mapping[str, Any]]] = {
    "light": {},
    "dark": {"runOnly": _OF_COLOURS},
}


@contextmanager
def open_browser(*arguments: str) -> Iterator[Browser]:
    """The browser, which ends with the block; skips where there is none."""
    if CHROMIUM is None:
        assert not COMPLETE, "there is no Chromium"
        pytest.skip("no browser here: apt-get install chromium")
    # As root it starts without its own sandbox only.
    options = ["--no-sandbox", "--disable-dev-shm-usage", *arguments]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield browser
        browser.close()


class Watched:
    """A page, with what it complains about and whom it asks."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.asked: list[Request] = []
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.asked.append(request))

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    @property
    def hosts(self) -> set[str]:
        """Whom it asked for anything."""
        return {urlsplit(request.url).netloc for request in self.asked}

    def polls(self) -> int:
        """How often it asked whether something has changed."""
        return sum("fragment" in request.url for request in self.asked)


@contextmanager
def watched(browser: Browser, **options: Any) -> Iterator[Watched]:
    """A page in a profile of its own, in which nothing went wrong at the end."""
    context: BrowserContext = browser.new_context(**options)
    context.set_default_timeout(10_000)
    seen = Watched(context.new_page())
    try:
        yield seen
        assert not seen.complaints, "\n".join(seen.complaints)
    finally:
        context.close()


def everybody_can_read(page: Page) -> None:
    """axe finds nothing on the page, in the light or in the dark. All that differs between them is
    colours, so in the dark it looks at these."""
    for scheme, options in _LOOKED_FOR.items():
        page.emulate_media(color_scheme=scheme)
        found = Axe().run(page, options={"resultTypes": ["violations"], **options})
        assert found.violations_count == 0, f"{page.url}, {scheme}: {found.generate_report()}"
