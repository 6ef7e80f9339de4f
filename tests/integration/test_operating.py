"""What operators and Kubernetes do to the running server."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from medianest.sandbox.process import SandboxProcess
from tests.support import ROOT
from tests.support.server import QUICK, Server
from tests.support.waiting import wait_until

LIBRARIES = "/api/v1/media/libraries"


@pytest.fixture(scope="module")
def running(
    tmp_path_factory: pytest.TempPathFactory, plex_process: SandboxProcess
) -> Iterator[Server]:
    """One server for all but those who end it, or need other settings."""
    upstream = {"MEDIANEST_PLEX_URL": plex_process.url, "MEDIANEST_PLEX_TOKEN": plex_process.token}
    server = Server(tmp_path_factory.mktemp("operating"), **upstream, **QUICK)
    yield server.wait_until()
    server.stop()


@pytest.fixture
def shared(running: Server, plex_sandbox: SandboxProcess) -> Server:
    """The same, with its breakers as they were at the start."""
    for name in ("plex-media-server", "plex-media-server.libraries"):
        running.act("reset", name)
    return running


def test_an_operator_forces_the_breaker_and_ends_it(
    shared: Server, plex_sandbox: SandboxProcess
) -> None:
    shared.get(LIBRARIES)
    assert (
        shared.act("open", reason="maintenance").json["circuit_breaker"]["state"] == "forced_open"
    )
    assert shared.get(LIBRARIES).json["degraded"]
    assert shared.act("enable").json["circuit_breaker"]["state"] == "closed"
    assert not shared.get(LIBRARIES).json["degraded"]
    operation = "plex-media-server.libraries"
    assert shared.act("disable", operation).json["circuit_breaker"]["state"] == "disabled"
    plex_sandbox.fault("status", status=500)
    for _ in range(4):
        shared.get(LIBRARIES)
    assert shared.breaker(operation)["state"] == "disabled"
    assert shared.breaker(operation)["counts"]["failures"] >= 5
    assert shared.act("reset", operation).json["circuit_breaker"]["totals"]["failures"] == 0
    assert shared.act("close", reason="done").json["circuit_breaker"]["reason"] == "done"


def test_what_an_operator_forced_expires(shared: Server) -> None:
    forced = shared.act("open", expires_in_seconds=0.3).json["circuit_breaker"]
    assert forced["expires_at"]
    time.sleep(0.4)
    assert shared.breaker()["state"] == "closed"


def test_without_the_token_an_operator_action_is_refused(shared: Server) -> None:
    path = "/api/v1/resilience/circuit-breakers/plex-media-server/action"
    json_type = {"Content-Type": "application/json"}
    nobody = shared.get(path, data=b'{"action":"open"}', headers=json_type)
    assert (nobody.status, nobody.headers["WWW-Authenticate"]) == (401, "Bearer")
    wrong = shared.get(
        path, data=b'{"action":"open"}', headers={**json_type, "Authorization": "Bearer wrong"}
    )
    assert wrong.status == 401
    assert shared.breaker()["state"] == "closed"


def test_on_sigterm_requests_in_flight_finish(server: Server, plex: SandboxProcess) -> None:
    plex.fault("latency", seconds=0.6)
    answers = []
    client = threading.Thread(target=lambda: answers.append(server.get(LIBRARIES)))
    client.start()
    wait_until(lambda: "/library/sections" in plex.requests()["by_path"])
    assert server.stop(signal.SIGTERM) == 0
    client.join(10)
    assert [answer.status for answer in answers] == [200]


def test_production_without_tokens_answers_probes_and_refuses_the_rest(
    serve: Callable[..., Server],
) -> None:
    server = serve(
        MEDIANEST_ENV="production", MEDIANEST_OPERATOR_TOKEN="", MEDIANEST_DATABASE_MIGRATE="true"
    )
    assert server.get("/api/v1/health/live").status == 200
    assert server.get("/api/v1/health/").status == 200
    refused = server.get(LIBRARIES)
    assert refused.status == 401
    assert "MEDIANEST_CLIENT_TOKEN" in refused.json["detail"]
    assert server.log.count("MEDIANEST_PLEX_URL is not set: libraries") == 1


def test_development_without_a_plex_starts_a_sandbox_that_dies_with_it(
    serve: Callable[..., Server],
) -> None:
    server = serve(MEDIANEST_SANDBOX="true")
    assert server.get(LIBRARIES).json["libraries"]
    children = subprocess.run(
        ["pgrep", "-f", "medianest.sandbox", "-P", str(server.process.pid)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert len(children) == 2  # Plex and Overseerr
    server.process.kill()
    server.process.wait()
    wait_until(lambda: not any(_alive(int(child)) for child in children))


def test_on_sighup_the_workers_are_new_and_the_sandbox_stays(serve: Callable[..., Server]) -> None:
    server = serve(MEDIANEST_SANDBOX="true")
    sent = time.monotonic()
    server.process.send_signal(signal.SIGHUP)

    def is_new() -> bool:
        """Whether the worker that answers began after the signal."""
        asked = time.monotonic()
        began: float = asked - server.get("/api/v1/health/").json["uptime_seconds"]
        return began >= sent

    wait_until(is_new)
    assert not server.get(LIBRARIES).json["degraded"]


def test_silent_clients_do_not_keep_the_threads(shared: Server) -> None:
    """Half requests take all threads, and must give them back by themselves."""
    clients = [socket.create_connection(("127.0.0.1", shared.port)) for _ in range(40)]
    for client in clients:
        client.sendall(b"GET / HTTP/1.1\r\nHo")
    time.sleep(0.2)
    try:
        assert shared.get("/api/v1/health/live", timeout=8).status == 200
    finally:
        for client in clients:
            client.close()


@pytest.mark.parametrize(
    "variables",
    [
        {"MEDIANEST_ENV": "prod"},
        {"MEDIANEST_PLEX_TIMEOUT": "-1"},
        {"MEDIANEST_PLEX_URL": "plex:32400"},
        {"MEDIANEST_PLEX_EXPECTED_ERRORS": "timeout,ENOPE"},
        {"PORT": "0x"},
        {"WEB_CONCURRENCY": "1000"},
        {"HOST": "192.0.2.1"},
        {"GUNICORN_CMD_ARGS": "--worker-class gthread"},
    ],
)
def test_bad_configuration_stops_the_start_with_one_line(
    variables: dict[str, Any], tmp_path: Path
) -> None:
    environment = {**os.environ, "MEDIANEST_INSTANCE_PATH": str(tmp_path), **variables}
    ended = subprocess.run(
        [sys.executable, "-m", "gunicorn"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert ended.returncode != 0
    lines = (ended.stdout + ended.stderr).strip().splitlines()
    assert len(lines) == 1
    named = "worker_class" if "GUNICORN_CMD_ARGS" in variables else next(iter(variables))
    assert named in lines[0]


def test_the_token_of_plex_is_in_no_log_and_no_answer(
    shared: Server, plex_sandbox: SandboxProcess
) -> None:
    plex_sandbox.fault("unauthorized")
    texts = [shared.get(path).body.decode() for path in (LIBRARIES, "/api/v1/media/sessions")]
    texts.append(shared.log)
    texts.append(str(shared.breaker()))
    assert all(plex_sandbox.token not in text for text in texts)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
