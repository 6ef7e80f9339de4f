"""A server that answers nonsense, or wants to write to the terminal."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner, Result

from medianest.cli.command import command
from medianest.cli.exits import Exit
from medianest.cli.remote.client import Client
from medianest.cli.screen.say import say
from tests.support.answering import AnsweringServer

ESCAPE = "\x1b]0;title\x07\x1b[2J\n|"
COMMANDS = ["status", "breakers", "queue", "dependencies", "alerts", "events", "audit"]


@pytest.fixture(scope="module")
def server() -> Iterator[AnsweringServer]:
    found = AnsweringServer()
    yield found
    found.stop()


def asked(server: AnsweringServer, line: str, body: Any = None) -> Result:
    server.body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return CliRunner().invoke(command, ["--url", server.url, *line.split()])


@pytest.mark.parametrize("line", COMMANDS)
def test_an_answer_of_other_types_ends_in_one_line(server: AnsweringServer, line: str) -> None:
    names = ("generated_at", "score", "components", "items", "firing", "circuit_breakers")
    more = ("next", "dependencies", "queue", "blocked", "pending", "status")
    values: list[Any] = ["text", 5, [1], ["x"], [{}], {"score": []}, float("inf")]
    for value in values:
        result = asked(server, line, dict.fromkeys((*names, *more), value))
        assert result.exit_code == Exit.STRANGER
        assert result.output.splitlines()[-1].startswith("medianest: the server's answer ")


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 100_000])
def test_an_answer_without_a_floor_is_no_medianest(server: AnsweringServer, body: bytes) -> None:
    assert asked(server, "status", body).exit_code == Exit.STRANGER
    assert asked(server, "health check", body).exit_code == 3


@pytest.mark.parametrize("score", [[1], "x", None, {}])
def test_nobody_can_tell_from_nonsense_how_it_is(server: AnsweringServer, score: Any) -> None:
    """Keeps out: a traceback, which ends with 1, and so reads as a warning."""
    result = asked(server, "health check", {"score": score, "components": [], "status": "healthy"})
    assert result.exit_code == 3
    assert result.output.startswith("MEDIANEST UNKNOWN - the server's answer ")


def test_what_a_server_says_does_nothing_to_the_terminal(server: AnsweringServer) -> None:
    component = {
        "name": ESCAPE, "status": ESCAPE, "type": ESCAPE, "message": ESCAPE,
        "criticality": "critical", "breaker_state": ESCAPE, "changed_at": None,
    }  # fmt: skip
    body = {
        "generated_at": "2026-01-31T12:00:00.000Z",
        "status": ESCAPE,
        "score": {
            "score": ESCAPE,
            "rating": ESCAPE,
            "deductions": [{"points": ESCAPE, "what": ESCAPE}],
        },
        "components": [component],
        "circuit_breakers": [],
        "alerts": [],
        "pending_alerts": [],
        "recommendations": [ESCAPE],
        "queue": {"pending": 1, "dead": ESCAPE, "oldest_created_at": None},
    }
    for line, code in (("status", 0), ("health check", 3)):
        result = asked(server, line, body)
        assert result.exit_code == code
        assert "\x1b" not in result.output
        assert "\x07" not in result.output
    assert result.output.count("\n") == 1


def test_a_line_does_nothing_to_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    say(f"{ESCAPE} is closed", indent=2)
    assert capsys.readouterr().out == "  �]0;title��[2J | is closed\n"


def test_pages_end_where_one_is_empty(server: AnsweringServer) -> None:
    """Keeps out: asking for ever whoever says each time that there is more."""
    server.body = b'{"items": [], "next": "more"}'
    server.asked = 0
    assert Client(server.url, None, 5.0).pages("audit", limit=10).body["items"] == []
    assert server.asked == 1
