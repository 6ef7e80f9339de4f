"""Every panel and page tells what is so, and follows what others do without a reload."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page

from tests.integration.page.home import ALERT, Home
from tests.support.browser import Watched, watched
from tests.support.waiting import wait_until

_NUMBERS = count(1)


@dataclass(frozen=True)
class Panel:
    """`section` of the page at `path`. Somebody else changes something, for a reason; then it tells
    these texts."""

    path: str
    section: str
    change: Callable[[Home, str], object]
    tells: Callable[[Home, str], list[str]]

    def __str__(self) -> str:
        return f"{self.path} {self.section}"


def hold(home: Home, why: str) -> None:
    home.act("open", reason=why, expires_in_seconds=600)


def silence(home: Home, why: str) -> None:
    home.send(f"/alerts/{ALERT}/silence", duration_seconds=600, reason=why)


def ask(what: str) -> Callable[[Home, str], object]:
    """Plex, in vain; each panel for something else."""
    return lambda home, why: home.server.get(f"/api/v1/media/{what}")


def wait(home: Home, why: str) -> None:
    home.last = home.request_film()


def watch(home: Home, why: str) -> None:
    home.forget("attic")
    home.watch("attic")


def drop(home: Home, why: str) -> None:
    home.send(f"/queue/{home.last}", "DELETE", reason=why)


def score(home: Home, why: str) -> list[str]:
    found = home.get("/status")["score"]
    known = [each for each in found["deductions"] if each["what"] in home.names()]
    lost = [text for each in known for text in (each["what"], each["why"])]
    return [str(found["score"]), found["rating"], *lost, "holds the breaker overseerr open"]


def firing(home: Home, why: str) -> list[str]:
    return [each["message"] for each in home.get("/alerts")["firing"]]


def queue(home: Home, why: str) -> list[str]:
    found = home.get("/queue")["queue"]
    return [f"{found['pending']} wait", f"{found['dead']} could not be done"]


def recoveries(home: Home, why: str) -> list[str]:
    """What was queued since the start."""
    found = home.get("/metrics")["recovery"].get("queue-for-later")
    if found is None:  # it is looked at now and then
        return ["queue-for-later"]
    return [f"queue-for-later {found['returned']} {found['recovered']}"]


def failures(home: Home, why: str) -> list[str]:
    newest = home.get("/recovery/history")["items"][0]
    return [f"{newest['operation']} saved by queue-for-later", newest["error"]["message"]]


def breakers(home: Home, why: str) -> list[str]:
    found = home.get("/circuit-breakers")["circuit_breakers"]
    return [*(each["name"] for each in found), "held open"]


def breaker(home: Home, why: str) -> list[str]:
    found = home.server.breaker("overseerr")
    bounds = [f"{name} {found['config'][name]}" for name in ("failure_threshold", "counting")]
    openings = f"openings {found['openings_in_a_row']} {found['totals']['openings']}"
    return ["held open", f"{why} by operator", openings, *bounds]


def overseerr(home: Home, why: str) -> list[str]:
    found = home.get("/dependencies/overseerr")
    return [found["health"]["status"], found["criticality"], "held open"]


PANELS = (
    Panel("/", ".verdict", hold, score),
    Panel("/", ".board", hold, lambda home, why: [*home.names(), "held open", f"operator · {why}"]),
    Panel("/", "[aria-labelledby=alerts]", silence, lambda *_: [*firing(*_), "silenced"]),
    Panel("/", "[aria-labelledby=queue]", wait, queue),
    Panel("/", "[aria-labelledby=happened]", hold, lambda home, why: [f"held open: {why}"]),
    Panel(
        "/", "[aria-labelledby=routes]", ask("sessions"), lambda *_: ["GET /api/v1/media/sessions"]
    ),
    Panel("/", "[aria-labelledby=recovery]", wait, recoveries),
    Panel("/breakers", "table", hold, breakers),
    Panel("/breakers", "main", hold, lambda home, why: [f"is held open, {why}"]),
    Panel("/breakers/overseerr", "main", hold, breaker),
    Panel(
        "/alerts", "main", silence, lambda home, why: [*firing(home, why), f"{ALERT} until", why]
    ),
    Panel("/queue", "main", wait, queue),
    Panel("/queue/<>", "main", drop, lambda *_: ["there is no deferred operation"]),
    Panel("/dependencies", "table", watch, lambda home, why: home.names()),
    Panel("/dependencies/overseerr", "main", hold, overseerr),
    Panel("/events", "main", hold, lambda home, why: [f"held open by operator: {why}"]),
    Panel("/recovery", "main", wait, lambda *_: [*failures(*_), *recoveries(*_)]),
    Panel("/routes", "table", ask("libraries"), lambda *_: ["GET /api/v1/media/libraries"]),
    Panel("/audit", "table", hold, lambda home, why: ["circuit-breaker.open", "overseerr", why]),
)


@pytest.fixture(autouse=True)
def _quiet(home: Home) -> None:
    """Nothing is held, silenced or watched more than usual."""
    for name in ("overseerr", "plex"):
        home.act("reset", name)
    home.forget("attic")
    for key in home.silences():
        home.send(f"/alerts/{key}/silence", "DELETE")


@pytest.fixture(scope="module")
def seen(browser: Browser) -> Iterator[Watched]:
    """A page on a clock of its own."""
    with watched(browser) as found:
        found.page.clock.install()
        yield found


@pytest.fixture(scope="module")
def without_script(browser: Browser) -> Iterator[Page]:
    with watched(browser, java_script_enabled=False) as found:
        yield found.page
        found.complaints.clear()  # Chromium tells of a 404 itself


@pytest.mark.parametrize("panel", PANELS, ids=str)
def test_what_others_do_is_seen_without_a_reload(
    seen: Watched, without_script: Page, home: Home, panel: Panel
) -> None:
    why = f"moving, {next(_NUMBERS)}"
    if panel.change is drop:
        wait(home, why)
    url = home.url + panel.path.replace("<>", home.last)
    seen.page.goto(url)
    seen.page.evaluate("window.loaded = 'once'")
    before = text_of(seen.page, panel)
    panel.change(home, why)
    wait_until(
        lambda: follows(seen.page) and tells(seen.page, panel, home, why, new_to=before),
        told=lambda: (text_of(seen.page, panel), panel.tells(home, why)),
    )
    assert seen.page.evaluate("window.loaded") == "once"
    assert not seen.complaints
    assert seen.hosts == {urlsplit(home.url).netloc}
    wait_until(lambda: without_script.goto(url) and tells(without_script, panel, home, why))


def follows(page: Page) -> bool:
    """Let the page ask once more."""
    with page.expect_response(re.compile("fragment")):
        page.clock.run_for(2_000)
    return True


TEXT = """section => {
  const walker = document.createTreeWalker(section, NodeFilter.SHOW_TEXT), found = [];
  while (walker.nextNode()) found.push(walker.currentNode.textContent);
  return found.join(" ");
}"""
"""That of an element, also of its drawings, with blanks between its parts."""


def text_of(page: Page, panel: Panel) -> str:
    found = page.locator(panel.section)
    return " ".join(found.first.evaluate(TEXT).split()) if found.count() else ""


def tells(page: Page, panel: Panel, home: Home, why: str, new_to: str = "") -> bool:
    """Whether it tells all that is so, and not all of it was told before."""
    wanted = panel.tells(home, why)
    shown = text_of(page, panel)
    return all(each in shown for each in wanted) and not all(each in new_to for each in wanted)
