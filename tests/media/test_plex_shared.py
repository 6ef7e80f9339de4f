"""Plex's last good answers in Redis: what a restarted app, and another worker, make of them."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from medianest.app import create_app
from medianest.media.answer import Answer
from medianest.resilience import ManualClock
from medianest.sandbox import SandboxProcess
from tests.support.narrowing import not_none
from tests.support.valkey import ValkeyProcess

"""What an answer of Plex may take in a test, in seconds."""

CLIENT = {"Authorization": "Bearer the-client-token"}
QUESTIONS = (
    "/api/v1/media/libraries",
    "/api/v1/media/libraries/1/items?limit=3",
    "/api/v1/media/recently-added?limit=5",
)


@pytest.fixture
def start(
    plex_sandbox: SandboxProcess, valkey: ValkeyProcess, clock: ManualClock, tmp_path: Path
) -> Iterator[Callable[..., FlaskClient]]:
    """`start()` is a new process of the app."""
    started = []

    def start(*, redis: str | None = valkey.url, plex: str = plex_sandbox.url) -> FlaskClient:
        settings = {
            "env": "testing",
            "instance_path": tmp_path,
            "client_token": "the-client-token",
            "plex": {"url": plex, "token": plex_sandbox.token},
            "redis": {"url": redis},
        }
        app = create_app(settings, clock=clock)
        started.append(app.extensions["medianest"])
        return app.test_client()

    yield start
    for parts in started:
        parts.media.plex.close()
        parts.storage.database.close()
        if parts.redis is not None:
            parts.redis.close()


@pytest.mark.parametrize("question", QUESTIONS)
def test_after_a_restart_the_last_good_answer_is_there(
    start: Callable[..., FlaskClient],
    plex_sandbox: SandboxProcess,
    clock: ManualClock,
    question: str,
) -> None:
    fresh = start().get(question, headers=CLIENT)
    assert (fresh.status_code, fresh.get_json()["degraded"]) == (200, False)
    plex_sandbox.fault("status", status=500)
    clock.advance(90)
    again = start().get(question, headers=CLIENT)
    assert (again.status_code, again.headers["Age"]) == (200, "90")
    assert again.get_json() == {**fresh.get_json(), "degraded": True}


def test_another_worker_shares_it_and_the_figures_say_so(
    start: Callable[..., FlaskClient], plex_sandbox: SandboxProcess
) -> None:
    first, second = start(), start()
    first.get(QUESTIONS[0], headers=CLIENT)
    plex_sandbox.fault("status", status=500)
    assert second.get(QUESTIONS[0], headers=CLIENT).get_json()["degraded"]
    parts = second.application.extensions["medianest"]
    figures = parts.media.plex.last_good_figures()
    assert [f.name.split(":")[1] for f in figures] == ["libraries", "items", "recently-added"]
    assert (figures[0].redis.served, figures[0].hit_rate) == (1, 1.0)


def test_the_answers_of_one_plex_are_not_served_for_another(
    start: Callable[..., FlaskClient],
) -> None:
    start().get(QUESTIONS[0], headers=CLIENT)
    other = start(plex="http://127.0.0.1:1").get(QUESTIONS[0], headers=CLIENT)
    assert other.status_code == 503


def test_without_redis_a_restart_forgets(
    start: Callable[..., FlaskClient], plex_sandbox: SandboxProcess
) -> None:
    start(redis=None).get(QUESTIONS[0], headers=CLIENT)
    plex_sandbox.fault("status", status=500)
    assert start(redis=None).get(QUESTIONS[0], headers=CLIENT).status_code == 503


def test_a_redis_that_is_away_is_not_seen_by_clients(
    start: Callable[..., FlaskClient], plex_sandbox: SandboxProcess
) -> None:
    client = start(redis="redis://:s3cret@127.0.0.1:1")
    assert not client.get(QUESTIONS[0], headers=CLIENT).get_json()["degraded"]
    plex_sandbox.fault("status", status=500)
    assert client.get(QUESTIONS[0], headers=CLIENT).get_json()["degraded"]
    unknown = client.get(QUESTIONS[1], headers=CLIENT)
    assert (unknown.status_code, unknown.get_json()["service"]) == (503, "plex-media-server")


@pytest.mark.parametrize(
    "odd",
    [
        {"as_of": "0001-01-01T00:00:00+14:00"},
        {"as_of": "9999-12-31T23:59:59-14:00"},
        {"as_of": 1e300},
        {"value": [{"title": "\ud83c", "type": "movie", "key": "1"}]},
        {"value": [{"title": "Films", "type": "movie"}]},
        {"value": {}},
        {"value": [{"title": "Films", "type": "movie", "key": "1", "created_at": 10**30}]},
        {"degraded": [], "age": "old"},
    ],
)
def test_what_is_odd_in_redis_is_never_an_error(
    start: Callable[..., FlaskClient],
    plex_sandbox: SandboxProcess,
    valkey: ValkeyProcess,
    odd: dict[str, Any],
) -> None:
    """Keeps out: a 500 for a day, from what somebody wrote into Redis."""
    start().get(QUESTIONS[0], headers=CLIENT)
    with valkey.client() as raw:
        for key in raw.scan_iter("medianest:*\\[\\]"):
            stamp, value = raw.get(key).split(b" ", 1)
            raw.set(key, stamp + b" " + json.dumps({**json.loads(value), **odd}).encode())
    plex_sandbox.fault("status", status=500)
    answer = start().get(QUESTIONS[0], headers=CLIENT)
    assert (answer.status_code, not_none(answer.json).get("degraded", True)) in (
        (200, True),
        (503, True),
    )


def test_what_is_kept_is_read_back_as_it_was(
    plex_sandbox: SandboxProcess, start: Callable[..., FlaskClient]
) -> None:
    """Keeps out: durations divided by 1000 and times lost, as Plex's own JSON is read so."""

    def answers() -> list[Answer[Any]]:
        plex = start().application.extensions["medianest"].media.plex
        return [plex.libraries(), plex.items("1", 0, 50), plex.recently_added(50)]

    fresh = answers()
    plex_sandbox.fault("status", status=500)
    kept = answers()
    assert all(answer.degraded for answer in kept)
    assert [replace(answer, degraded=False) for answer in kept] == fresh
