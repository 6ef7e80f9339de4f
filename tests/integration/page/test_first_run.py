"""The first run: what `medianest serve` prints is all that a newcomer needs to see Plex go and come
back on the page."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.support import ROOT
from tests.support.browser import watched
from tests.support.ports import free_port
from tests.support.waiting import wait_until


class FirstRun:
    """The server as `make run` starts it, in an empty folder."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "log"
        clean = {k: v for k, v in os.environ.items() if not k.startswith("MEDIANEST_")}
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "medianest", "serve"],
                cwd=folder,
                env={**clean, "PORT": str(free_port()), "PYTHONPATH": str(ROOT)},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def printed(self, pattern: str) -> str:
        """What it prints that looks so."""
        wait_until(lambda: re.search(pattern, self._log.read_text()), 30, told=self._log.read_text)
        return re.findall(pattern, self._log.read_text())[0]

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(20)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[FirstRun]:
    running = FirstRun(tmp_path)
    yield running
    running.stop()


def shell(command: str) -> None:
    """A printed command, as somebody pastes it."""
    subprocess.run(command, shell=True, capture_output=True, check=True, timeout=20)


@pytest.mark.slow
def test_a_newcomer_sees_plex_go_and_come_back(browser: Browser, run: FirstRun) -> None:
    with watched(browser) as seen:
        page = seen.page
        page.goto(run.printed(r"page: +(http\S+)"))
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        plex = page.locator(".board li", has_text="plex-media-server")
        expect(plex.locator(".says b")).to_have_text("healthy")
        page.evaluate("window.loaded = 'once'")

        shell(run.printed(r"curl -X POST .*"))
        expect(plex).to_contain_text("connection reset by peer", timeout=3_000)
        expect(plex).to_contain_text("checked every 500 ms")
        shell(run.printed(r"for n in .*"))
        expect(plex.locator(".breaker")).to_contain_text("open", timeout=3_000)
        countdown = plex.locator(".calls time")
        expect(countdown).to_have_text(re.compile(r"in \d s"))
        first = countdown.inner_text()
        expect(countdown).not_to_have_text(first)

        shell(run.printed(r"curl -X DELETE .*"))
        expect(plex.locator(".says b")).to_have_text("healthy", timeout=20_000)
        expect(plex.locator(".breaker")).to_contain_text("closed", timeout=20_000)
        expect(page.get_by_role("heading", level=1)).to_have_text("Everything works")
        assert page.evaluate("window.loaded") == "once"
