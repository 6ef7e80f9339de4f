"""Places that fail or hang: tried again, told without a secret, and in nobody else's way."""

from __future__ import annotations

import logging
import smtplib
from collections.abc import Callable
from smtplib import SMTPAuthenticationError, SMTPServerDisconnected
from unittest import mock

import apprise
import pytest
from pydantic import SecretStr

from medianest.monitoring.notifier import Notifier
from medianest.resilience import ManualClock
from tests.monitoring.posting import MAIL, Post, alert, flush, sending
from tests.support.narrowing import not_none
from tests.support.waiting import wait_until

# Of what Apprise imports.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


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
    wait_until(lambda: len(well.received) == 2 and hung.asked)
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
