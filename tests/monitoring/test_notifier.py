"""Alerts on their way to people: each place for itself, and no secret on the way."""

from __future__ import annotations

import json
import logging
import smtplib
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from smtplib import SMTPAuthenticationError, SMTPServerDisconnected
from typing import Any
from unittest import mock

import apprise
import pytest
from pydantic import SecretStr

from medianest.health.alerts import Alert
from medianest.health.thresholds import Severity
from medianest.monitoring.notifier import Notifier, sample_alert
from medianest.resilience import ConfigurationError, ManualClock
from tests.support.narrowing import not_none
from tests.support.waiting import wait_until

# Of what Apprise imports.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MAIL = "mailto://me:hunter2@127.0.0.1:1?smtp=127.0.0.1&from=a@example.org&to=b@example.org"


class Post:
    """A server that keeps what is sent to it, and answers with `status` once `gate` is open."""

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        self.asked = 0
        self.status = 200
        self.gate = threading.Event()
        self.gate.set()
        post = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                post.asked += 1
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                post.gate.wait(10)
                if post.status == 200:
                    post.received.append(body)
                self.send_response(post.status)
                self.end_headers()

            def log_message(self, *args: str) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    @property
    def url(self) -> Any:
        host = f"127.0.0.1:{self.server.server_port}"
        return SecretStr(f"json://me:hunter2@{host}/hunter2?cto=1&rto=1")

    @property
    def titles(self) -> list[str]:
        return [body["title"] for body in self.received]

    def stop(self) -> None:
        self.gate.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)


@pytest.fixture
def posts() -> Iterator[Callable[[], Post]]:
    made = []

    def start() -> Post:
        made.append(Post())
        return made[-1]

    yield start
    for post in made:
        post.stop()


def alert(subject: str = "plex", resolved: datetime | None = None, **fields: Any) -> Alert:
    made = replace(sample_alert(NOW), subject=subject, message=f"{subject} is down", **fields)
    return made if resolved is None else made.over(resolved)


def flush(notifier: Notifier, times: int = 1, clock: ManualClock | None = None) -> None:
    for _ in range(times):
        notifier.flush()
        wait_until(lambda: not sending())
        if clock is not None:
            clock.advance(200)


def sending() -> list[Any]:
    return [thread for thread in threading.enumerate() if thread.name == "notify"]


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


def test_one_that_fails_is_tried_again_and_keeps_nobody_waiting(
    posts: Callable[[], Post], clock: ManualClock
) -> None:
    broken, well = posts(), posts()
    broken.status = 500
    notifier = Notifier([broken.url, well.url], clock)
    notifier(alert("a"))
    flush(notifier, 2, clock)
    notifier(alert("b"))
    flush(notifier, 1, clock)
    assert (broken.received, len(well.received)) == ([], 2)
    broken.status = 200
    flush(notifier)
    assert broken.titles == well.titles


def test_one_that_hangs_keeps_nobody_waiting_and_is_not_asked_twice(
    posts: Callable[[], Post],
) -> None:
    hung, well = posts(), posts()
    hung.gate.clear()
    notifier = Notifier([hung.url, well.url])
    notifier(alert("a"))
    for _ in range(3):
        notifier.flush()
    notifier(alert("b"))
    wait_until(lambda: well.received or notifier.flush())
    notifier.flush()
    wait_until(lambda: len(well.received) == 2)
    assert (hung.asked, hung.received) == (1, [])
    hung.gate.set()
    wait_until(lambda: len(hung.received) >= 1 and not sending())


def test_an_outage_of_two_minutes_loses_nothing(
    posts: Callable[[], Post], clock: ManualClock
) -> None:
    """Keeps out: five attempts within five seconds, while the network is down."""
    post = posts()
    post.status = 500
    notifier = Notifier([post.url], clock)
    notifier(alert("a"))
    notifier(alert("b"))
    for _ in range(120):
        flush(notifier)
        clock.advance(1)
    assert post.asked == 4
    post.status = 200
    for _ in range(60):
        flush(notifier)
        clock.advance(1)
    assert post.titles == ["MediaNest: warning: a", "MediaNest: warning: b"]


