"""What an operator has said lasts, whatever ends the processes, and with the database down."""

import os
import signal
import time
from collections.abc import Callable

import psutil
import pytest

from tests.support.server import OPERATOR, Server
from tests.support.waiting import wait_until

AWAY = {
    "MEDIANEST_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
    "MEDIANEST_PLEX_URL": "http://127.0.0.1:1",
}


def workers(server: Server) -> set[int]:
    return {child.pid for child in psutil.Process(server.process.pid).children()}


def end(server: Server, *pids: int, number: signal.Signals) -> None:
    """Signal them, and wait until only others are there."""
    before = workers(server)
    for pid in pids:
        os.kill(pid, number)
    wait_until(lambda: (now := workers(server)) and not now & before, 15)


def states(server: Server, number: int = 12) -> set[str]:
    """Of whichever worker answers; each request is a new connection."""
    found = set()
    while number:
        try:
            found.add(server.breaker()["state"])
            number -= 1
        except OSError:  # between two workers
            time.sleep(0.02)
    return found


@pytest.mark.slow
def test_an_override_outlives_workers_and_servers(serve: Callable[..., Server]) -> None:
    server = serve(ready=False, WEB_CONCURRENCY=2, **AWAY)
    answer = server.act("open", reason="moving", expires_in_seconds=3600)
    assert (answer.status, answer.json["kept"]["database"]) == (200, False)
    assert answer.json["kept"]["file"]
    assert answer.json["kept"]["applied"] == {"workers": 2, "of": 2, "silent": []}
    assert states(server, 30) == {"forced_open"}

    end(server, *workers(server), number=signal.SIGKILL)
    assert states(server) == {"forced_open"}
    end(server, server.process.pid, number=signal.SIGHUP)
    assert states(server) == {"forced_open"}
    server.kill()
    server.start()
    server.wait_until("live")
    assert states(server) == {"forced_open"}
    assert server.breaker()["reason"] == "moving"


def test_a_worker_that_is_forked_of_an_app_made_before_obeys(serve: Callable[..., Server]) -> None:
    """Keeps out: with --preload the app is older than what was said since."""
    server = serve(ready=False, GUNICORN_CMD_ARGS="--preload", **AWAY)
    server.act("disable")
    end(server, *workers(server), number=signal.SIGKILL)
    assert states(server) == {"disabled"}
    listed = server.get(
        "/api/v1/resilience/overrides", headers={"Authorization": f"Bearer {OPERATOR}"}
    )
    assert [each["name"] for each in listed.json["overrides"]] == ["plex-media-server"]
