"""The workers of an app that is not ours, under plain gunicorn, judge and obey as one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import ROOT
from tests.support.ports import free_port
from tests.support.waiting import wait_until

APP = """
import os
from flask import Flask, request
from medianest.flask import Resilience

app = Flask("shop")
app.config["RESILIENCE_FOLDER"] = os.environ["SHOP"]
resilience = Resilience(app, endpoints="/resilience", authorize=lambda role: "ada")

@app.get("/report")
@resilience.protect(service="reports", circuit_breaker={"reset_timeout": 600})
def report():
    return {"by": os.getpid()}, 503 if "fails" in request.args else 200
"""
BREAKER = "/resilience/circuit-breakers/reports"


class Shop:
    def __init__(self, folder: Path) -> None:
        (folder / "shop.py").write_text(APP)
        self.folder, self.port = folder / "kept", free_port()
        self.log = (folder / "log").open("w+")
        arguments = f"-w 2 -b 127.0.0.1:{self.port} --chdir {folder} shop:app"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", *arguments.split()],
            cwd=folder,
            env={
                **os.environ,
                "HOME": str(folder),
                "SHOP": str(self.folder),
                "PYTHONPATH": str(ROOT),
            },
            stdout=self.log,
            stderr=self.log,
        )

    def ask(self, path: str, data: dict[str, Any] | None = None) -> tuple[int, Any]:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}")
        if data is not None:
            request.data = json.dumps(data).encode()
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return response.status, json.loads(response.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def act(self, action: str) -> dict[str, Any]:
        status, body = self.ask(f"{BREAKER}/action", {"action": action, "reason": "moving"})
        assert status == 200, body
        applied: dict[str, Any] = body["kept"]["applied"]
        return applied

    def states(self) -> set[str]:
        """Of whichever worker answers."""
        return {self.ask(BREAKER)[1]["state"] for _ in range(30)}

    def is_up(self) -> bool:
        """Whether both workers have had a request: they begin with their first one."""
        try:
            return self.act("reset")["of"] == 2
        except OSError:
            return False

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)
        self.log.close()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    running = Shop(tmp_path_factory.mktemp("shop"))
    try:
        wait_until(lambda: _is_made(running) and running.is_up(), 30)
        yield running
    finally:
        running.stop()
    assert {each.suffix for each in (running.folder / "peers").iterdir()} == {""}


def _is_made(shop: Shop) -> bool:
    """A breaker is there after its first call."""
    try:
        return shop.ask("/report")[0] == 200
    except OSError:
        return False


def test_an_operator_is_obeyed_by_both(shop: Shop) -> None:
    assert shop.act("open") == {"workers": 2, "of": 2, "silent": []}
    assert {shop.ask("/report")[0] for _ in range(20)} == {503}
    assert shop.states() == {"forced_open"}
    assert shop.act("enable") == {"workers": 2, "of": 2, "silent": []}
    assert {shop.ask("/report")[0] for _ in range(20)} == {200}


def test_what_fails_is_open_for_both(shop: Shop) -> None:
    def is_open() -> bool:
        shop.ask("/report?fails=1")
        return shop.states() == {"open"}

    wait_until(is_open)
    shop.act("reset")
    assert shop.states() == {"closed"}
