"""Each program of examples/ runs in a process of its own, and says what its reader is told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support import ROOT
from tests.support.answering import AnsweringServer
from tests.support.ports import free_port
from tests.support.waiting import wait_until

EXAMPLES = ROOT / "examples"
HERE = {**os.environ, "PYTHONPATH": str(ROOT)}
SAID = {
    "flaky_server": """\
a flaky server: blue
no server: unknown: <urlopen error [Errno 111] Connection refused>
the breaker is open
and the next call is not made: unknown: circuit breaker 'weather' is open
""",
    "requests_session": """\
one bad answer: 200 blue
two bad answers: 500
the breaker is open
refused: circuit breaker 'weather' is open
""",
    "asyncio_tasks": """\
sensor 1 is away
sensor 2 is away
sensor 3 is away
not asked
8 forecasts at once, two of them at a second try: {'blue'}
""",
    "repair_connection": """\
read: ['42', '43', 'nothing']
ConnectionError [('reconnect', 'repaired')]
ConnectionError [('reconnect', 'raised'), ('default', 'returned')]
""",
}


@pytest.mark.parametrize("name", SAID)
def test_a_program_says_what_it_shows(name: str) -> None:
    command = [sys.executable, "-W", "error", str(EXAMPLES / f"{name}.py")]
    done = subprocess.run(command, env=HERE, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.replace("[Errno 61]", "[Errno 111]") == SAID[name]


def test_each_program_is_run_here_and_is_short() -> None:
    programs = {path.stem for path in EXAMPLES.glob("*.py")} - {"weather_server"}
    assert programs == SAID.keys() | {"flask_app", "resilience_page"}
    for path in EXAMPLES.glob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert text.count("\n") <= 62, path
        assert path.stem == "weather_server" or f"python examples/{path.name}" in text, path


@contextmanager
def flask_app(weather: AnsweringServer, name: str, first: str) -> Iterator[str]:
    """The address of a Flask app in front of that server, when it serves the path `first`."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, str(EXAMPLES / f"{name}.py"), str(port)],
        env={**HERE, "WEATHER_URL": weather.url},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        wait_until(lambda: serves(f"http://127.0.0.1:{port}{first}"))
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.communicate()


def serves(url: str) -> bool:
    try:
        return ask(url)[0] == 200
    except OSError:
        return False


def ask(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_the_flask_app_answers_while_the_weather_does_not() -> None:
    weather = AnsweringServer()
    weather.body = b'{"sky": "blue"}'
    with flask_app(weather, "flask_app", "/state") as url:
        assert json.loads(ask(f"{url}/api/forecast")[1]) == {"sky": "blue"}
        assert ask(f"{url}/map") == (200, "a map in blue")
        weather.stop()
        assert json.loads(ask(f"{url}/api/forecast")[1]) == {"sky": "unknown"}
        assert ask(f"{url}/map")[0] == 500
        assert ask(f"{url}/map")[0] == 503
        assert json.loads(ask(f"{url}/api/forecast")[1]) == {"sky": "unknown"}
        assert json.loads(ask(f"{url}/state")[1]) == {"map": "open", "weather": "open"}


def test_the_page_of_an_app_says_what_does_not_work() -> None:
    weather = AnsweringServer()
    weather.body = b'{"sky": "blue"}'
    first = "/resilience/health/live"
    with flask_app(weather, "resilience_page", first) as url:
        assert json.loads(ask(f"{url}/forecast")[1]) == {"sky": "blue"}
        assert "weather does not work" not in ask(f"{url}/resilience/page/")[1]
        weather.stop()
        assert [ask(f"{url}/forecast")[0] for _ in range(3)] == [500, 500, 503]
        assert "weather does not work" in ask(f"{url}/resilience/page/")[1]
        command = [sys.executable, "-m", "medianest", "--url", f"{url}/resilience", "breakers"]
        told = subprocess.run(command, env=HERE, capture_output=True, text=True, timeout=30)
        assert "2 of 3 calls failed" in told.stdout
