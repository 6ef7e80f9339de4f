"""Requests for titles: 201, 200, 202, and never twice."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from medianest.media.overseerr.models import MediaRequest
from medianest.resilience import ManualClock
from medianest.sandbox.process import SandboxProcess
from tests.support.narrowing import not_none

REQUESTS = "/api/v1/media/requests"
CLIENT = {"Authorization": "Bearer the-client-token"}
UNKNOWN = 9_000_001


@pytest.fixture
def overseerr(overseerr_sandbox: SandboxProcess) -> SandboxProcess:
    """Without requests for media."""
    if overseerr_sandbox.state()["count"]:
        overseerr_sandbox.restart()
    return overseerr_sandbox


@pytest.fixture
def app(make_app: Callable[..., Flask], overseerr: SandboxProcess, tables: None) -> Iterator[Flask]:
    app = make_app(
        overseerr={
            "url": overseerr.url,
            "api_key": overseerr.token,
            "timeout": 1.0,
            "breaker_enabled": True,
        },
        queue={"initial_delay": 10},
    )
    yield app
    app.extensions["medianest"].storage.database.close()


@pytest.fixture
def ask(app: Flask) -> Callable[..., TestResponse]:
    def post(
        number: int = 1, kind: str = "movie", key: str | None = None, **more: Any
    ) -> TestResponse:
        headers = {**CLIENT, **({"Idempotency-Key": key} if key else {})}
        body = {"media_type": kind, "media_id": number, **more}
        return app.test_client().post(REQUESTS, json=body, headers=headers)

    return post


@pytest.fixture
def drain(app: Flask) -> Callable[[], int]:
    def run() -> int:
        return app.extensions["medianest"].queue.runner.run_due("overseerr.request")

    return run


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


def look(app: Flask, answer: TestResponse) -> TestResponse:
    return app.test_client().get(answer.headers["Location"], headers=CLIENT)


def test_a_request_is_made_at_once(
    app: Flask, ask: Callable[..., TestResponse], overseerr: SandboxProcess
) -> None:
    answer = ask()
    assert (answer.status_code, answer.get_json()["state"]) == (201, "done")
    assert overseerr.state()["count"] == 1
    seen = not_none(look(app, answer).json)
    assert (seen["overseerr"]["media_id"], seen["overseerr"]["status"]) == (1, "approved")


def test_one_that_was_made_before_is_200(
    ask: Callable[..., TestResponse], overseerr: SandboxProcess
) -> None:
    ask()
    answer = ask()
    assert (answer.status_code, answer.get_json()["already_requested"]) == (200, True)
    assert overseerr.state()["count"] == 1


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


def test_an_answer_that_got_lost_is_no_second_request(
    ask: Callable[..., TestResponse],
    overseerr: SandboxProcess,
    drain: Callable[[], int],
    clock: ManualClock,
) -> None:
    overseerr.fault("lose", times=1)
    assert ask().status_code == 202
    clock.advance(10)
    assert drain() == 1
    assert overseerr.state()["count"] == 1


def test_an_unknown_title_is_told_at_once_and_forgotten(
    app: Flask, ask: Callable[..., TestResponse]
) -> None:
    answer = ask(UNKNOWN)
    assert (answer.status_code, answer.get_json()["type"]) == (404, "/problems/not-found")
    assert app.extensions["medianest"].queue.admin.figures()["dead"] == 0


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


def test_the_same_key_and_body_have_the_same_answer(
    ask: Callable[..., TestResponse], overseerr: SandboxProcess
) -> None:
    first, second = ask(key="k"), ask(key="k")
    assert [first.status_code, second.status_code] == [201, 201]
    assert first.headers["Location"] == second.headers["Location"]
    other = ask(2, key="k")
    assert (other.status_code, other.get_json()["type"]) == (422, "/problems/idempotency-mismatch")
    assert overseerr.state()["count"] == 1


def test_identical_requests_at_once_create_one(
    ask: Callable[..., TestResponse], overseerr: SandboxProcess
) -> None:
    overseerr.fault("racy")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: ask(), range(8)))
    assert {answer.status_code for answer in answers} <= {200, 201, 202}
    assert len({answer.headers["Location"] for answer in answers if answer.status_code != 200}) == 1
    assert overseerr.state()["count"] == 1


def test_identical_keys_at_once_create_one_and_the_others_wait(
    ask: Callable[..., TestResponse], overseerr: SandboxProcess
) -> None:
    overseerr.fault("latency", seconds=0.3)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: ask(key="k"), range(4)))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses.count(201) >= 1
    assert set(statuses) <= {201, 409}
    busy = [answer for answer in answers if answer.status_code == 409]
    assert all(answer.get_json()["type"] == "/problems/still-running" for answer in busy)
    assert overseerr.state()["count"] == 1


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({}, "media_type"),
        ({"media_type": "music", "media_id": 1}, "media_type"),
        ({"media_type": "movie", "media_id": "1"}, "media_id"),
        ({"media_type": "movie", "media_id": 0}, "media_id"),
        ({"media_type": "movie", "media_id": 2**40}, "media_id"),
        ({"media_type": "movie", "media_id": 1, "seasons": [1]}, "seasons"),
        ({"media_type": "tv", "media_id": 1}, "seasons"),
        ({"media_type": "tv", "media_id": 1, "seasons": []}, "seasons"),
        ({"media_type": "tv", "media_id": 1, "seasons": ["1"]}, "seasons"),
        ({"media_type": "movie", "media_id": 1, "is4k": "yes"}, "is4k"),
        ({"media_type": "movie", "media_id": 1, "user_id": 0}, "user_id"),
        ({"media_type": "tv", "media_id": 1, "seasons": "some"}, "seasons"),
        ({"media_type": "movie", "media_id": 1, "quality": 4}, "quality"),
    ],
)
def test_what_makes_no_sense_is_told_by_its_field(
    app: Flask, body: dict[str, Any], word: str
) -> None:
    answer = app.test_client().post(REQUESTS, json=body, headers=CLIENT)
    assert (answer.status_code, answer.get_json()["type"]) == (422, "/problems/invalid")
    assert word in answer.get_json()["detail"]
    for error in answer.get_json()["errors"]:  # of the body, not of our types
        assert re.fullmatch(r"[a-z0-9_]+(\.\d+)?", error["field"]), error


def test_a_key_that_is_none_is_refused(ask: Callable[..., TestResponse]) -> None:
    assert ask(key="x" * 201).status_code == 422


def test_without_overseerr_the_list_is_ours_alone_and_says_so(
    app: Flask, ask: Callable[..., TestResponse], overseerr: SandboxProcess
) -> None:
    overseerr.fault("status", status=503)
    ask()
    answer = app.test_client().get(REQUESTS, headers=CLIENT)
    assert (answer.status_code, answer.get_json()["degraded"]) == (200, True)
    assert answer.get_json()["missing"] == ["overseerr"]
    assert [each["media_id"] for each in answer.get_json()["queued"]] == [1]


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


def test_without_an_overseerr_it_says_what_to_set(make_app: Callable[..., Flask]) -> None:
    answer = (
        make_app()
        .test_client()
        .post(REQUESTS, json={"media_type": "movie", "media_id": 1}, headers=CLIENT)
    )
    assert (answer.status_code, answer.get_json()["variable"]) == (503, "MEDIANEST_OVERSEERR_URL")


def test_a_request_that_is_not_there_is_404(app: Flask) -> None:
    answer = app.test_client().get(f"{REQUESTS}/nothing", headers=CLIENT)
    assert (answer.status_code, answer.get_json()["type"]) == (404, "/problems/not-found")


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


def test_a_show_with_many_seasons_is_kept(
    ask: Callable[..., TestResponse], overseerr: SandboxProcess
) -> None:
    answer = ask(5, kind="tv", seasons=list(range(200)))
    assert answer.status_code == 201


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


@pytest.mark.parametrize(
    ("told", "is_shown"),
    [
        ({"media": {"tmdbId": 5}}, True),
        ({"media": None}, True),
        ({"media": {"tmdbId": 6}}, False),
        ({"media": {"tmdbId": 5}, "is4k": True}, False),
        ({"media": {"tmdbId": 5}, "type": "tv"}, False),
    ],
)
def test_a_number_that_is_somebody_elses_now_is_not_shown(
    app: Flask,
    ask: Callable[..., TestResponse],
    monkeypatch: pytest.MonkeyPatch,
    told: dict[str, Any],
    is_shown: bool,
) -> None:
    """Keeps out: an Overseerr that was set up anew shows another title's request as this one's."""
    answer = ask(5)
    found = MediaRequest.model_validate({"id": 1, "type": "movie", **told})
    overseerr = app.extensions["medianest"].media.overseerr
    monkeypatch.setattr(overseerr, "request", lambda number: found)
    seen = not_none(app.test_client().get(answer.headers["Location"], headers=CLIENT).json)
    assert (seen["overseerr"] is not None) == is_shown
    assert seen["state"] == "done"
