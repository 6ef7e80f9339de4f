"""A browser before a server of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from medianest.sandbox import SandboxProcess
from tests.integration.page.home import Home, home_in
from tests.support.browser import open_browser
from tests.support.server import OPERATOR, Server

expect.set_options(timeout=10_000)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One for all: each test looks at its pages in a profile of its own."""
    with open_browser("--host-resolver-rules=MAP *.lan 127.0.0.1") as found:
        yield found


@pytest.fixture(scope="module")
def sandboxes() -> Iterator[tuple[SandboxProcess, SandboxProcess]]:
    """Plex and Overseerr."""
    with (
        SandboxProcess.start(kind="plex", port=0) as plex,
        SandboxProcess.start(kind="overseerr", port=0) as overseerr,
    ):
        yield plex, overseerr


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory,
    sandboxes: tuple[SandboxProcess, SandboxProcess],
    leaving: list[Server],
) -> Iterator[Server]:
    """In development, with a look at everything each half a second."""
    plex, overseerr = sandboxes
    folder: Path = tmp_path_factory.mktemp("page")
    running = Server(
        folder,
        MEDIANEST_ENV="development",
        MEDIANEST_ALLOWED_HOSTS="nas.lan",
        MEDIANEST_HEALTH_INTERVAL=0.5,
        MEDIANEST_PLEX_URL=plex.url,
        MEDIANEST_PLEX_TOKEN=plex.token,
        MEDIANEST_PLEX_BREAKER_THRESHOLD=3,
        MEDIANEST_PLEX_RESET_TIMEOUT=4,
        MEDIANEST_PLEX_INITIAL_DELAY=0.01,
        MEDIANEST_OVERSEERR_URL=overseerr.url,
        MEDIANEST_OVERSEERR_API_KEY=overseerr.token,
    ).wait_until()
    yield running
    running.leave()
    leaving.append(running)


@pytest.fixture(scope="package")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """One for all whom its state does not disturb."""
    with home_in(tmp_path_factory.mktemp("home")) as found:
        yield found


def log_in(page: Page, url: str, token: str = OPERATOR) -> None:
    """As an operator, or as whose token that is."""
    page.goto(f"{url}/login")
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
