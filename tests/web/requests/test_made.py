"""Requests for titles: 201, 200, 202, and never twice."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from medianest.media.overseerr.models import MediaRequest
from medianest.resilience import ManualClock
from medianest.sandbox.process import SandboxProcess
from tests.support.narrowing import not_none
from tests.web.requests.making import CLIENT, REQUESTS, UNKNOWN, look


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


def test_a_show_with_many_seasons_is_kept(
    ask: Callable[..., TestResponse], overseerr: SandboxProcess
) -> None:
    answer = ask(5, kind="tv", seasons=list(range(200)))
    assert answer.status_code == 201


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