def test_it_gives_up_after_some_attempts_and_goes_on_with_the_next(
    posts: Callable[[], Post], clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    post = posts()
    post.status = 500
    notifier = Notifier([post.url], clock)
    notifier(alert("a"))
    notifier(alert("b"))
    flush(notifier, 4, clock)
    assert (post.asked, caplog.records) == (4, [])
    post.gate.clear()
    notifier.flush()
    wait_until(lambda: post.asked == 5)
    post.gate.set()
    wait_until(lambda: not sending())
    post.status = 200
    clock.advance(200)
    flush(notifier)
    assert post.titles == ["MediaNest: warning: b"]
    (record,) = [r for r in caplog.records if r.levelno >= logging.ERROR]
    assert "dependency-down:a" in record.getMessage()


def test_where_nobody_listens_the_others_still_hear(posts: Callable[[], Post]) -> None:
    well = posts()
    notifier = Notifier([SecretStr("json://127.0.0.1:1/"), well.url])
    assert notifier.send_now(alert()) == [
        ("JSON (number 1)", "connection refused"),
        ("JSON (number 2)", None),
    ]


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ntfy://me:hunter2@127.0.0.1:1/hunter2", "connection refused"),
        ("json://hunter2.invalid/hunter2", "name"),  # each system has words of its own
        (
            MAIL,
            "connection refused",
        ),
    ],
)
def test_why_nobody_is_reached_is_told_without_a_secret(
    url: str, why: str, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    ((_, told),) = Notifier([SecretStr(url)]).send_now(alert())
    assert why in not_none(told)
    assert "hunter2" not in not_none(told) + caplog.text + "".join(capsys.readouterr())


@pytest.mark.parametrize(
    ("status", "why"),
    [(401, "it answered 401 Unauthorized"), (404, "it answered 404 Not Found"), (599, "599")],
)
def test_of_an_answer_its_status_is_told(posts: Callable[[], Post], status: int, why: str) -> None:
    post = posts()
    post.status = status
    ((_, told),) = Notifier([post.url]).send_now(alert())
    assert not_none(told).endswith(why)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (SMTPAuthenticationError(535, b"no mailbox hunter2"), "the mail server answered 535"),
        (SMTPServerDisconnected("hunter2"), "SMTPServerDisconnected"),
        (ValueError("hunter2"), "ValueError"),
    ],
)
def test_of_what_a_mail_server_says_only_the_code_is_told(
    monkeypatch: pytest.MonkeyPatch, error: Exception, told: str
) -> None:
    monkeypatch.setattr(smtplib, "SMTP", mock.Mock(side_effect=error))
    assert [why for _, why in Notifier([SecretStr(MAIL)]).send_now(alert())] == [told]


def test_what_failed_before_is_not_the_reason_of_the_next(
    posts: Callable[[], Post], monkeypatch: pytest.MonkeyPatch
) -> None:
    post = posts()
    post.status = 500
    notifier = Notifier([post.url])
    notifier.send_now(alert())
    monkeypatch.setattr(apprise.Apprise, "notify", lambda self, **told: False)
    assert notifier.send_now(alert()) == [("JSON (number 1)", "no reason was given")]


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


def test_a_place_that_never_ends_its_answer_is_given_up(
    posts: Callable[[], Post], clock: ManualClock
) -> None:
    """Keeps out: a server that drips, and all alerts of that place waiting for it for ever."""
    hung = posts()
    hung.gate.clear()
    notifier = Notifier([hung.url], clock)
    notifier(alert("a"))
    notifier.flush()
    wait_until(lambda: hung.asked == 1)
    clock.advance(29)
    notifier.flush()
    clock.advance(2)
    notifier.flush()  # it has failed, and rests
    assert hung.asked == 1
    clock.advance(200)
    notifier.flush()
    wait_until(lambda: hung.asked == 2)
    hung.gate.set()
    wait_until(lambda: not sending())


def test_the_last_ones_are_sent_when_the_process_ends(posts: Callable[[], Post]) -> None:
    well, hung = posts(), posts()
    hung.gate.clear()
    notifier = Notifier([well.url, hung.url])
    notifier(alert("a"))
    notifier.finish(1.0)
    assert (len(well.received), hung.received) == (1, [])  # it was not waited for any longer
    hung.gate.set()
    wait_until(lambda: not sending())
