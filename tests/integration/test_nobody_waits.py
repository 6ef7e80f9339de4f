"""Nobody waits for what is known, and nobody gets old answers for long, under real gunicorn."""

import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from medianest.sandbox import SandboxProcess
from tests.support.server import OPERATOR, Answer, Server
from tests.support.waiting import wait_until

LIBRARIES, SESSIONS = "/api/v1/media/libraries", "/api/v1/media/sessions"
PLEX = "/api/v1/resilience/dependencies/plex-media-server"
VIEWER = {"Authorization": f"Bearer {OPERATOR}"}
CLIENTS = 32
PATIENCE, MARGIN = 1.5, 0.25
"""Seconds: the setting's default, and what an answer may take beyond it."""


@pytest.fixture
def server(serve: Callable[..., Server], plex: SandboxProcess) -> Server:
    """All that matters here as it is by default."""
    return serve(
        MEDIANEST_ENV="production",
        MEDIANEST_DATABASE_MIGRATE="true",
        MEDIANEST_CLIENT_TOKEN=OPERATOR + "-client",
        MEDIANEST_VIEWER_TOKEN=OPERATOR + "-viewer",
        MEDIANEST_PLEX_URL=plex.url,
        MEDIANEST_PLEX_TOKEN=plex.token,
    )


def ask(server: Server, path: str) -> Answer:
    return server.get(path, headers={"Authorization": f"Bearer {OPERATOR}-client"})


def ask_for(server: Server, path: str, seconds: float, clients: int = CLIENTS) -> list[Answer]:
    """The answers to so many clients who ask again and again."""
    gate, until = threading.Barrier(clients), []

    def client() -> list[Answer]:
        gate.wait()
        until.append(time.monotonic() + seconds)
        answers = []
        while time.monotonic() < until[0]:
            answers.append(ask(server, path))
        return answers

    with ThreadPoolExecutor(clients) as pool:
        asked = [pool.submit(client) for _ in range(clients)]
        return [answer for each in asked for answer in each.result(60)]


def p99(answers: list[Answer]) -> float:
    took = sorted(answer.took for answer in answers)
    return took[math.ceil(0.99 * len(took)) - 1]


def shared(server: Server) -> dict[str, dict[str, Any]]:
    figures = server.get("/api/v1/resilience/metrics", headers=VIEWER).json
    return {each["name"]: each for each in figures["coalescing"]}


@pytest.mark.usefixtures("only_crowd")
def test_with_a_good_answer_in_memory_a_hung_plex_costs_patience_from_the_first_call(
    server: Server, plex: SandboxProcess
) -> None:
    assert not ask(server, LIBRARIES).json["degraded"]
    plex.fault("hang")
    answers = ask_for(server, LIBRARIES, 4.0)
    assert {(answer.status, answer.json["degraded"]) for answer in answers} == {(200, True)}
    assert p99(answers) <= PATIENCE + MARGIN
    assert plex.requests()["by_path"]["/library/sections"] == 2


@pytest.mark.usefixtures("only_crowd")
def test_clients_of_a_healthy_slow_plex_share_its_answers_and_get_fresh_ones(
    server: Server, plex: SandboxProcess
) -> None:
    plex.fault("latency", seconds=0.1)
    seconds = 3.0
    answers = ask_for(server, LIBRARIES, seconds)
    assert {(answer.status, answer.json["degraded"]) for answer in answers} == {(200, False)}
    # One flight at a time: no more of them than can follow each other.
    asked = plex.requests()["by_path"]["/library/sections"]
    assert asked <= (seconds + 1) / 0.1
    figures = shared(server)["plex-media-server.libraries"]
    assert (figures["flights"], figures["rejected"]) == (asked, 0)
    assert figures["flights"] + figures["shared"] == len(answers)


@pytest.mark.slow
def test_one_broken_operation_costs_no_other_and_is_fresh_soon_after(
    serve: Callable[..., Server], plex: SandboxProcess
) -> None:
    """Compressed: the wait between probes is a twentieth of the default."""
    short = 0.05
    server = serve(
        MEDIANEST_PLEX_URL=plex.url,
        MEDIANEST_PLEX_TOKEN=plex.token,
        MEDIANEST_PLEX_RESET_TIMEOUT=10 * short,
        MEDIANEST_PLEX_MAX_RESET_TIMEOUT=20 * short,
        MEDIANEST_HEALTH_INTERVAL=0.25,
    )
    fresh = server.get(LIBRARIES).json
    plex.fault("status", status=500, path="/library")
    sessions, told = [], []
    until = time.monotonic() + 240 * short / 4
    while time.monotonic() < until:
        answer = server.get(LIBRARIES)
        assert (answer.status, answer.json["degraded"]) == (200, True)
        sessions.append(server.get(SESSIONS).status)
        told.append(server.get(PLEX, headers=VIEWER).json["health"])
        time.sleep(0.05)
    assert set(sessions) == {200}
    named = [each for each in told if "plex-media-server.libraries" in (each["message"] or "")]
    assert {each["status"] for each in named} == {"degraded"}
    assert len(named) > 0.9 * len(told)
    plex.clear_faults()
    plex.reset_requests()
    # No client asks: what Plex is asked is what the app asks by itself.
    wait_until(
        lambda: plex.requests()["by_path"].get("/library/sections", 0) >= 3, 30 * short + 1.5
    )
    now = server.get(LIBRARIES).json
    assert not now["degraded"]
    assert now["libraries"] == fresh["libraries"]
