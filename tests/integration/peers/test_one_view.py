"""Whoever of four workers is asked: one answer, one who asks Plex, one who tells of alerts."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final

import pytest

from medianest.sandbox.process import SandboxProcess
from medianest.web.throttle import AT_ONCE
from tests.integration.test_alerts_reach_people import LetterBox
from tests.support.narrowing import not_none
from tests.support.server import OPERATOR, QUICK, Server
from tests.support.waiting import wait_until

WORKERS: Final = 4
INTERVAL: Final = 0.3
LOOKS: Final = 20
TOKEN: Final = {"Authorization": f"Bearer {OPERATOR}"}
JSON: Final = {**TOKEN, "Content-Type": "application/json"}
DEPENDENCIES: Final = "/api/v1/resilience/dependencies"
BREAKERS: Final = "/api/v1/resilience/circuit-breakers"
PLEX: Final = f"{DEPENDENCIES}/plex-media-server"

MOVING: Final = frozenset({"uptime_seconds", "generated_at", "age_seconds"})
"""What another instant alone makes another."""


@pytest.fixture(scope="module")
def plex() -> Iterator[SandboxProcess]:
    with SandboxProcess.start(kind="plex", port=0) as process:
        yield process


@pytest.fixture(scope="module")
def letters() -> Iterator[LetterBox]:
    box = LetterBox()
    threading.Thread(target=box.serve_forever, args=(0.02,), daemon=True).start()
    yield box
    box.shutdown()
    box.server_close()


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, plex: SandboxProcess, letters: LetterBox
) -> Iterator[Server]:
    running = Server(
        tmp_path_factory.mktemp("view"), WEB_CONCURRENCY=WORKERS, MEDIANEST_PLEX_URL=plex.url,
        MEDIANEST_PLEX_TOKEN=plex.token, MEDIANEST_HEALTH_INTERVAL=INTERVAL,
        MEDIANEST_HEALTH_TIMEOUT=0.3, MEDIANEST_ALERTS_HOLD=0.3, MEDIANEST_ALERTS_RESOLVE_AFTER=0.3,
        MEDIANEST_ALERTS_URLS=letters.url, MEDIANEST_HEALTH_ALLOWED_NETWORKS="127.0.0.0/8", **QUICK,
    ).wait_until()  # fmt: skip
    wait_until(lambda: running.act("reset").json["kept"]["applied"]["of"] == WORKERS)
    wait_until(lambda: elected(running) is not None)
    yield running
    running.stop()


def elected(server: Server) -> int | None:
    """The process that answers for all, as it has done within the last moment."""
    folder = server.directory / "peers"
    inode = (folder / "leader").stat().st_ino
    for line in Path("/proc/locks").read_text().splitlines():
        words = line.split()
        if words[1] == "FLOCK" and words[5].endswith(f":{inode}") and (folder / "looks").exists():
            return int(words[4])
    return None


def still(found: Any) -> Any:
    """Without what moves by itself."""
    if isinstance(found, dict):
        return {name: still(each) for name, each in found.items() if name not in MOVING}
    return [still(each) for each in found] if isinstance(found, list) else found


def looks(server: Server, path: str) -> set[str]:
    """What twenty see; each request is a new connection."""
    answers = [server.get(path, headers=TOKEN) for _ in range(LOOKS)]
    return {json.dumps(still(answer.json), sort_keys=True) for answer in answers}


def changed_at(server: Server, name: str) -> float:
    """Since when it is as it is, in seconds since 1970."""
    found = server.get("/api/v1/health/comprehensive", headers=TOKEN).json["by_name"]
    return datetime.fromisoformat(found[name]["changed_at"]).timestamp()


@contextmanager
def standing_still(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_twenty_looks_see_one_answer(server: Server) -> None:
    """Keeps out: each worker told of its own breakers."""
    for _ in range(10):
        server.get("/api/v1/media/libraries", headers=TOKEN)
    for path in (BREAKERS, "/api/v1/health/circuit-breakers", "/api/v1/resilience/status"):
        # A report is made anew each second.
        wait_until(lambda path=path: len(looks(server, path)) == 1)  # type: ignore[misc]


def test_twenty_looks_see_one_page(server: Server) -> None:
    headers = {**TOKEN, "Accept": "text/html"}
    found = [server.get("/alerts?fragment", headers=headers) for _ in range(LOOKS)]
    (tag,) = {each.headers["ETag"] for each in found}
    headers["If-None-Match"] = tag
    found = [server.get("/alerts?fragment", headers=headers) for _ in range(LOOKS)]
    assert {each.status for each in found} == {304}


def test_plex_is_asked_as_often_as_by_one_worker(server: Server, plex: SandboxProcess) -> None:
    before, seconds = plex.requests()["by_path"]["/identity"], 2.0
    time.sleep(seconds)
    asked = plex.requests()["by_path"]["/identity"] - before
    assert seconds / INTERVAL / 2 <= asked <= seconds / INTERVAL + 1


def test_what_is_registered_is_there_for_all_at_once(server: Server) -> None:
    """Keeps out: its Location was a 404 on three of four workers for one interval of checks."""
    nas = {"name": "nas", "type": "internal-service", "criticality": "optional"}
    body = json.dumps(nas).encode()
    answer = server.get(DEPENDENCIES, headers=JSON, data=body)
    assert answer.status == 201, answer.body
    found = [server.get(answer.headers["Location"], headers=TOKEN) for _ in range(LOOKS)]
    assert {each.status for each in found} == {200}
    # Also where each has to answer by itself.
    with standing_still(not_none(elected(server))):
        found = [server.get(answer.headers["Location"], headers=TOKEN) for _ in range(LOOKS)]
    assert {each.status for each in found} == {200}


def test_guesses_at_any_worker_slow_those_at_all(server: Server) -> None:
    guess = {**JSON, "Authorization": "Bearer wrong"}
    body = b'{"action": "open", "reason": "x"}'
    for _ in range(2 * AT_ONCE):  # of which one worker refuses half
        guessed(server, guess, body)
    time.sleep(0.5)  # by then all have heard of all
    assert [guessed(server, guess, body) for _ in range(12)].count(401) <= 1


def guessed(server: Server, headers: dict[str, str], body: bytes) -> int:
    """What a stranger is answered: from an address that no right token has come from."""
    here = HTTPConnection("127.0.0.1", server.port, timeout=5, source_address=("127.0.0.5", 0))
    with closing(here) as connection:
        connection.request("POST", f"{BREAKERS}/plex/action", body, headers)
        return connection.getresponse().status


@pytest.mark.few  # who waits for the processor answers later
def test_nobody_waits_for_one_that_stands_still(server: Server) -> None:
    with standing_still(not_none(elected(server))):
        found = [server.get(BREAKERS, headers=TOKEN) for _ in range(LOOKS)]
    assert {each.status for each in found} == {200}
    assert max(each.took for each in found) < 0.5
    wait_until(lambda: len(looks(server, BREAKERS)) == 1)


@pytest.mark.few  # the next one is elected within a second
def test_an_alert_goes_on_when_who_tells_it_dies(
    server: Server, plex: SandboxProcess, letters: LetterBox
) -> None:
    well_since = changed_at(server, "database")
    plex.fault("reset")
    wait_until(lambda: letters.letters)
    time.sleep(1.1)  # in which the others are told
    down_since = changed_at(server, "plex-media-server")
    pid = not_none(elected(server))
    os.kill(pid, signal.SIGKILL)
    looked = server.get(PLEX, headers=TOKEN)
    assert looked.took < 1
    assert looked.json["health"]["status"] == "unhealthy"
    wait_until(lambda: elected(server) not in (None, pid))
    assert changed_at(server, "plex-media-server") == pytest.approx(down_since, abs=0.1)
    assert changed_at(server, "database") == pytest.approx(well_since, abs=0.1)
    wait_until(lambda: len(looks(server, BREAKERS)) == 1)
    time.sleep(1.0)  # in which the new one would tell it again, or as over
    assert len(letters.letters) == 1
    plex.clear_faults()
    wait_until(lambda: len(letters.letters) > 1)
    time.sleep(1.0)  # in which another one would tell it, too
    assert [title for title, _ in letters.letters] == [
        "MediaNest: warning: plex-media-server",
        "MediaNest: resolved: plex-media-server",
    ]
