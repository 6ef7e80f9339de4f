"""Silences on the page of alerts."""

import html
from collections.abc import Callable

import pytest
from flask import Flask

from medianest.resilience import ManualClock
from tests.page.conftest import Browser

KEY = "dependency-down:plex-media-server"


@pytest.fixture
def browser(busy_app: Flask, clock: ManualClock) -> Browser:
    """Of an app whose Plex has been away for so long that an alert fires."""
    monitoring = busy_app.extensions["medianest"].monitoring
    for _ in range(20):
        clock.advance(5)
        for check in monitoring.monitor.checks():
            monitoring.monitor.run(check.name)
        monitoring.monitor.beat()
        monitoring.alerts.evaluate()
    found = Browser(busy_app.test_client())
    found.log_in()
    return found


def test_an_alert_is_silenced_and_told_again(browser: Browser) -> None:
    assert "Notify nobody for a while" in browser.get("/alerts").text
    answer = browser.send(f"/alerts/{KEY}/silence", lasts="3600", reason="I know")
    shown = html.unescape(browser.get(answer.location).text)
    assert f"{KEY} is silenced." in shown
    assert "I know" in shown
    assert "silenced" in browser.get("/").text
    answer = browser.send(f"/alerts/{KEY}/end-silence")
    assert f"{KEY} is told again." in browser.get(answer.location).text
    assert "I know" not in browser.get("/alerts").text


@pytest.mark.parametrize(
    ("key", "values", "status", "said"),
    [
        (KEY, {"lasts": "3600", "reason": ""}, 422, "Why: "),
        (KEY, {"lasts": "1", "reason": "x"}, 422, "For how long: "),
        ("nothing:nobody", {"lasts": "3600", "reason": "x"}, 404, "there is no alert"),
    ],
)
def test_a_silence_needs_a_reason_and_an_end(
    browser: Browser, key: str, values: dict[str, str], status: int, said: str
) -> None:
    answer = browser.send(f"/alerts/{key}/silence", None, **values)
    assert answer.status_code == status
    assert said in html.unescape(answer.text)


def test_while_the_database_is_away_it_counts_here(make_app: Callable[..., Flask]) -> None:
    app = make_app("development", plex={"url": "http://127.0.0.1:1"}, sandbox=False)
    browser = Browser(app.test_client())  # whose database has no tables
    browser.log_in()
    answer = browser.send(f"/alerts/{KEY}/silence", lasts="3600", reason="I know")
    assert "it is kept when the database is back" in browser.get(answer.location).text
