"""What servers say in words of their own does nothing to whoever reads it."""

import json

import pytest

from medianest.dependencies.checks import UpstreamCheck
from medianest.media.overseerr.refusals import message_of
from medianest.media.said import said
from medianest.resilience import SystemClock
from tests.support.answering import AnsweringServer


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("1.40 (ä, 日本)", "1.40 (ä, 日本)"),
        ("two\r\nlines\tand", "two lines and"),
        ("\x1b]0;title\x07 \u202eleft", "?]0;title? ?left"),
        ("half a pair \ud800", "half a pair ?"),
        ("x" * 30, "x" * 20),
    ],
)
def test_it_is_one_short_line(text: str, shown: str) -> None:
    assert said(text, 20) == shown


def test_errors_and_versions_are_shown_so() -> None:
    assert message_of({"message": "no \x1b[2J"}) == "no ?[2J"
    server = AnsweringServer()
    server.body = json.dumps({"version": "1.2\u202e"}).encode()
    read = UpstreamCheck(
        "plex", server.url, "/", lambda answer: answer["version"], timeout=5.0, clock=SystemClock()
    )
    assert read().detail["version"] == "1.2?"
    server.stop()
