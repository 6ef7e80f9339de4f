"""What was accepted is done, exactly once, whatever dies meanwhile."""

import json
import random
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from medianest.sandbox import SandboxProcess
from tests.support.narrowing import not_none
from tests.support.server import Answer, Server
from tests.support.waiting import wait_until

REQUESTS = "/api/v1/media/requests"
JSON = {"Content-Type": "application/json"}
POISON = 9_000_001
SHED = ("/problems/overloaded", "/problems/bulkhead-full")
WANTED = 300
KILLS = 6


@pytest.fixture(params=["sqlite", "postgresql"])
def server(
    request: pytest.FixtureRequest, serve: Callable[..., Server], overseerr: SandboxProcess
) -> Server:
    """One worker on SQLite, four on PostgreSQL; quick to try again."""
    variables = {}
    if request.param == "postgresql":
        postgres = request.getfixturevalue("postgres")
        url = postgres.make_database("nothing_is_lost")
        variables = {"MEDIANEST_DATABASE_URL": url, "WEB_CONCURRENCY": 4}
    return serve(
        MEDIANEST_OVERSEERR_URL=overseerr.url,
        MEDIANEST_OVERSEERR_API_KEY=overseerr.token,
        MEDIANEST_OVERSEERR_TIMEOUT=1.0,
        MEDIANEST_OVERSEERR_RESET_TIMEOUT=0.5,
        MEDIANEST_OVERSEERR_MAX_RESET_TIMEOUT=1.0,
        MEDIANEST_QUEUE_LEASE=2.0,
        MEDIANEST_QUEUE_INITIAL_DELAY=0.5,
        MEDIANEST_QUEUE_INTERVAL=0.2,
        MEDIANEST_QUEUE_SETTLE=1.0,
        **variables,
    )


def ask_for(server: Server, number: int) -> Answer:
    wish = {"media_type": "movie", "media_id": number}
    if number % 3 == 0 and number != POISON:
        wish = {"media_type": "tv", "media_id": number, "seasons": [1, 2]}
    return server.get(REQUESTS, data=json.dumps(wish).encode(), headers=JSON)


def counts(server: Server) -> dict[str, Any]:
    return server.get("/api/v1/resilience/queue?limit=1").json["queue"]


@pytest.mark.slow
def test_every_title_is_requested_exactly_once(server: Server, overseerr: SandboxProcess) -> None:
    overseerr.kill()
    numbers = [*range(1, WANTED), POISON]
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda number: _accepted(server, number), numbers))
    assert Counter(answer.status for answer in answers) == {202: WANTED}
    assert len({answer.headers["Location"] for answer in answers}) == WANTED
    state = server.get(answers[0].headers["Location"]).json["state"]
    assert state in ("queued", "running")

    overseerr.restart()
    overseerr.fault("latency", seconds=0.05)
    overseerr.fault("lose", share=0.2, path="/api/v1/request")
    for _ in range(KILLS):
        time.sleep(random.uniform(0.1, 0.8))
        assert counts(server)["pending"] > 0  # or the kill would prove nothing
        server.kill()
        server.start()
        server.wait_until()
    overseerr.clear_faults()
    overseerr.fault("lose", share=0.2, path="/api/v1/request")

    left = wait_until(lambda: when_through(server), 120, told=lambda: counts(server))
    assert left is not None
    assert (left["dead"], left["done"]) == (1, WANTED - 1)
    made = Counter(request["mediaId"] for request in overseerr.state()["requests"])
    assert made == dict.fromkeys(range(1, WANTED), 1)
    (dead,) = server.get("/api/v1/resilience/queue?state=dead").json["items"]
    assert dead["payload"]["media_id"] == POISON
    assert "there is no movie" in dead["error"]["message"]
    poison = next(a for a, n in zip(answers, numbers, strict=True) if n == POISON)
    assert server.get(poison.headers["Location"]).json["state"] == "failed"


def when_through(server: Server) -> dict[str, Any] | None:
    """How much of what there is, once nothing is left to be done: each worker counts by itself."""
    left = counts(server)
    return None if left["pending"] or left["running"] else left


def _accepted(server: Server, number: int) -> Answer:
    """Asks until it is let in: a server that sheds load has accepted nothing."""

    def ask() -> Answer | None:
        answer = ask_for(server, number)
        is_shed = answer.status == 503 and answer.json["type"] in SHED
        return None if is_shed else answer

    return not_none(wait_until(ask, 60))
