"""The sandbox as a process: starting, ending, crashing, and coming back."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from medianest.sandbox import SandboxError, SandboxProcess
from medianest.sandbox.kinds import COMMON, KINDS
from medianest.sandbox.overseerr import OverseerrServer
from medianest.sandbox.overseerr.titles import UNKNOWN_FROM
from medianest.sandbox.plex import PlexServer
from tests.support.narrowing import not_none

from .conftest import ask, connected, requested

USUAL_PORT = 32401
COMMAND = [sys.executable, "-m", "medianest.sandbox", "plex"]


@contextmanager
def launched(
    *options: str, stdin: int = subprocess.DEVNULL
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command itself, with the line it says when it is ready."""
    process = subprocess.Popen(
        [*COMMAND, *options],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process, not_none(process.stdout).readline()
        finally:
            process.kill()


def run(*options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command to its end."""
    return subprocess.run(
        [*COMMAND, *options],
        capture_output=True,
        text=True,
        timeout=10,
        env={**os.environ, **environment},
    )


@contextmanager
def taken(port: int = 0) -> Iterator[int]:
    """A port on which something else listens."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            other.bind(("127.0.0.1", port))
            other.listen()
        except OSError:  # then it is taken already
            assert port
        yield port or other.getsockname()[1]


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_at_once_and_quietly_while_clients_hang(ending: signal.Signals) -> None:
    with launched("--port", "0") as (process, line):
        assert line.startswith("sandbox plex on http://127.0.0.1:")
        held = SandboxProcess("plex", "sandbox-token", 5)
        held.url = line.split()[-1]
        held.fault("hang")
        with requested(held), requested(held):
            process.send_signal(ending)
            out, err = process.communicate(timeout=3)
    assert (process.returncode, out, err) == (0, "", "")


def test_it_ends_with_its_standard_input() -> None:
    with launched("--port", "0", "--until-stdin-closes", stdin=subprocess.PIPE) as (process, _):
        not_none(process.stdin).close()
        assert process.wait(3) == 0


def test_without_being_told_it_outlives_its_standard_input() -> None:
    with (
        launched("--port", "0", stdin=subprocess.DEVNULL) as (process, _),
        pytest.raises(subprocess.TimeoutExpired),
    ):
        process.wait(0.2)


def test_a_given_port_that_is_taken_is_one_line_and_exit_code_1() -> None:
    with taken() as port:
        ended = run("--port", str(port))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == f"sandbox: cannot listen on 127.0.0.1:{port}: Address already in use\n"


@pytest.mark.parametrize("options", [("--port", "70000"), ("--host", "no.such.host.invalid")])
def test_an_address_that_is_none_is_one_line_and_exit_code_1(options: tuple[str, str]) -> None:
    ended = run(*options)
    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
    assert ended.stderr.startswith("sandbox: cannot listen on ")


def test_when_the_usual_port_is_taken_it_listens_on_another() -> None:
    with taken(USUAL_PORT), launched() as (_, line):
        assert urlsplit(line.split()[-1]).port not in (None, 0, USUAL_PORT)


def test_a_plex_has_no_state_to_keep_and_says_so(tmp_path: Path) -> None:
    ended = run("--state", str(tmp_path / "requests"))
    assert (ended.returncode, ended.stderr) == (1, "sandbox: plex has no state to keep\n")


def test_its_help_names_every_kind_of_fault_and_every_option() -> None:
    words = run("--help").stdout
    own_faults = [*PlexServer("t").own_faults.items(), *OverseerrServer("key").own_faults.items()]
    kinds = {**KINDS} | {kind: own.options for kind, own in own_faults}
    for kind, options in kinds.items():
        assert all(f"`{name}`" in words for name in (kind, *options))
    assert all(f"`{name}`" in words for name in COMMON)


def test_its_help_tells_which_titles_are_unknown() -> None:
    assert f"every id below {UNKNOWN_FROM}, and none from there on" in run("--help").stdout


def test_it_does_not_start_in_production() -> None:
    ended = run(MEDIANEST_ENV="production")
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (1, "", 1)
    assert "MEDIANEST_ENV" in ended.stderr


def test_a_process_that_does_not_start_says_why() -> None:
    with taken() as port, pytest.raises(SandboxError, match=r"cannot listen.*in use"):
        SandboxProcess.start(port=port)


def test_a_process_that_is_not_ready_in_time_is_given_up() -> None:
    with pytest.raises(SandboxError, match="did not start"):
        SandboxProcess.start(port=0, timeout=0.0)


def test_it_takes_the_token_that_it_was_given() -> None:
    with SandboxProcess.start(port=0, token="another") as sandbox, connected(sandbox) as connection:
        assert ask(connection, "/library/sections", token="another").status == 200
        assert ask(connection, "/library/sections").status == 401


def test_killed_and_started_again_it_listens_on_the_same_port() -> None:
    with SandboxProcess.start(port=0) as sandbox:
        url, pid = sandbox.url, sandbox.pid
        with requested(sandbox):
            sandbox.kill()
            with pytest.raises(SandboxError, match="does not answer"):
                sandbox.requests()
            sandbox.restart()
        assert (sandbox.url, sandbox.requests()["total"]) == (url, 0)
        assert sandbox.pid != pid


def test_a_restart_of_a_running_one_forgets_its_faults() -> None:
    with SandboxProcess.start(port=0) as sandbox:
        url = sandbox.url
        sandbox.fault("hang")
        sandbox.restart()
        assert (sandbox.url, sandbox.faults()) == (url, [])


def test_stopping_twice_is_harmless_and_leaves_no_process() -> None:
    sandbox = SandboxProcess.start(port=0)
    pid = sandbox.pid
    sandbox.stop()
    sandbox.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pytest.raises(SandboxError, match="not running"):
        sandbox.kill()


def test_it_is_in_a_session_of_its_own(sandbox: SandboxProcess) -> None:
    assert os.getsid(sandbox.pid) == sandbox.pid != os.getsid(0)


def test_it_does_not_outlive_a_parent_that_is_killed() -> None:
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from medianest.sandbox import SandboxProcess; import signal, sys\n"
            "sandbox = SandboxProcess.start(port=0)\n"
            "print(sandbox.url, flush=True); signal.pause()",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    with parent:
        parts = urlsplit(not_none(parent.stdout).readline().strip())
        with socket.create_connection((parts.hostname, parts.port), timeout=5) as raw:
            parent.kill()
            assert raw.recv(1) == b""


def test_a_proxy_in_the_environment_is_not_asked(
    sandbox: SandboxProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert sandbox.requests()["total"] == 0
