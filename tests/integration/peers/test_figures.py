"""Figures are those of all workers, whoever is scraped and whoever dies."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.narrowing import not_none
from tests.support.prometheus import Prometheus
from tests.support.server import OPERATOR, Server
from tests.support.waiting import wait_until

LONG = "MEDIANEST_TEST_LONG" in os.environ
"""Whether scrapes are as far apart as in a house: read before tests clear the environment."""

JOBS = {"often": 5, "seldom": 16} if LONG else {"often": 1, "seldom": 3}
BETWEEN_DEATHS = 16.0 if LONG else 1.4
DEATHS = 10
A_SECOND = 50
LIVE = "/api/v1/health/live"
COUNTS = '{__name__=~"(medianest|process)_.+_(total|count|sum|bucket)"}'
FORCED_OPEN = 'medianest_circuitbreaker_state{name="plex-media-server",state="forced_open"}'
REQUESTS = f'medianest_http_server_requests_total{{route="{LIVE}"}}'


def of_workers(server: Server) -> list[int]:
    return [child.pid for child in psutil.Process(server.process.pid).children()]


def counted(server: Server) -> float:
    """The requests of LIVE, as whoever answers tells."""
    text = server.get("/metrics", headers={"Authorization": f"Bearer {OPERATOR}"}).body.decode()
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "medianest_http_server_requests_total" and LIVE in sample.labels["route"]
    )


def elected(server: Server) -> int | None:
    """The process that holds the lock of who is elected."""
    inode = (server.directory / "peers" / "leader").stat().st_ino
    for line in Path("/proc/locks").read_text().splitlines():
        fields = line.split()
        if fields[1] == "FLOCK" and fields[5].endswith(f":{inode}"):
            return int(fields[4])
    return None


def test_nothing_is_lost_when_workers_are_replaced(serve: Callable[..., Server]) -> None:
    """By max_requests, and by SIGHUP: who ends shows what it has counted for the last time."""
    server = serve(ready=False, WEB_CONCURRENCY=2, GUNICORN_CMD_ARGS="--max-requests 40")
    begun = set(of_workers(server))
    server.get(LIVE)
    time.sleep(0.2)  # figures of a tenth of a second are young enough
    before = counted(server)
    for _ in range(100):
        assert server.get(LIVE).status == 200
    os.kill(server.process.pid, signal.SIGHUP)
    wait_until(lambda: (now := of_workers(server)) and not begun & set(now), 15)
    time.sleep(0.2)
    assert {counted(server) for _ in range(6)} == {before + 100}


class Client:
    """Asks LIVE so many times a second, by a new connection each time, and knows when it was
    answered."""

    def __init__(self, server: Server) -> None:
        self.answered: list[float] = []
        self._server, self._ends = server, threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Client:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()

    def rate(self, begin: float, end: float) -> float:
        return sum(begin <= each < end for each in self.answered) / (end - begin)

    def _run(self) -> None:
        due = time.monotonic()
        while not self._ends.wait(max(0.0, due - time.monotonic())):
            due += 1 / A_SECOND
            try:
                if self._server.get(LIVE, timeout=5).status == 200:
                    self.answered.append(time.time())
            except OSError:
                pass  # of the worker that was killed


def kill_one(server: Server, *, that_is_elected: bool) -> None:
    """As the kernel does that needs memory."""
    leader = elected(server)
    others = [each for each in of_workers(server) if each != leader]
    os.kill(not_none(leader) if that_is_elected else random.choice(others), signal.SIGKILL)


@pytest.mark.alone  # who waits for the processor writes what it has counted later
@pytest.mark.slow
def test_prometheus_counts_what_a_client_counts_while_workers_die(
    serve: Callable[..., Server], tmp_path: Path
) -> None:
    """Keeps out: it saw one worker of four for ever, and jumped when that one died."""
    server = serve(ready=False, WEB_CONCURRENCY=4, MEDIANEST_PLEX_URL="http://127.0.0.1:1")
    wait_until(lambda: server.act("reset").json["kept"]["applied"]["of"] == 4)
    with (
        Client(server) as client,
        Prometheus.scraping(server.port, OPERATOR, JOBS, tmp_path) as prometheus,
    ):
        wait_until(lambda: len(prometheus.ask(REQUESTS)) == len(JOBS), 40)
        began = time.time()
        for number in range(DEATHS):
            time.sleep(BETWEEN_DEATHS)
            kill_one(server, that_is_elected=number % 2 == 0)
        assert server.act("open").status in (200, 202)
        acted = time.time()
        time.sleep(max(JOBS.values()) + 1.5)
        ended = time.time()
        window = f"[{int(ended - began)}s]"
        found = prometheus.ask(f"{COUNTS}{window}", ended)
        assert len(found) > 500
        assert [each for each in found if goes_backwards(each)] == []
        rates = {
            each["metric"]["job"]: float(each["value"][1])
            for each in prometheus.ask(f"rate({REQUESTS}{window})", ended)
        }
        made = client.rate(ended - int(ended - began), ended)
        assert rates == {job: pytest.approx(made, rel=0.05) for job in JOBS}
        assert_seen_by_next_scrape(prometheus.ask(f"{FORCED_OPEN}{window}", ended), acted)


def goes_backwards(series: dict[str, Any]) -> bool:
    values = [float(value) for _, value in series["values"]]
    return values != sorted(values)


def assert_seen_by_next_scrape(series: list[dict[str, Any]], acted: float) -> None:
    assert {each["metric"]["job"] for each in series} == {*JOBS}
    for each in series:
        values = [(float(at), value) for at, value in each["values"]]
        assert {value for at, value in values if at < acted - 1} == {"0"}
        assert next(value for at, value in values if at > acted) == "1", values
