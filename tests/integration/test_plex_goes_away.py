"""What clients see when Plex dies, hangs, misbehaves and returns, under real gunicorn."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from medianest.sandbox import SandboxProcess
from tests.support.server import Answer, Server
from tests.support.waiting import wait_until

LIBRARIES = "/api/v1/media/libraries"
LIVE = "/api/v1/health/live"
MARGIN = 0.25
"""What an answer may take beyond its deadline, in seconds."""

pytestmark = pytest.mark.usefixtures("only_crowd")


def test_plex_dies_and_returns_and_nothing_is_restarted(
    server: Server, plex: SandboxProcess
) -> None:
    fresh = server.get(LIBRARIES)
    assert (fresh.status, fresh.json["degraded"]) == (200, False)
    plex.kill()
    for _ in range(5):
        answer = server.get(LIBRARIES)
        assert (answer.status, answer.json["degraded"]) == (200, True)
        assert answer.json["libraries"] == fresh.json["libraries"]
        assert int(answer.headers["Age"]) >= 0
    seen = server.breaker()
    assert seen["state"] == "open"
    assert seen["last_failure"]["type"] == "UnreachableError"
    refused = server.get("/api/v1/media/sessions")
    assert (refused.status, refused.json["service"]) == (503, "plex-media-server")
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert int(refused.headers["Retry-After"]) >= 1
    plex.restart()
    wait_until(lambda: not server.get(LIBRARIES).json["degraded"])
    for _ in range(2):
        assert not server.get(LIBRARIES).json["degraded"]
    assert server.breaker()["state"] == "closed"


def test_plex_hangs_and_no_answer_outlives_its_deadline(
    server: Server, plex: SandboxProcess
) -> None:
    deadline = 1.5
    server.get(LIBRARIES)
    plex.fault("hang")
    stop = threading.Event()
    with ThreadPoolExecutor(34) as pool:
        clients = [pool.submit(_ask_until, server, LIBRARIES, stop) for _ in range(32)]
        probe = pool.submit(_ask_until, server, LIVE, stop, 0.02)
        wait_until(lambda: server.breaker("plex-media-server.libraries")["state"] == "open")
        time.sleep(1.0)
        stop.set()
        answers = [answer for client in clients for answer in client.result(30)]
        probes = probe.result(30)
    assert {answer.status for answer in answers} <= {200, 503}
    assert max(answer.took for answer in answers) < deadline + MARGIN
    assert {answer.status for answer in probes} == {200}
    assert max(answer.took for answer in probes) < MARGIN


def test_a_share_of_faults_under_load_is_never_shown_as_a_server_error(
    server: Server, plex: SandboxProcess
) -> None:
    server.get(LIBRARIES)
    plex.fault("reset", share=0.2)
    plex.fault("status", status=502, share=0.2)
    stop = threading.Event()
    with ThreadPoolExecutor(12) as pool:
        clients = [pool.submit(_ask_until, server, LIBRARIES, stop) for _ in range(12)]
        time.sleep(2.0)
        stop.set()
        answers = [answer for client in clients for answer in client.result(30)]
    assert {answer.status for answer in answers} <= {200, 503}
    assert sum(answer.status == 200 for answer in answers) > 100
    shed = [answer.json["type"] for answer in answers if answer.status == 503]
    assert set(shed) <= {"/problems/overloaded"}


def _ask_until(
    server: Server, path: str, stop: threading.Event, pause: float = 0.0
) -> list[Answer]:
    answers = []
    while not stop.is_set():
        answers.append(server.get(path))
        time.sleep(pause)
    return answers
