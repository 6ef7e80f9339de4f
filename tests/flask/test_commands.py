"""`flask medianest` in an app that is not ours, and `medianest` that asks one."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask import Flask, request
from werkzeug.serving import make_server

from medianest.cli.command import command
from medianest.cli.exits import Exit
from medianest.flask import Resilience
from medianest.resilience import Registry


class Served:
    """An app that is served, and its own command line."""

    def __init__(self) -> None:
        self.app = Flask("shop")
        self.app.testing = True
        self.resilience = Resilience(
            self.app,
            registry=Registry(),
            endpoints="/resilience",
            authorize=lambda role: "ada",
        )
        self.resilience.registry.breaker("reports").open("moving house", actor="ada")
        self._server = make_server("127.0.0.1", 0, self.app)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.port}/resilience"

    def run(self, *words: str) -> Result:
        """What `flask medianest …` says."""
        return self.app.test_cli_runner().invoke(args=["medianest", "--url", self.url, *words])

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    here = Served()
    yield here
    here.stop()


def test_the_commands_ask_the_endpoints_of_the_app(served: Served) -> None:
    status = served.run("status")
    assert status.exit_code == 0
    assert "reports" in status.output
    assert "forced open" in status.output
    found = json.loads(served.run("breakers", "list", "--json").output)
    assert [each["name"] for each in found["circuit_breakers"]] == ["reports"]
    assert served.run("health", "check").exit_code == 1


def test_what_was_done_is_told_as_it_is(served: Served) -> None:
    done = served.run("breakers", "open", "reports", "--reason", "moving", "--for", "10m")
    assert "kept nowhere: a restart ends it" in done.output
    assert "no other worker obeys" in done.output
    assert "database" not in done.output
    assert "moving" in served.run("audit").output


@pytest.mark.parametrize(
    "words", [["queue"], ["db", "upgrade"], ["dependencies", "add"], ["alerts", "test"], ["serve"]]
)
def test_commands_of_what_it_lacks_are_not_there(served: Served, words: list[str]) -> None:
    refused = served.run(*words)
    assert refused.exit_code == Exit.WRONG_USE
    assert "No such command" in refused.output
    assert "queue" not in served.run("--help").output


def test_the_program_finds_out_that_it_is_an_app(served: Served) -> None:
    asked = CliRunner().invoke(command, ["--url", served.url, "breakers", "show", "reports"])
    assert (asked.exit_code, "forced open" in asked.output) == (0, True)
    wrong = CliRunner().invoke(command, ["--url", f"{served.url}/nowhere", "status"])
    assert "is no MediaNest: it answers 404" in wrong.output


def test_no_token_is_sent_that_was_made_for_another(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keeps out: the token of a MediaNest in the same folder, sent to this app."""
    sent: list[str | None] = []
    served.app.before_request_funcs.setdefault(None, []).append(
        lambda: sent.append(request.headers.get("Authorization"))
    )
    (tmp_path / "instance").mkdir()
    (tmp_path / "instance" / "operator.token").write_text("another-server's")
    (tmp_path / "own").write_text("our-own")
    monkeypatch.chdir(tmp_path)
    for words in ((), ("--token-file", "own")):
        assert served.run("status", *words).exit_code == 0
    assert sent == [None, "Bearer our-own"]


@pytest.mark.parametrize(
    ("host", "port", "said", "code"),
    [
        ("::1", "1", "no server answers at http://[::1]:1/resilience", Exit.NO_ANSWER),
        ("::", "1", "no server answers at http://[::1]:1/resilience", Exit.NO_ANSWER),
        ("0.0.0.0", "1", "no server answers at http://127.0.0.1:1/resilience", Exit.NO_ANSWER),
        ("127.0.0.1", "x", "FLASK_RUN_HOST and FLASK_RUN_PORT: 'http://", Exit.WRONG_SETTING),
    ],
)
def test_it_is_asked_where_flask_runs_it(
    served: Served, monkeypatch: pytest.MonkeyPatch, host: str, port: str, said: str, code: Exit
) -> None:
    monkeypatch.setenv("FLASK_RUN_HOST", host)
    monkeypatch.setenv("FLASK_RUN_PORT", port)
    monkeypatch.delenv("MEDIANEST_URL", raising=False)
    answer = served.app.test_cli_runner().invoke(args=["medianest", "status"])
    assert said in answer.output
    assert answer.exit_code == code
