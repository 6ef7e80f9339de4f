"""`/series`: what people asked for and what the dependencies did, over the last hour and day."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from medianest.resilience import ManualClock

PLEX = "plex-media-server"
LIBRARIES = "GET /api/v1/media/libraries"


@pytest.fixture
def app(make_app: Callable[..., Flask], clock: ManualClock) -> Flask:
    """One whose Plex refuses connections, a step after it was asked for its libraries."""
    app = make_app("development", plex={"url": "http://127.0.0.1:1"}, sandbox=False)
    series = app.extensions["medianest"].monitoring.series
    series.follow()
    for path in ("/api/v1/media/libraries", "/api/v1/health/live"):
        app.test_client().get(path)
    clock.advance(10)
    series.follow()
    return app


@pytest.fixture
def ask(app: Flask, viewer: dict[str, str]) -> Callable[..., Any]:
    def get(**query: str) -> Any:
        client = app.test_client()
        return client.get(
            "/api/v1/resilience/series", query_string=query, headers=viewer
        ).get_json()

    return get


def test_the_last_hour(ask: Callable[..., Any]) -> None:
    answer = ask()
    assert (answer["window"], answer["step_seconds"]) == ("hour", 10.0)
    assert answer["end_at"] == "2026-01-01T00:00:10.000Z"
    calls, requests = answer["dependencies"][PLEX], answer["routes"][LIBRARIES]
    assert {len(figures) for figures in (*calls.values(), *requests.values())} == {360}
    assert calls["calls"][-1] == calls["failures"][-1] > 0
    assert (requests["requests"][-2:], requests["errors"][-1]) == ([None, 1], 1)
    assert list(answer["routes"]) == [LIBRARIES]


def test_a_name_chooses(ask: Callable[..., Any]) -> None:
    plex, libraries = ask(name="plex"), ask(name=LIBRARIES)
    assert (list(plex["dependencies"]), plex["routes"]) == ([PLEX], {})
    assert (libraries["dependencies"], list(libraries["routes"])) == ({}, [LIBRARIES])


def test_the_last_day(app: Flask, ask: Callable[..., Any], clock: ManualClock) -> None:
    clock.advance(300)
    app.extensions["medianest"].monitoring.series.follow()
    answer = ask(window="day", name=LIBRARIES)
    assert (answer["step_seconds"], len(answer["routes"][LIBRARIES]["requests"])) == (300.0, 288)
    assert answer["routes"][LIBRARIES]["requests"][-1] == 1


def test_what_comes_in_is_what_people_ask(app: Flask) -> None:
    incoming = app.extensions["medianest"].monitoring.incoming()
    assert (incoming.error_rate, incoming.requests_per_second) == (
        1.0,
        pytest.approx(0.1, abs=0.02),
    )
