"""Alerts on their way to people: each place for itself, and no secret on the way."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import apprise
import pytest
from pydantic import SecretStr

from medianest.health.thresholds import Severity
from medianest.monitoring.notifier import Notifier
from medianest.resilience import ConfigurationError, ManualClock
from tests.monitoring.posting import MAIL, NOW, Post, alert, flush, sending
from tests.support.waiting import wait_until

# Of what Apprise imports.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


@pytest.mark.parametrize(
    ("fields", "kind", "title", "words"),
    [
        ({"severity": Severity.WARNING}, "warning", "warning: plex", "What to do: look there"),
        ({"severity": Severity.CRITICAL}, "failure", "critical: plex", "Affected: GET /a, shop"),
        (
            {"resolved": NOW + timedelta(seconds=200), "severity": Severity.CRITICAL},
            "success",
            "resolved: plex",
            "plex is up again; before: plex is down\nIt lasted 3 min.",
        ),
    ],
)
def test_an_alert_arrives_in_the_words_of_people(
    posts: Callable[[], Post], fields: dict[str, Any], kind: str, title: str, words: str
) -> None:
    post = posts()
    notifier = Notifier([post.url])
    notifier(alert(advice="look there", affected=("GET /a", "shop"), **fields))
    assert post.asked == 0  # who tells it waits for nothing
    flush(notifier)
    (body,) = post.received
    assert (body["type"], body["title"]) == (kind, f"MediaNest: {title}")
    assert words in body["message"]
    flush(notifier)
    assert post.asked == 1


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("json://127.0.0.1:1", "<key> & more\nWhat to do: look there\nAffected: shop"),
        (
            f"{MAIL}&format=html",
            "&lt;key&gt;&nbsp;&amp;&nbsp;more<br/>What&nbsp;to&nbsp;do:",
        ),
        ("tgram://123456789:abcdefg_hijklmnop/12315544/", "&lt;key&gt; &amp; more\r\nWhat to do:"),
    ],
)
def test_each_line_and_each_word_arrives_whatever_a_place_makes_of_text(
    monkeypatch: pytest.MonkeyPatch, url: str, text: str
) -> None:
    """Keeps out: a mail whose lines are one, without what stood between < and >."""
    notifier, sent = Notifier([SecretStr(url)]), []
    plugin = type(apprise.Apprise.instantiate(url))
    monkeypatch.setattr(plugin, "send", lambda self, **told: sent.append(told["body"]) or True)
    told = replace(alert(advice="look there", affected=("shop",)), message="<key> & more")
    assert notifier.send_now(told)[0][1] is None
    assert text in sent[0]


def test_alerts_arrive_in_their_order(posts: Callable[[], Post]) -> None:
    post = posts()
    notifier = Notifier([post.url])
    for number in range(5):
        notifier(alert(str(number)))
    flush(notifier)
    assert post.titles == [f"MediaNest: warning: {number}" for number in range(5)]


def test_only_so_many_wait_and_the_oldest_go_first(posts: Callable[[], Post]) -> None:
    post = posts()
    notifier = Notifier([post.url])
    for number in range(103):
        notifier(alert(str(number)))
    flush(notifier)
    assert len(post.received) == 100
    assert post.titles[0] == "MediaNest: warning: 3"


def test_an_alert_that_comes_while_another_is_sent_is_not_lost(posts: Callable[[], Post]) -> None:
    post = posts()
    post.gate.clear()
    notifier = Notifier([post.url])
    notifier(alert("a"))
    notifier.flush()
    wait_until(lambda: post.asked == 1)
    notifier(alert("b"))
    post.gate.set()
    wait_until(lambda: len(post.received) == 2)


def test_no_secret_is_in_any_record(
    posts: Callable[[], Post], clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    post = posts()
    post.status = 500
    with caplog.at_level(logging.DEBUG, "medianest"), caplog.at_level(logging.INFO):
        nobody = SecretStr("json://me:hunter2@127.0.0.1:1/hunter2")
        notifier = Notifier([post.url, nobody], clock)
        notifier(alert("a"))
        flush(notifier, 6, clock)
        notifier.send_now(alert("b"))
    assert post.asked == 6
    assert caplog.records
    assert "hunter2" not in caplog.text


@pytest.mark.parametrize("url", ["nonsense", "gopher://hunter2", "json://", "http:// hunter2"])
def test_a_url_that_nobody_knows_is_refused_and_not_told(url: str) -> None:
    urls = [SecretStr("json://127.0.0.1:1/"), SecretStr(url)]
    with pytest.raises(ConfigurationError, match="MEDIANEST_ALERTS_URLS: number 2 is no") as caught:
        Notifier(urls)
    assert "hunter2" not in str(caught.value)


def test_without_urls_nothing_is_sent() -> None:
    notifier = Notifier([])
    notifier(alert())
    notifier.flush()
    assert (notifier.send_now(alert()), notifier.places) == ([], [])


def test_the_last_ones_are_sent_when_the_process_ends(posts: Callable[[], Post]) -> None:
    well, hung = posts(), posts()
    hung.gate.clear()
    notifier = Notifier([well.url, hung.url])
    notifier(alert("a"))
    notifier.finish(1.0)
    assert (len(well.received), hung.received) == (1, [])  # it was not waited for any longer
    hung.gate.set()
    wait_until(lambda: not sending())
