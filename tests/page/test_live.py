"""An open page is sent again only when there is something new to see."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask

from medianest.jobs import Job
from medianest.page.live import alike
from medianest.resilience import ManualClock
from medianest.web.container import Container
from tests.page.conftest import Browser

PAGES = ["/", "/dependencies", "/dependencies/database", "/queue", "/alerts", "/events"]


class Idle:
    """An app that nobody asks for anything: its jobs and checks run all the same, and the times
    that its database takes differ."""

    def __init__(self, app: Flask, clock: ManualClock) -> None:
        self._here: Container = app.extensions["medianest"]
        self._clock, self._chance = clock, random.Random(7)
        self._seconds = 0

    def pass_by(self, seconds: int) -> None:
        for _ in range(seconds):
            self._seconds += 1
            self._clock.advance(1 + self._chance.uniform(-0.01, 0.01))
            for job in self._due():
                job.run()
                self._ask_database()

    def _due(self) -> Iterator[Job]:
        for job in self._here.jobs():
            if self._seconds % max(1, round(job.every)) == 0:
                yield job
        if self._seconds % 10 == 0:
            for check in self._here.monitoring.monitor.checks():
                self._here.monitoring.monitor.run(check.name)
        self._here.monitoring.monitor.beat()

    def _ask_database(self) -> None:
        took = self._chance.uniform(0.0015, 0.0017)
        self._here.registry.dependency("database").pipeline.call(lambda: self._clock.advance(took))


@pytest.fixture
def app(make_app: Callable[..., Flask], tables: None) -> Flask:
    """Nothing that it is to have is away, or it would count down to each check."""
    return make_app("development", sandbox=False)


def test_a_page_is_not_taken_for_another_that_shows_the_same(app: Flask) -> None:
    """Keeps out: `all` marked on the page of dead letters, as neither has anything to show."""
    browser = Browser(app.test_client())
    for state in ("dead", "done"):
        browser.get("/queue")
        shown = browser.get(f"/queue?state={state}").text
        assert f'?state={state}" aria-current="true"' in shown


def test_an_idle_page_is_not_sent_again(app: Flask, clock: ManualClock) -> None:
    """Keeps out: a page that is another one with each call that the database gets from the
    program's own jobs, and with each moment of a check."""
    browser, idle = Browser(app.test_client()), Idle(app, clock)
    idle.pass_by(150)  # until the alerts are told and the sparklines are full
    tags = {path: browser.get(f"{path}?fragment").headers["ETag"] for path in PAGES}
    sent = dict.fromkeys(PAGES, 0)
    for _ in range(30):
        idle.pass_by(2)
        for path, tag in tags.items():
            answer = browser.get(f"{path}?fragment", **{"If-None-Match": tag})
            sent[path] += answer.status_code != 304
            tags[path] = answer.headers["ETag"]
    assert max(sent.values()) <= 2, sent  # each half a minute all figures are shown as they are


def test_a_proxy_that_packs_pages_does_not_have_them_sent_again(app: Flask) -> None:
    """It makes their tags weak."""
    browser = Browser(app.test_client())
    tag = browser.get("/recovery?fragment").headers["ETag"]
    answer = browser.get("/recovery?fragment", **{"If-None-Match": f"W/{tag}"})
    assert answer.status_code == 304


def test_what_happens_is_sent_at_once(app: Flask, clock: ManualClock) -> None:
    browser = Browser(app.test_client())
    tag = browser.get("/?fragment").headers["ETag"]
    assert browser.get("/?fragment", **{"If-None-Match": tag}).status_code == 304
    app.extensions["medianest"].registry.find_breaker("database").open("a test")
    answer = browser.get("/?fragment", **{"If-None-Match": tag})
    assert answer.status_code == 200
    assert answer.headers["ETag"] != tag


def test_what_counts_down_is_no_news(app: Flask, clock: ManualClock) -> None:
    """Keeps out: an open breaker whose words say in how many seconds it is tried again."""
    here: Container = app.extensions["medianest"]
    here.service.register_dependency(
        "billing", circuit_breaker={"failure_threshold": 1, "jitter": 0}, retry=None
    )
    with pytest.raises(ZeroDivisionError):
        here.service.execute("billing", lambda: 1 / 0)
    paths = ("/", "/breakers", "/breakers/billing", "/dependencies", "/dependencies/billing")
    browser = Browser(app.test_client())
    for path in paths:
        assert "next probe" in browser.get(path).text.lower()
        tag = browser.get(f"{path}?fragment").headers["ETag"]
        for _ in range(3):
            clock.advance(1)
            clock.set_by(-3e-6)  # two looks at a real clock never agree wholly
            here.monitoring.reporter.forget()
            answer = browser.get(f"{path}?fragment", **{"If-None-Match": tag})
            assert answer.status_code == 304, answer.text


def test_each_role_and_each_prefix_has_a_page_of_its_own(app: Flask) -> None:
    browser = Browser(app.test_client())
    seen = browser.get("/?fragment").headers["ETag"]
    below = browser.client.get("/?fragment", base_url="http://localhost/nest")
    browser.log_in()
    assert len({seen, below.headers["ETag"]}) == 2
    assert "Silence" not in below.text


@dataclass(frozen=True)
class Seen:
    took: float | None
    name: str = "plex"
    calls: tuple[Any, ...] = ()


@pytest.mark.parametrize(
    ("before", "after", "is_alike"),
    [
        (Seen(0.010), Seen(0.012), True),
        (Seen(0.010), Seen(0.016), False),
        (Seen(0.010), Seen(None), False),
        (Seen(0.0), Seen(0.0001), False),  # the first failure of many calls
        (Seen(0.0), Seen(0.0), True),
        (Seen(None), Seen(None, "overseerr"), False),
        (Seen(None, calls=(None, (100.0, 0.0))), Seen(None, calls=(None, (98.0, 0.0))), True),
        (Seen(None, calls=(None, (100.0, 0.0))), Seen(None, calls=(None, (98.0, 1.0))), False),
        (Seen(None, calls=(1.0,)), Seen(None, calls=(1.0, 1.0)), False),
        (20, 21, False),  # dead letters, the score: counts are exact
        (1.5, 1, False),
    ],
)
def test_only_what_is_measured_may_differ_a_little(before: Any, after: Any, is_alike: bool) -> None:
    assert alike(before, after) is is_alike
