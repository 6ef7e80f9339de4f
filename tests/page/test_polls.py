"""Polls of idle pages are answered before the app: for a moment, and only to whom it let in."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, request

from medianest.page.polls import Polls
from medianest.resilience import ManualClock
from medianest.resilience.registry import Registry
from tests.page.conftest import Browser
from tests.support.narrowing import not_none

FRAGMENT = "/alerts?fragment"


@pytest.fixture
def app(make_app: Callable[..., Flask], tables: None) -> Flask:
    return make_app("development", sandbox=False)


@pytest.fixture
def closed(make_app: Callable[..., Flask], tables: None) -> Flask:
    """An app that nobody looks at without a token."""
    return make_app("production", sandbox=False, allowed_hosts=["localhost"])


@pytest.fixture
def asked(app: Flask) -> list[str]:
    """The paths that reach the app."""
    return _asked(app)


def _asked(app: Flask) -> list[str]:
    paths: list[str] = []
    app.before_request(lambda: paths.append(request.path))
    return paths


class Tab:
    """An open page, which asks again and again."""

    def __init__(self, app: Flask, path: str = FRAGMENT, **headers: str) -> None:
        self.browser, self._path, self._headers = Browser(app.test_client()), path, headers
        self._tag = ""

    def poll(self) -> Any:
        answer = self.browser.get(self._path, **self._headers, **{"If-None-Match": self._tag})
        self._tag = answer.headers.get("ETag", "")
        return answer


def registry_of(app: Flask) -> Registry:
    found: Registry = app.extensions["medianest"].registry
    return found


def test_a_look_does_for_two_seconds(app: Flask, asked: list[str], clock: ManualClock) -> None:
    tab = Tab(app)
    assert [tab.poll().status_code for _ in range(5)] == [200, 304, 304, 304, 304]
    assert len(asked) == 2
    clock.advance(2.1)
    assert tab.poll().status_code == 304
    assert len(asked) == 3


def test_it_answers_as_the_app_does(app: Flask, asked: list[str]) -> None:
    """In a few words: what an answer without content needs."""
    tab = Tab(app)
    tab.poll()
    first, again = tab.poll(), tab.poll()
    assert len(asked) == 2
    assert set(again.headers) <= set(first.headers)
    assert {name for name, _ in again.headers} == {"Cache-Control", "ETag", "Vary"}
    assert again.data == b""


def test_a_change_is_seen_at_once(app: Flask) -> None:
    tab = Tab(app, "/breakers?fragment")
    for _ in range(3):
        tab.poll()
    not_none(registry_of(app).find_breaker("database")).open("a test")
    assert tab.poll().status_code == 200


def test_pages_that_show_the_same_have_one_look(
    app: Flask, asked: list[str], clock: ManualClock
) -> None:
    """Each asks every two seconds, one after the other."""
    tabs = [Tab(app, **{"User-Agent": f"browser {number}"}) for number in range(20)]
    for tab in (*tabs, *tabs):
        tab.poll()
    asked.clear()
    for tab in (*tabs, *tabs):
        clock.advance(0.1)
        assert tab.poll().status_code == 304
    assert len(asked) == 2


def test_each_is_let_in_anew_after_a_while(
    app: Flask, asked: list[str], clock: ManualClock
) -> None:
    tab, other = Tab(app), Tab(app, **{"User-Agent": "another"})
    for _ in range(2):
        tab.poll(), other.poll()
    for _ in range(12):
        clock.advance(0.9)
        tab.poll()
    asked.clear()
    other.poll()
    assert len(asked) == 1


def test_who_has_not_logged_in_learns_nothing(closed: Flask) -> None:
    tab = Tab(closed)
    tab.browser.log_in()
    assert [tab.poll().status_code for _ in range(3)] == [200, 304, 304]
    tag = tab.poll().headers["ETag"]
    stranger = closed.test_client().get(FRAGMENT, headers={"If-None-Match": tag})
    assert stranger.status_code == 401


def test_who_has_logged_out_is_let_in_no_longer(closed: Flask) -> None:
    tab = Tab(closed)
    tab.browser.log_in()
    for _ in range(3):
        tab.poll()
    tab.browser.send("/logout")
    assert tab.poll().status_code == 401


def test_another_role_has_another_look(closed: Flask) -> None:
    """What one has seen already is new to the other."""
    operator, viewer = (Tab(closed, "/dependencies?fragment") for _ in range(2))
    operator.browser.log_in()
    viewer.browser.log_in("the-viewer-token")
    for _ in range(3):
        operator.poll(), viewer.poll()
    tag = operator.poll().headers["ETag"]
    seen = viewer.browser.get("/dependencies?fragment", **{"If-None-Match": tag})
    assert seen.status_code == 200


def test_they_are_counted(app: Flask, asked: list[str]) -> None:
    tab = Tab(app)
    for _ in range(5):
        tab.poll()
    traffic = app.extensions["medianest"].monitoring.traffic
    route = next(each for each in traffic.routes() if each.route == "/alerts")
    assert len(asked) == 2
    assert traffic.figures([route])[0].requests == 5


@pytest.fixture
def answers(clock: ManualClock) -> tuple[Polls, list[str]]:
    """Polls before an app that always says 304, and the queries that reach it."""
    reached: list[str] = []

    def inside(environ: dict[str, Any], start_response: Callable[..., Any]) -> tuple[()]:
        reached.append(environ["QUERY_STRING"])
        environ["medianest.looked"] = ("viewer", "/")
        start_response("304 NOT MODIFIED", [("ETag", environ["HTTP_IF_NONE_MATCH"])])
        return ()

    return Polls(inside, clock, lambda: 0), reached


def ask(polls: Polls, query: str, method: str = "GET", **headers: str) -> None:
    environ = {"REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": "/", **headers}
    list(polls({**environ, "QUERY_STRING": query, "HTTP_IF_NONE_MATCH": '"a"'}, lambda *_: None))


def test_what_it_knows_is_bounded(answers: tuple[Polls, list[str]]) -> None:
    polls, reached = answers
    for number in range(10_000):
        ask(polls, f"fragment&{number}")
    ask(polls, "fragment&9999")
    assert len(reached) == 10_000
    assert polls.known <= 512


def test_it_keeps_no_long_headers(answers: tuple[Polls, list[str]]) -> None:
    """A server takes a hundred of 8000 characters."""
    polls, reached = answers
    for number in range(3):
        ask(polls, "fragment", **{f"HTTP_X_{each}": "x" * 8000 for each in range(100)})
        assert (len(reached), polls.known) == (number + 1, 0)


def test_a_full_memory_is_kept_while_nobody_comes(
    answers: tuple[Polls, list[str]], clock: ManualClock
) -> None:
    for number in range(256):
        ask(answers[0], f"fragment&{number}")
    clock.advance(2)
    ask(answers[0], "fragment&0")
    assert answers[0].known == 512


def test_only_what_reads_is_answered(answers: tuple[Polls, list[str]]) -> None:
    polls, reached = answers
    for method in ("GET", "POST", "HEAD", "GET"):
        ask(polls, "fragment", method)
    assert len(reached) == 3
