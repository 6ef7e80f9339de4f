"""The command as a process: how quick it is there, and that it ends quietly."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from medianest.cli.exits import Exit
from tests.support import ROOT
from tests.support.answering import AnsweringServer
from tests.support.narrowing import not_none
from tests.support.waiting import wait_until

HEAVY = ("flask", "pydantic", "sqlalchemy", "requests", "gunicorn", "alembic", "redis", "blinker")
LOADED = """
import sys
from medianest.__main__ import main
try:
    main()
finally:
    print(*sys.modules, file=sys.stderr)
"""
STATUS = {
    "generated_at": "2026-01-31T12:00:00.000Z",
    "status": "healthy",
    "score": {"score": 100, "rating": "excellent", "deductions": []},
    "components": [],
    "circuit_breakers": [],
    "alerts": [],
    "pending_alerts": [],
    "queue": {"pending": 0, "dead": 0, "oldest_created_at": None},
    "recommendations": [],
}


@pytest.fixture
def server() -> Iterator[AnsweringServer]:
    found = AnsweringServer()
    found.body = json.dumps(STATUS).encode()
    yield found
    found.stop()


@pytest.fixture
def start(server: AnsweringServer) -> Callable[..., subprocess.Popen[str]]:
    def call(*arguments: str, **variables: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT, env={**os.environ, "MEDIANEST_URL": server.url, **variables},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    return call


Start = Callable[..., Any]


@pytest.mark.parametrize("line", ["status", "health check", "--help"])
def test_what_asks_the_server_loads_no_app(start: Start, line: str) -> None:
    """Keeps out: a second of CPU for each look."""
    out, loaded = start("-c", LOADED, *line.split()).communicate(timeout=20)
    assert out
    assert [name for name in HEAVY if name in loaded.split()] == []
    assert len(loaded.split()) < 300


@pytest.mark.parametrize(
    ("line", "code", "told"),
    [("status", Exit.STRANGER, "medianest: the server's answer has no "), ("health check", 3, "")],
)
def test_a_stranger_who_answers_is_told_in_one_line(
    start: Start, server: AnsweringServer, line: str, code: int, told: str
) -> None:
    server.body = b'{"hello": "world"}'
    process = start("-m", "medianest", *line.split())
    out, err = process.communicate(timeout=20)
    assert (process.returncode, len((out + err).splitlines())) == (code, 1)
    assert told in err


def test_a_wrong_setting_is_told_by_what_works_here(start: Start, tmp_path: Path) -> None:
    wrong = {"MEDIANEST_INSTANCE_PATH": str(tmp_path), "MEDIANEST_PLEX_TIMEOUT": "-1"}
    process = start("-m", "medianest", "db", "current", **wrong)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err.count("\n")) == (Exit.WRONG_SETTING, "", 1)
    assert err.startswith("medianest: MEDIANEST_PLEX_TIMEOUT: ")


def test_a_reader_that_leaves_ends_it_quietly(start: Start) -> None:
    process = start("-m", "medianest", "status", "--watch", "0.5")
    not_none(process.stdout).readline()
    not_none(process.stdout).close()
    assert process.wait(20) == Exit.PIPE_CLOSED
    assert not_none(process.stderr).read() == ""
    not_none(process.stderr).close()


@pytest.mark.parametrize("errors", ["2>&-", "2>/dev/full"])
def test_an_error_that_nobody_can_read_ends_it_with_its_code_all_the_same(errors: str) -> None:
    """Keeps out: the error on the standard output, or another code as it cannot be written."""
    line = f"{sys.executable} -m medianest nonsense {errors}"
    done = subprocess.run(line, shell=True, cwd=ROOT, stdout=subprocess.PIPE, timeout=20)
    assert (done.returncode, done.stdout) == (Exit.WRONG_USE, b"")


def test_without_an_output_it_ends_as_it_would_with_one() -> None:
    """Keeps out: a traceback where the output is closed."""
    line = f"{sys.executable} -m medianest --help >&-"
    done = subprocess.run(line, shell=True, cwd=ROOT, stderr=subprocess.PIPE, timeout=20)
    assert (done.returncode, done.stderr) == (Exit.DONE, b"")
    line = f"{sys.executable} -m medianest --url http://127.0.0.1:1 status >&-"
    done = subprocess.run(line, shell=True, cwd=ROOT, stderr=subprocess.PIPE, timeout=20)
    assert done.returncode == Exit.NO_ANSWER
    assert done.stderr.startswith(b"medianest: no server answers")


def test_ctrl_c_ends_it_quietly(start: Start, server: AnsweringServer) -> None:
    process = start("-m", "medianest", "status", "--watch", "60")
    wait_until(lambda: server.asked)
    not_none(process.stdout).readline()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, err.strip()) == (Exit.INTERRUPTED, "")
    assert "Traceback" not in out


@pytest.mark.parametrize(
    ("words", "number", "found"),
    [("medianest br", 1, "breakers"), ("medianest breakers show pl", 3, "plex-media-server")],
)
def test_bash_completes_commands_and_names(
    start: Start, server: AnsweringServer, words: str, number: int, found: str
) -> None:
    names = [{"name": "plex-media-server"}, {"name": "database"}]
    server.body = json.dumps({"circuit_breakers": names}).encode()
    asked = {"_MEDIANEST_COMPLETE": "bash_complete", "COMP_CWORD": str(number)}
    process = start("-m", "medianest", COMP_WORDS=words, **asked)
    assert process.communicate(timeout=20) == (f"plain,{found}\n", "")
