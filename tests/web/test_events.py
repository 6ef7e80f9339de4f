"""`/events`: what has changed, from the database and without it."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from medianest.resilience import ManualClock

PLEX = "plex-media-server"


@pytest.fixture
def ask(viewer: dict[str, str]) -> Callable[..., Any]:
    def get(app: Flask, **query: str) -> Any:
        client = app.test_client()
        return client.get(
            "/api/v1/resilience/events", query_string=query, headers=viewer
        ).get_json()

    return get


@pytest.fixture
def app(tables: None, make_app: Callable[..., Flask], clock: ManualClock) -> Flask:
    """One whose breaker of Plex was opened and closed by hand, and which had an alert about it."""
    app = make_app()
    parts = app.extensions["medianest"]
    parts.lifecycle.worker = "1"
    breaker = parts.registry.breaker(PLEX)
    breaker.open("moving", actor="operator")
    clock.advance(1)
    breaker.enable(actor="operator")
    parts.storage.events.flush()
    return app


def test_a_breaker_that_an_operator_opened(app: Flask, ask: Callable[..., Any]) -> None:
    page = ask(app)
    closed, opened = page["items"]
    assert (page["next"], page["is_complete"]) == (None, True)
    assert opened["worker"].endswith("/1")
    assert {**opened, "id": "", "worker": ""} == {
        "id": "",
        "changed_at": "2026-01-01T00:00:00.000Z",
        "type": "breaker",
        "name": PLEX,
        "before": "closed",
        "after": "forced_open",
        "message": "moving",
        "actor": "operator",
        "severity": None,
        "worker": "",
    }
    assert (closed["before"], closed["after"]) == ("forced_open", "closed")


def test_filters_and_pages(app: Flask, ask: Callable[..., Any], clock: ManualClock) -> None:
    closed, opened = ask(app)["items"]
    assert ask(app, name="plex")["items"] == [closed, opened]
    assert ask(app, name=PLEX, type="alert")["items"] == []
    assert ask(app, since=closed["changed_at"])["items"] == [closed]
    assert ask(app, until=closed["changed_at"])["items"] == [opened]
    first = ask(app, limit="1")
    assert first["items"] == [closed]
    assert ask(app, limit="1", cursor=first["next"])["items"] == [opened]


def test_without_the_database_it_is_what_this_process_remembers(
    make_app: Callable[..., Flask], ask: Callable[..., Any], tmp_path: Any
) -> None:
    (tmp_path / "medianest.db").mkdir()
    app = make_app()
    for name in (PLEX, "spare"):
        app.extensions["medianest"].registry.breaker(name).open()
    page = ask(app, name="spare")
    assert ([each["name"] for each in page["items"]], page["is_complete"]) == (["spare"], False)


@pytest.mark.parametrize("text", ["yesterday", "1767225600", "2026-01-01", "2026-01-01T00:00:00"])
def test_an_instant_needs_its_zone(app: Flask, ask: Callable[..., Any], text: str) -> None:
    problem = ask(app, since=text)
    assert problem["detail"] == "since: must be an instant such as 2026-01-31T12:00:00Z"
