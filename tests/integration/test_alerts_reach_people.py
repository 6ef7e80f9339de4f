"""An outage of Plex under real gunicorn, and the place where people are told of it."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from medianest.sandbox import SandboxProcess
from tests.support import ROOT
from tests.support.server import OPERATOR, QUICK, Server
from tests.support.waiting import wait_until

WATCHFUL = {
    "MEDIANEST_HEALTH_INTERVAL": 0.3,
    "MEDIANEST_HEALTH_TIMEOUT": 0.3,
    "MEDIANEST_ALERTS_HOLD": 0.5,
    "MEDIANEST_ALERTS_MINIMUM_CALLS": 5,
}
VIEWER = {"Authorization": f"Bearer {OPERATOR}"}
NOBODY = "json://127.0.0.1:9/?cto=1"


class LetterBox(ThreadingHTTPServer):
    """What arrived at a server that takes alerts, as (title, text); `url` is Apprise's."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Taking)
        self.letters: list[tuple[str, str]] = []
        self.url = f"json://127.0.0.1:{self.server_port}/"


class Taking(BaseHTTPRequestHandler):
    server: LetterBox

    def do_POST(self) -> None:
        letter = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.letters.append((letter["title"], letter["message"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args: str) -> None:
        pass


@pytest.fixture
def letters() -> Iterator[LetterBox]:
    server = LetterBox()
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.slow
def test_plex_goes_and_returns_and_each_is_told_once(
    serve: Callable[..., Server], plex: SandboxProcess, letters: LetterBox
) -> None:
    server = serve(
        MEDIANEST_PLEX_URL=plex.url,
        MEDIANEST_PLEX_TOKEN=plex.token,
        MEDIANEST_ALERTS_URLS=f"{NOBODY} {letters.url}",  # a place that fails harms no other
        WEB_CONCURRENCY=3,
        **QUICK,
        **WATCHFUL,
    )
    stop = threading.Event()

    def client(_: int) -> None:
        while not stop.is_set():
            server.get("/api/v1/media/sessions")
            server.get("/api/v1/media/libraries")

    with ThreadPoolExecutor(4) as clients:
        for number in range(4):
            clients.submit(client, number)
        plex.fault("reset")
        wait_until(lambda: letters.letters)
        time.sleep(1.5)  # in which a second one would come
        plex.clear_faults()
        wait_until(lambda: len(letters.letters) > 1)
        time.sleep(1)
        stop.set()
    (down, text), (over, _) = letters.letters
    assert down == "MediaNest: warning: plex-media-server"
    assert "plex-media-server is down" in text
    assert "GET /api/v1/media/sessions" in text
    assert over == "MediaNest: resolved: plex-media-server"
    wait_until(lambda: server.get("/api/v1/resilience/alerts", headers=VIEWER).json["recent"])
    recent = server.get("/api/v1/resilience/alerts", headers=VIEWER).json["recent"]
    assert {alert["subject"] for alert in recent} == {"plex-media-server"}
    assert server.log.count("alert warning") == 1


def test_an_alert_outlives_a_restart(
    serve: Callable[..., Server], plex: SandboxProcess, letters: LetterBox
) -> None:
    """What was told before it is not told again, and its end is."""
    plex.fault("reset")
    server = serve(MEDIANEST_PLEX_URL=plex.url, MEDIANEST_ALERTS_URLS=letters.url, **WATCHFUL)
    wait_until(lambda: letters.letters)
    server.stop()
    server.reopen()
    server.wait_until()
    wait_until(lambda: server.get("/api/v1/resilience/alerts", headers=VIEWER).json["firing"])
    assert len(letters.letters) == 1
    plex.clear_faults()
    wait_until(lambda: len(letters.letters) == 2)
    assert letters.letters[1][0] == "MediaNest: resolved: plex-media-server"


def test_a_sample_is_sent_by_hand(tmp_path: Path, letters: LetterBox) -> None:
    def run(*arguments: str, **variables: Any) -> subprocess.CompletedProcess[str]:
        clean = {k: v for k, v in os.environ.items() if not k.startswith("MEDIANEST_")}
        return subprocess.run(
            [sys.executable, "-m", "medianest", *arguments],
            cwd=ROOT,
            env={**clean, "MEDIANEST_INSTANCE_PATH": str(tmp_path), **variables},
            capture_output=True,
            text=True,
        )

    done = run("alerts", "test", MEDIANEST_ALERTS_URLS=letters.url)
    assert (done.returncode, done.stdout) == (0, "JSON (number 1): sent\n")
    assert letters.letters[0][0] == "MediaNest: warning: sample"
    done = run("alerts", "test", MEDIANEST_ALERTS_URLS=f"{letters.url},{NOBODY}")
    assert done.returncode == 1
    assert done.stdout == "JSON (number 1): sent\nJSON (number 2): failed: connection refused\n"
    done = run("alerts", "test")
    assert (done.returncode, done.stderr) == (
        78,
        "medianest: alerts go to the log only: set MEDIANEST_ALERTS_URLS\n",
    )
    done = run("alerts", "test", MEDIANEST_ALERTS_URLS="nonsense://x")
    assert done.returncode == 78
    assert done.stderr.startswith("medianest: MEDIANEST_ALERTS_URLS: number 1 is no URL that")
