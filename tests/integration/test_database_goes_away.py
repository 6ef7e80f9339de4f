"""What clients see when the database freezes, dies and returns, under real gunicorn."""

import json
import os
import sqlite3
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shutil import which
from typing import Any

import pytest

from medianest.sandbox.process import SandboxProcess
from tests.support.postgres import PostgresProcess
from tests.support.server import Answer, Server

REQUESTS = "/api/v1/media/requests"
LIVE = "/api/v1/health/live"
READY = "/api/v1/health/ready"
HISTORY = "/api/v1/resilience/recovery/history?limit=200"
JSON = {"Content-Type": "application/json"}
DEADLINE, MARGIN = 2.0, 0.25
FROZEN = 6.5


@pytest.fixture(scope="module")
def mortal_postgres() -> Iterator[PostgresProcess]:
    server = PostgresProcess()
    yield server
    server.stop()


@pytest.fixture
def own_postgres(mortal_postgres: PostgresProcess) -> PostgresProcess:
    """One without tables, which tests freeze and kill, and leave running."""
    mortal_postgres.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    return mortal_postgres


@pytest.fixture
def start(serve: Callable[..., Server], overseerr: SandboxProcess) -> Callable[..., Server]:
    def start_it(**variables: Any) -> Server:
        return serve(
            MEDIANEST_OVERSEERR_URL=overseerr.url,
            MEDIANEST_OVERSEERR_API_KEY=overseerr.token,
            MEDIANEST_REQUEST_TIMEOUT=DEADLINE,
            MEDIANEST_DATABASE_TIMEOUT=1.0,
            MEDIANEST_DATABASE_MAX_RESET_TIMEOUT=1.3,
            MEDIANEST_HEALTH_INTERVAL=1,
            **variables,
        )

    return start_it


def post(server: Server, number: int) -> Answer:
    body = json.dumps({"media_type": "movie", "media_id": number}).encode()
    return server.get(REQUESTS, data=body, headers=JSON)


