"""A database that is slow or locked is nobody's trouble but those who need it, under gunicorn."""

from __future__ import annotations

import itertools
import json
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from medianest.sandbox import SandboxProcess
from tests.support.postgres import PostgresProcess
from tests.support.server import OPERATOR, Answer, Server
from tests.support.slow_disk import SlowDisk
from tests.support.waiting import wait_until

LIBRARIES = "/api/v1/media/libraries"
LIVE = "/api/v1/health/live"
QUEUE = "/api/v1/resilience/queue"
REQUESTS = "/api/v1/media/requests"
JSON = {"Content-Type": "application/json"}
VIEWER = {"Authorization": f"Bearer {OPERATOR}"}
THREADS, WRITERS, READERS, LOOKERS = 16, 14, 3, 24
SECONDS = 4.0
AT_ONCE = 0.25
_numbers = itertools.count()

pytestmark = [pytest.mark.usefixtures("only_crowd"), pytest.mark.slow]


@pytest.fixture
def start(
    serve: Callable[..., Server], plex: SandboxProcess, overseerr: SandboxProcess
) -> Callable[..., Server]:
    def start_it(**variables: Any) -> Server:
        return serve(
            MEDIANEST_PLEX_URL=plex.url,
            MEDIANEST_PLEX_TOKEN=plex.token,
            MEDIANEST_OVERSEERR_URL=overseerr.url,
            MEDIANEST_OVERSEERR_API_KEY=overseerr.token,
            MEDIANEST_THREADS=THREADS,
            **variables,
        )

    return start_it


class Crowd:
    """Clients of a server, each asking again as soon as it has been answered."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._over = threading.Event()
        self._titles = itertools.count(1)
        self._pool = ThreadPoolExecutor(64)
        self._asked: dict[str, list[Future[list[Answer]]]] = {}

    def __enter__(self) -> Crowd:
        return self

    def __exit__(self, *error: None) -> None:
        self._over.set()
        self._pool.shutdown()

    def reads(self, path: str, clients: int, pause: float = 0.0) -> None:
        self._start(path, clients, lambda: self._server.get(path, headers=VIEWER), pause)

    def requests(self, clients: int) -> None:
        self._start(REQUESTS, clients, self._request, 0.0)

    def answers(self, path: str) -> list[Answer]:
        """What all its clients were answered, once they are over."""
        self._over.set()
        return [answer for each in self._asked[path] for answer in each.result(30)]

    def _request(self) -> Answer:
        body = json.dumps({"media_type": "movie", "media_id": next(self._titles)}).encode()
        return self._server.get(REQUESTS, data=body, headers=JSON)

    def _start(self, path: str, clients: int, ask: Callable[..., Any], pause: float) -> None:
        self._asked[path] = [self._pool.submit(self._go_on, ask, pause) for _ in range(clients)]

    def _go_on(self, ask: Callable[..., Any], pause: float) -> list[Answer]:
        answers = []
        while not self._over.wait(pause):
            answers.append(ask())
        return answers


def others_are_served(server: Server) -> None:
    """What writers wait for is nothing to those who ask Plex, or whether we live."""
    with Crowd(server) as crowd:
        crowd.requests(WRITERS)
        crowd.reads(LIBRARIES, READERS)
        crowd.reads(LIVE, 1, pause=0.02)
        time.sleep(SECONDS)
        live_is_left_alone(crowd)
        mostly_served(crowd.answers(LIBRARIES))
        refused = [answer for answer in crowd.answers(REQUESTS) if answer.status != 201]
    assert {answer.status for answer in refused} == {503}
    assert all("Retry-After" in answer.headers for answer in refused)
    at_once = sum(answer.took < AT_ONCE for answer in refused)
    assert at_once >= 0.95 * len(refused)


def live_is_left_alone(crowd: Crowd) -> None:
    answers = crowd.answers(LIVE)
    assert {answer.status for answer in answers} == {200}
    took = sorted(answer.took for answer in answers)
    assert took[int(0.99 * (len(took) - 1))] < AT_ONCE


def mostly_served(answers: list[Answer]) -> None:
    found = Counter(answer.status for answer in answers)
    assert found[200] >= 0.95 * found.total() > 0, found


def is_served_again(server: Server) -> None:
    """Writing is, once nothing is in its way."""
    body = json.dumps({"media_type": "movie", "media_id": 420001}).encode()

    def ask() -> int:
        return server.get(REQUESTS, data=body, headers=JSON).status

    wait_until(lambda: ask() in (200, 201, 202))


@pytest.mark.alone  # whoever waits for the CPU holds a place in flight, and others are refused
@pytest.mark.skipif(not SlowDisk.is_possible(), reason="a slow disk needs a C compiler (cc)")
def test_a_slow_disk_leaves_places_for_those_who_need_none(
    start: Callable[..., Server], tmp_path: Path
) -> None:
    disk = SlowDisk(tmp_path, "medianest.db-wal", 0.25)
    server = start(**disk.variables)
    disk.begin()
    others_are_served(server)
    disk.end()
    is_served_again(server)


def test_a_locked_file_leaves_places_for_those_who_do_not_write(
    start: Callable[..., Server], tmp_path: Path
) -> None:
    server = start()
    (path,) = tmp_path.glob("*/medianest.db")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        others_are_served(server)
        assert server.get(QUEUE, headers=VIEWER).status == 200
    is_served_again(server)


@pytest.fixture
def url(postgres: PostgresProcess) -> str:
    """A PostgreSQL database that no other test locks."""
    return postgres.make_database(f"locked_{next(_numbers)}")


@contextmanager
def locked_table(url: str) -> Iterator[None]:
    with closing(psycopg2.connect(url)) as other:
        other.cursor().execute("LOCK TABLE deferred_operations IN ACCESS EXCLUSIVE MODE")
        yield


def test_a_locked_table_leaves_places_for_those_who_do_not_need_it(
    start: Callable[..., Server], url: str
) -> None:
    server = start(MEDIANEST_DATABASE_URL=url)
    with locked_table(url):
        others_are_served(server)
    is_served_again(server)


def test_those_who_look_at_a_locked_queue_leave_places_for_everybody_else(
    start: Callable[..., Server], url: str
) -> None:
    server = start(MEDIANEST_DATABASE_URL=url)
    with locked_table(url), Crowd(server) as crowd:
        crowd.reads(QUEUE, LOOKERS)
        crowd.requests(WRITERS)
        crowd.reads(LIBRARIES, READERS)
        crowd.reads(LIVE, 1, pause=0.02)
        time.sleep(SECONDS)
        live_is_left_alone(crowd)
        mostly_served(crowd.answers(LIBRARIES))
