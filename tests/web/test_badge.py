"""`/badge.svg`: a picture of one word, for everybody."""

import re
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from medianest.health import Check, Status
from medianest.resilience import ManualClock

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app("production")


@pytest.fixture
def badge(app: Flask) -> Callable[..., TestResponse]:
    return lambda **headers: app.test_client().get("/badge.svg?nocache=1", headers=headers)


@pytest.fixture
def find(app: Flask, clock: ManualClock) -> Callable[[Status], None]:
    """`find(status)`: a check of something critical finds that, and the others what there is."""
    parts = app.extensions["medianest"]
    parts.storage.database.upgrade()
    found: list[Status] = []
    monitor = parts.monitoring.monitor
    monitor.add(Check("house", lambda: found[-1], criticality="critical", worse_after=1))

    def look(status: Status) -> None:
        found.append(status)
        for _ in range(2):
            clock.advance(10)
            for check in monitor.checks():
                monitor.run(check.name)
        monitor.beat()

    return look


def parts_of(answer: TestResponse, tag: str) -> list[Any]:
    return list(ElementTree.fromstring(answer.text).iter(f"{SVG}{tag}"))


def contrast(one: str, other: str) -> float:
    """As WCAG 2 defines it."""

    def luminance(colour: str) -> float:
        parts = [int(part, 16) / 255 for part in re.findall("..", colour[1:])]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_it_says_the_status_in_a_word_that_can_be_read(
    badge: Callable[..., TestResponse], find: Callable[[Status], None]
) -> None:
    """Keeps out: a broken image in the place of bad news, as of an answer of 503."""
    words = []
    for status in (Status.HEALTHY, Status.DEGRADED, Status.UNHEALTHY):
        find(status)
        answer = badge()
        assert (answer.status_code, answer.content_type) == (200, "image/svg+xml")
        label, word = (each.text for each in parts_of(answer, "text"))
        assert label == "medianest"
        assert [each.text for each in parts_of(answer, "title")] == [f"medianest: {word}"]
        *_, colour = (each.get("fill") for each in parts_of(answer, "rect"))
        assert contrast(colour, "#ffffff") >= 4.5
        words.append(word)
    assert words == ["healthy", "degraded", "unhealthy"]


def test_before_anything_was_looked_at_it_says_so(badge: Callable[..., TestResponse]) -> None:
    assert "unknown" in badge().text


def test_it_is_asked_about_each_time_and_sent_when_the_word_is_another(
    badge: Callable[..., TestResponse], find: Callable[[Status], None]
) -> None:
    find(Status.HEALTHY)
    first = badge()
    assert first.headers["Cache-Control"] == "no-cache"
    same = badge(**{"If-None-Match": first.headers["ETag"]})
    assert (same.status_code, same.data) == (304, b"")
    find(Status.UNHEALTHY)
    assert badge(**{"If-None-Match": first.headers["ETag"]}).status_code == 200
