"""The real server, whose log is a pipe that is full: who logs hangs, if writing is part of it."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support import ROOT
from tests.support.server import OPERATOR, Server
from tests.support.waiting import wait_until


class Unread(Server):
    """Its standard error is `pipe`, and full from the start."""

    def start(self) -> None:
        self.pipe, full = os.pipe()
        os.set_blocking(full, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(full, b"\n" * 2**12)
        os.set_blocking(full, True)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn"], cwd=ROOT, env=self._environment,
            stdout=self._log, stderr=full, start_new_session=True,
        )  # fmt: skip
        os.close(full)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Unread]:
    away: dict[str, Any] = {
        "MEDIANEST_PLEX_URL": "http://127.0.0.1:9",
        "MEDIANEST_PLEX_TOKEN": "secret",
    }
    server = Unread(tmp_path, MEDIANEST_LOG_JSON="true", **away)
    try:
        server.wait_until("live")
        yield server
    finally:
        server.stop()
        os.close(server.pipe)


def workers(server: Unread) -> list[int]:
    return [each.pid for each in psutil.Process(server.process.pid).children()]


def read(pipe: int, until: str) -> list[dict[str, str]]:
    text, end = "", time.monotonic() + 10
    while not re.search(until, text):
        assert time.monotonic() < end, text[-2000:]
        text += os.read(pipe, 2**16).decode()
    return [json.loads(line) for line in text.splitlines() if line]


def assert_it_acts(server: Unread, action: str, **members: Any) -> None:
    answer = server.act(action, **members)
    assert (answer.status, answer.took < 2) == (200, True), answer.json


def test_requests_go_on_and_so_does_the_master(server: Unread) -> None:
    """Keeps out: after 64 KiB of log each request that logs hangs until somebody reads."""
    assert_it_acts(server, "open")
    (worker,) = workers(server)
    os.kill(worker, signal.SIGKILL)  # its master logs that, and has to start another one
    wait_until(lambda: (now := workers(server)) and worker not in now)
    server.wait_until("live")
    assert_it_acts(server, "open", reason="again")
    told = [line["message"] for line in read(server.pipe, "open.*: again, by operator")]
    assert any("SIGKILL" in message for message in told)
    metrics = server.get("/metrics", headers={"Authorization": f"Bearer {OPERATOR}"})
    assert b"medianest_dropped_log_records_total 0.0" in metrics.body


FULL = Path("/dev/full")


class Full(Server):
    """What it says goes to a full disk."""

    def reopen(self) -> None:
        self._log = FULL.open("w")  # closed when it stops
        self.start()


def test_with_a_full_disk_under_its_output_it_starts(tmp_path: Path) -> None:
    """Keeps out: the lines that say where everything is ended the start."""
    server = Full(tmp_path, MEDIANEST_PLEX_URL="http://127.0.0.1:9")
    try:
        server.wait_until("live")
    finally:
        assert server.stop() == 0
