"""Requests that cannot be made now: kept, made later, and told about meanwhile."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update
from werkzeug.test import TestResponse

from medianest.resilience import ManualClock
from medianest.sandbox.process import SandboxProcess
from medianest.storage.tables import deferred_operations
from tests.support.narrowing import not_none
from tests.web.requests.making import CLIENT, REQUESTS, UNKNOWN, look


def test_nothing_is_accepted_into_a_file_that_is_gone(
    app: Flask, ask: Callable[..., TestResponse], overseerr: SandboxProcess, tmp_path: Path
) -> None:
    overseerr.fault("status", status=503)
    assert ask(1).status_code == 202
    (file,) = tmp_path.glob("*.db")
    file.rename(tmp_path / "away")
    refused = ask(2)
    assert (refused.status_code, refused.get_json()["type"]) == (
        503,
        "/problems/database-unavailable",
    )
    assert (
        refused.get_json()["detail"] == "the database file was removed while it was in use: restart"
    )
    assert not file.exists()


def test_one_that_cannot_be_made_now_is_kept_and_made_later(
    app: Flask,
    ask: Callable[..., TestResponse],
    overseerr: SandboxProcess,
    drain: Callable[[], int],
    clock: ManualClock,
) -> None:
    overseerr.fault("source", failure="ECONNREFUSED")
    answer = ask(kind="tv", seasons=[2, 1, 2])
    assert (answer.status_code, answer.get_json()["state"]) == (202, "queued")
    assert look(app, answer).get_json()["error"]["type"] == "SourceError"
    overseerr.clear_faults()
    clock.advance(10)
    assert drain() == 1
    seen = not_none(look(app, answer).json)
    assert (seen["state"], seen["error"], seen["attempts"]) == ("done", None, 2)
    assert overseerr.state()["requests"][0]["seasons"] == [1, 2]


def test_it_is_kept_while_the_breaker_is_open(
    ask: Callable[..., TestResponse], overseerr: SandboxProcess, app: Flask
) -> None:
    overseerr.fault("source", failure="ECONNREFUSED")
    answers = [ask(number) for number in range(1, 20)]
    assert {answer.status_code for answer in answers} == {202}
    breaker = app.extensions["medianest"].registry.breaker("overseerr.source")
    assert breaker.snapshot().state.value == "open"
    assert overseerr.requests()["total"] < 10


def test_an_unknown_title_that_was_kept_becomes_a_dead_letter(
    app: Flask,
    ask: Callable[..., TestResponse],
    overseerr: SandboxProcess,
    drain: Callable[[], int],
    clock: ManualClock,
) -> None:
    overseerr.fault("source", failure="ECONNREFUSED", times=1)
    answer = ask(UNKNOWN)
    assert answer.status_code == 202
    clock.advance(10)
    drain()
    seen = not_none(look(app, answer).json)
    assert (seen["state"], seen["error"]["type"]) == ("failed", "NotFoundError")
    listed = app.test_client().get(REQUESTS, headers=CLIENT).get_json()["queued"]
    assert [each["state"] for each in listed] == ["failed"]


@pytest.mark.parametrize(
    "payload",
    [
        {"media_type": "movie", "media_id": -4},
        {"media_type": "tv", "media_id": 1, "seasons": [-1]},
    ],
)
def test_one_whose_payload_makes_no_sense_costs_itself_alone(
    app: Flask,
    ask: Callable[..., TestResponse],
    overseerr: SandboxProcess,
    payload: dict[str, Any],
) -> None:
    overseerr.fault("status", status=503)
    made = ask()
    spoil = update(deferred_operations).values(payload=payload)
    app.extensions["medianest"].storage.database.write(lambda open_one: open_one.execute(spoil))
    assert look(app, made).get_json()["media_id"] is None
    (listed,) = app.test_client().get(REQUESTS, headers=CLIENT).get_json()["queued"]
    assert listed["id"] == made.get_json()["id"]


@pytest.mark.parametrize(
    "result", [5, "x", [1], {"request_id": -4, "seasons": ["one"]}, {"request_id": True}]
)
def test_one_whose_result_makes_no_sense_is_done_all_the_same(
    app: Flask, ask: Callable[..., TestResponse], result: Any
) -> None:
    made = ask()
    spoil = update(deferred_operations).values(result=result, state="done")
    app.extensions["medianest"].storage.database.write(lambda open_one: open_one.execute(spoil))
    seen = look(app, made).get_json()
    assert (seen["state"], seen["request_id"], seen["seasons_taken"]) == ("done", None, None)


def test_of_a_request_that_an_operator_dropped_overseerr_is_not_blamed(
    app: Flask,
    ask: Callable[..., TestResponse],
    overseerr: SandboxProcess,
    operator: dict[str, Any],
) -> None:
    overseerr.fault("status", status=503)
    made = ask()
    path = f"/api/v1/resilience/queue/{made.get_json()['id']}"
    assert app.test_client().delete(path, headers=operator).status_code == 204
    answer = look(app, made)
    assert (answer.status_code, answer.get_json()["type"]) == (404, "/problems/not-found")
    assert "service" not in answer.get_json()
    assert answer.get_json()["detail"].startswith(
        f"MediaNest has no request '{made.get_json()['id']}': "
    )


def test_without_the_database_nothing_is_promised(
    app: Flask, ask: Callable[..., TestResponse], overseerr: SandboxProcess, tmp_path: Path
) -> None:
    app.extensions["medianest"].storage.database.close()
    for file in tmp_path.glob("medianest.db*"):
        file.unlink()
    (tmp_path / "medianest.db").mkdir()
    answer = ask()
    assert (answer.status_code, answer.get_json()["type"]) == (
        503,
        "/problems/database-unavailable",
    )
    assert overseerr.state()["count"] == 0
    listed = not_none(app.test_client().get(REQUESTS, headers=CLIENT).json)
    assert (listed["degraded"], listed["missing"]) == (True, ["database"])


def test_a_key_of_somebody_elses_request_is_202_and_a_dead_one_is_told(
    app: Flask,
    ask: Callable[..., TestResponse],
    overseerr: SandboxProcess,
    drain: Callable[[], int],
    clock: ManualClock,
) -> None:
    overseerr.fault("source", failure="ECONNREFUSED", times=1)
    first = ask(UNKNOWN, key="k")
    assert first.status_code == 202
    assert ask(UNKNOWN, key="other").status_code == 202
    clock.advance(10)
    drain()
    dead = ask(UNKNOWN, key="k")
    assert (dead.status_code, dead.get_json()["type"]) == (422, "/problems/upstream-refused")
    assert "there is no movie" in dead.get_json()["detail"]


def test_the_202_tells_when_it_is_tried_again_and_why(
    ask: Callable[..., TestResponse], overseerr: SandboxProcess, clock: ManualClock
) -> None:
    overseerr.fault("source", failure="ECONNREFUSED")
    answer = not_none(ask().json)
    assert answer["error"]["type"] == "SourceError"
    assert answer["next_attempt_at"] < "2026-01-01T00:00:20"


def test_what_may_still_be_under_way_there_is_not_asked_again_at_once(
    ask: Callable[..., TestResponse],
    overseerr: SandboxProcess,
    drain: Callable[[], int],
    clock: ManualClock,
) -> None:
    overseerr.fault("lose", times=1)
    ask()
    clock.advance(1.5)
    assert drain() == 0  # twice the timeout
    clock.advance(9)
    assert drain() == 1
