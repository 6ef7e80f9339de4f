"""deploy/systemd: systemd itself reads the unit, and the server tells it when it is ready."""

import re
import shutil
import socket
from pathlib import Path

import pytest

from medianest.config import Settings
from medianest.config.sources import variables_of
from tests.support.narrowing import not_none
from tests.support.server import Server
from tests.support.tools import DEPLOY, run

SYSTEMD = DEPLOY / "systemd"
UNIT = (SYSTEMD / "medianest.service").read_text()
MOST_EXPOSED = "15"
"""Of 100: what systemd-analyze calls 1.5 of 10."""


def value(name: str) -> str:
    return not_none(re.search(rf"^{name}=(.*)$", UNIT, re.MULTILINE))[1]


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with a program that is on this machine."""
    file = tmp_path / "medianest.service"
    program = str(shutil.which("true"))
    file.write_text(UNIT.replace("/opt/medianest/bin/medianest", program))
    return file


def test_systemd_knows_all_that_stands_in_it(unit: Path) -> None:
    done = run("systemd-analyze", "verify", "--man=no", unit)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_systemd_finds_what_is_wrong(unit: Path) -> None:
    """Keeps out: a check that reads nothing, and so finds nothing."""
    unit.write_text(unit.read_text().replace("StateDirectory=", "StateFolder="))
    assert "StateFolder" in run("systemd-analyze", "verify", "--man=no", unit).stderr


def test_it_may_do_little(unit: Path) -> None:
    options = ("--offline=true", f"--threshold={MOST_EXPOSED}")
    done = run("systemd-analyze", "security", *options, unit)
    assert done.returncode == 0, done.stdout


def test_there_is_time_to_end() -> None:
    """Keeps out: a server that is killed with requests in flight."""
    defaults = Settings.load({"MEDIANEST_ENV": "production"})
    assert float(value("TimeoutStopSec")) > defaults.drain_delay + defaults.request_timeout


def test_the_example_sets_what_there_is_to_set() -> None:
    text = (SYSTEMD / "medianest.env.example").read_text()
    names = set(re.findall(r"^([A-Z_]+)=", text, re.MULTILINE))
    names |= set(re.findall(r"^Environment=([A-Z_]+)=", UNIT, re.MULTILINE))
    assert names <= variables_of(Settings).keys() | {"HOST", "PORT"}


def test_the_server_says_when_it_is_ready(tmp_path: Path) -> None:
    assert value("Type") == "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(str(tmp_path / "notify"))
        told.settimeout(30)
        server = Server(tmp_path, NOTIFY_SOCKET=tmp_path / "notify")
        try:
            assert b"READY=1" in told.recv(4096)
        finally:
            server.stop()
