"""Accepted is accepted: whatever ails Overseerr or stands in front of it, each request is made once
when that is over, and while it lasts somebody is told.

MEDIANEST_TEST_STALLS=60,130,300 has its source stall for so many seconds with the settings of
production, and each other trouble last for the first of them; that takes its time, and is left
out otherwise.
"""

import itertools
import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from medianest.sandbox.process import SandboxProcess
from tests.support.server import Server
from tests.support.waiting import wait_until

REQUESTS = "/api/v1/media/requests"
JSON = {"Content-Type": "application/json"}
WANTED = 20
STALLS = [float(each) for each in os.environ.get("MEDIANEST_TEST_STALLS", "").split(",") if each]
QUICK: dict[str, Any] = {
    "MEDIANEST_OVERSEERR_TIMEOUT": 1.0,
    "MEDIANEST_OVERSEERR_RESET_TIMEOUT": 0.25,
    "MEDIANEST_OVERSEERR_MAX_RESET_TIMEOUT": 0.5,
    "MEDIANEST_QUEUE_INITIAL_DELAY": 0.1,
    "MEDIANEST_QUEUE_INTERVAL": 0.1,
    "MEDIANEST_QUEUE_MAX_DELAY": 0.5,
    "MEDIANEST_QUEUE_SETTLE": 2.0,
    "MEDIANEST_HEALTH_INTERVAL": 0.1,
    "MEDIANEST_HEALTH_UNHEALTHY_AFTER": 2,
    "MEDIANEST_ALERTS_HOLD": 0.2,
    "MEDIANEST_ALERTS_RESOLVE_AFTER": 0.2,
    "MEDIANEST_ALERTS_COOL_DOWN": 0.2,
}
OTHERS = 0.7
"""Seconds in which whatever else would be told is told: three times those that an alert is held."""
TROUBLES: list[tuple[str, dict[str, Any]]] = [
    ("source", {"failure": "ECONNREFUSED"}),
    ("source", {"failure": "ENOTFOUND"}),
    ("stall", {"seconds": 30}),
    ("proxy", {"status": 404}),
    ("proxy", {"status": 403}),
    ("proxy", {"status": 400}),
    ("quota", {}),
    ("csrf", {}),
    ("locked", {"message": "SQLITE_CANTOPEN: unable to open database file"}),
    ("unauthorized", {}),
]


_numbers = itertools.count(1000)


def wishes() -> Iterator[dict[str, Any]]:
    """Movies and shows in turn, that nobody has wished for yet."""
    for number in itertools.islice(_numbers, WANTED):
        show = {"media_type": "tv", "media_id": number, "seasons": [1, 2]}
        yield show if number % 4 == 0 else {"media_type": "movie", "media_id": number}


def accepted(server: Server, wish: dict[str, Any]) -> int:

    def ask() -> int:
        answer = server.get(REQUESTS, data=json.dumps(wish).encode(), headers=JSON)
        assert answer.status in (201, 202, 503), answer.body
        return answer.status if answer.status != 503 else 0

    return wait_until(ask, 60)


def counts(server: Server) -> dict[str, Any]:
    return server.get("/api/v1/resilience/queue?limit=1").json["queue"]


def score(server: Server) -> int:
    """Of all but the processors, which the tests themselves may keep busy."""
    found = server.get("/api/v1/resilience/status").json["score"]
    return 100 - sum(each["points"] for each in found["deductions"] if each["what"] != "cpu")


def firing(server: Server) -> dict[tuple[str, str], str]:
    told = server.get("/api/v1/resilience/alerts").json["firing"]
    return {(alert["rule"], alert["subject"]): alert["message"] for alert in told}


def made(overseerr: SandboxProcess) -> Counter[str]:
    return Counter(each["mediaId"] for each in overseerr.state()["requests"])