def wait_for(condition: Callable[..., Any], seconds: float = 10.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.alone
def test_a_frozen_database_holds_nobody_past_the_deadline(
    start: Callable[..., Server], own_postgres: PostgresProcess
) -> None:
    server = start(MEDIANEST_DATABASE_URL=own_postgres.url())
    assert post(server, 1).status == 201
    stop, numbers = threading.Event(), iter(range(2, 10**6))
    lock = threading.Lock()

    def client(_: int) -> list[Answer]:
        answers = []
        while not stop.is_set():
            with lock:
                number = next(numbers)
            answers.append(post(server, number))
        return answers

    def probe() -> list[Answer]:
        answers = []
        while not stop.is_set():
            answers.append(server.get(LIVE))
            time.sleep(0.05)
        return answers

    with ThreadPoolExecutor(33) as pool:
        clients = [pool.submit(client, number) for number in range(32)]
        probes = pool.submit(probe)
        time.sleep(0.5)
        own_postgres.freeze()
        try:
            time.sleep(FROZEN)
        finally:
            own_postgres.thaw()
        wait_for(lambda: post(server, next(numbers)).status in (200, 201))
        time.sleep(0.5)
        stop.set()
        answers = [answer for each in clients for answer in each.result(30)]
    assert max(answer.took for answer in answers) < DEADLINE + MARGIN
    assert {answer.status for answer in answers} <= {200, 201, 202, 503}
    refused = [answer for answer in answers if answer.status == 503]
    assert refused
    assert all("retry_after_seconds" in answer.json for answer in refused)
    assert {answer.status for answer in probes.result()} == {200}
    assert max(answer.took for answer in probes.result()) < MARGIN
    wait_for(lambda: server.get(READY).status == 200)


def test_a_killed_database_costs_one_reconnect_and_no_error_after_it(
    start: Callable[..., Server], own_postgres: PostgresProcess
) -> None:
    server = start(MEDIANEST_DATABASE_URL=own_postgres.url())
    with ThreadPoolExecutor(8) as pool:
        before = pool.map(lambda number: post(server, number), range(1, 40))
        assert {answer.status for answer in before} == {201}
        own_postgres.kill()
        own_postgres.start()
        after = pool.map(lambda number: post(server, number), range(40, 80))
        assert Counter(answer.status for answer in after) == {201: 40}
    wait_for(lambda: repairs_in(server.get(HISTORY).json["items"]))
    records = server.get(HISTORY).json["items"]
    repairs = repairs_in(records)
    assert len(repairs) == 1
    # While it was away, what runs in the background has failed; afterwards nothing does.
    assert all(
        r["failed_at"] <= repairs[0]["failed_at"] for r in records if r["outcome"] == "failed"
    )


def repairs_in(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [r for r in records if any(s["outcome"] == "repaired" for s in r["steps"])]


def test_the_app_starts_and_serves_without_a_database_and_migrates_when_it_comes(
    start: Callable[..., Server], own_postgres: PostgresProcess, plex: SandboxProcess
) -> None:
    own_postgres.kill()
    server = start(
        ready=False,
        MEDIANEST_DATABASE_URL=own_postgres.url(),
        MEDIANEST_PLEX_URL=plex.url,
        MEDIANEST_PLEX_TOKEN=plex.token,
    )
    assert server.get("/api/v1/media/libraries").json["libraries"]
    not_ready = server.get(READY)
    assert (not_ready.status, not_ready.json["reasons"][0]) == (
        503,
        "the database has not been reached yet",
    )
    answer = post(server, 1)
    assert (answer.status, answer.json["service"]) == (503, "database")
    own_postgres.start()
    wait_for(lambda: server.get(READY).status == 200, 15)
    assert post(server, 1).status == 201


def test_production_does_not_migrate_and_says_so(
    start: Callable[..., Server], own_postgres: PostgresProcess
) -> None:
    server = start(
        ready=False,
        MEDIANEST_DATABASE_URL=own_postgres.url(),
        MEDIANEST_ENV="production",
        MEDIANEST_CLIENT_TOKEN="the-client-token",
    )
    due = "the database is not ready: it has no tables yet: run medianest db upgrade"
    wait_for(lambda: due in server.get(READY).json["reasons"])
    assert server.get(READY).status == 503


def test_a_locked_sqlite_file_is_waited_for_or_told_and_nothing_is_lost(
    start: Callable[..., Server], tmp_path: Path, overseerr: SandboxProcess
) -> None:
    server = start()
    assert post(server, 1).status == 201
    other = sqlite3.connect(tmp_path / "0" / "medianest.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: post(server, number), range(2, 10)))
        assert {answer.json["type"] for answer in answers} == {"/problems/database-busy"}
        assert max(answer.took for answer in answers) < DEADLINE + MARGIN
        assert server.get(REQUESTS).status == 200  # who only reads waits for nobody
        waiting = [pool.submit(post, server, number) for number in range(2, 10)]
        time.sleep(0.3)
        other.execute("COMMIT")
        assert {each.result().status for each in waiting} == {201}
    assert overseerr.state()["count"] == 9
    other.close()


def pending(server: Server) -> int:
    return server.get("/api/v1/resilience/queue").json["queue"]["pending"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_full_disk_is_told_and_nothing_that_was_accepted_is_lost(
    start: Callable[..., Server], tmp_path: Path, overseerr: SandboxProcess
) -> None:
    disk = tmp_path / "0"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)]).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        server = start()
        overseerr.kill()
        accepted = []
        for number in range(1, 5_000):
            answer = post(server, number)
            if answer.status != 202:
                break
            accepted.append(answer.headers["Location"])
        assert (answer.status, answer.json["type"]) == (503, "/problems/database-full")
        assert len(accepted) > 20
        assert server.get(LIVE).status == 200
        wait_for(lambda: pending(server) >= len(accepted) - 1)  # the figures may be seconds old
        subprocess.run(["mount", "-o", "remount,size=20m", str(disk)], check=True)
        overseerr.restart()
        wait_for(lambda: post(server, 6_000).status in (200, 201, 202))
        assert {server.get(location).status for location in accepted} == {200}
        file = sqlite3.connect(disk / "medianest.db")
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        file.close()
        server.stop()
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a file immutable")
@pytest.mark.skipif(which("chattr") is None, reason="no chattr command here (Debian: e2fsprogs)")
def test_a_file_that_may_only_be_read_is_told_and_written_again_when_it_may_be(
    start: Callable[..., Server], tmp_path: Path
) -> None:
    file = tmp_path / "0" / "medianest.db"
    server = start()
    assert post(server, 1).status == 201
    server.stop()
    if subprocess.run(["chattr", "+i", str(file)]).returncode:
        pytest.skip("this file system knows no immutable files")
    try:
        server.reopen()
        server.wait_until("live")
        wait_for(lambda: server.get("/api/v1/resilience/queue").status == 200)
        answer = post(server, 2)
        assert (answer.status, answer.json["type"]) == (503, "/problems/database-read-only")
        assert server.get("/api/v1/resilience/queue").json["queue"]["done"] == 1
    finally:
        subprocess.run(["chattr", "-i", str(file)], check=True)
    wait_for(lambda: post(server, 2).status == 201, 30)