@pytest.fixture(scope="module")
def overseerr(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    """One that gets from each trouble into the next."""
    state = tmp_path_factory.mktemp("overseerr") / "overseerr.jsonl"
    with SandboxProcess.start(kind="overseerr", port=0, state=state) as process:
        yield process


@pytest.fixture(scope="module")
def server(overseerr: SandboxProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One for all troubles of seconds: after each it is as well as before."""
    upstream: dict[str, Any] = {
        "MEDIANEST_OVERSEERR_URL": overseerr.url,
        "MEDIANEST_OVERSEERR_API_KEY": overseerr.token,
    }
    server = Server(tmp_path_factory.mktemp("trouble"), **upstream, **QUICK)
    yield server.wait_until()
    server.stop()


@pytest.fixture(autouse=True)
def trouble_ends(overseerr: SandboxProcess) -> Iterator[None]:
    yield
    overseerr.clear_faults()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "options"),
    TROUBLES,
    ids=[f"{k}-{'-'.join(map(str, o.values()))}" for k, o in TROUBLES],
)
def test_what_was_accepted_is_made_once_when_it_is_over(
    server: Server, overseerr: SandboxProcess, kind: str, options: dict[str, Any]
) -> None:
    wait_until(lambda: score(server) == 100, 10)
    before = made(overseerr)
    overseerr.fault(kind, **options)
    wanted = list(wishes())
    for wish in wanted:
        accepted(server, wish)
    wait_until(lambda: score(server) < 100, 20)
    told = wait_until(lambda: firing(server), 20)
    time.sleep(OTHERS)
    assert len(firing(server)) == 1, (told, firing(server))
    assert {subject for _, subject in told} == {"overseerr"}
    if kind in ("source", "stall"):
        assert "cannot reach its source (TMDB)" in "".join(told.values())
        assert server.get(REQUESTS).json["missing"] == []  # lists go on
    overseerr.clear_faults()
    all_of_them = before.total() + WANTED
    wait_until(lambda: _done(counts(server)) == all_of_them, 60, told=lambda: server.log[-3000:])
    assert made(overseerr) == before | Counter(wish["media_id"] for wish in wanted)
    wait_until(lambda: not firing(server), 20)


def _done(found: dict[str, Any]) -> int:
    """How many are, once none waits: what is told may be a second old, from before the first."""
    return 0 if _open(found) else int(found["done"])


def _open(found: dict[str, Any]) -> int:
    return found["pending"] + found["running"]


LONG = [("stall", {"seconds": 3600}, seconds) for seconds in STALLS]
LONG += [(kind, options, STALLS[0]) for kind, options in TROUBLES if STALLS and kind != "stall"]
MADE_WITHIN = 60
SETTLING = 120 + 30  # what may have been made is looked for, and once more after that
MAY_HAVE_BEEN_MADE = ("stall", "locked")


@pytest.mark.skipif(not STALLS, reason="MEDIANEST_TEST_STALLS asks for no stalls of minutes")
@pytest.mark.parametrize(("kind", "options", "seconds"), LONG or [("stall", {}, 0.0)])
def test_a_trouble_of_minutes_makes_nothing_twice(
    serve: Callable[..., Server], overseerr: SandboxProcess, kind: Any, options: Any, seconds: Any
) -> None:
    server = serve(
        MEDIANEST_OVERSEERR_URL=overseerr.url, MEDIANEST_OVERSEERR_API_KEY=overseerr.token
    )
    before = made(overseerr)
    overseerr.fault(kind, **options)
    wanted = list(wishes())
    began = time.monotonic()
    for wish in wanted:
        accepted(server, wish)
    time.sleep(max(0.0, seconds - (time.monotonic() - began)))
    assert server.get("/api/v1/resilience/status").json["score"]["score"] < 100
    assert len(firing(server)) == 1, firing(server)
    overseerr.clear_faults()
    longest = MADE_WITHIN + (SETTLING if kind in MAY_HAVE_BEEN_MADE else 0)
    left = wait_until(lambda: not _open(counts(server)) and counts(server), longest)
    assert left, counts(server)
    assert left["dead"] == 0, counts(server)
    assert made(overseerr) == before | Counter(wish["media_id"] for wish in wanted)
