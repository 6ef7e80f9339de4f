"""The command line in a real terminal of 80 columns."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.command_line.house import House
from tests.support import ROOT
from tests.support.waiting import wait_until

COMPLETE = "MEDIANEST_TEST_COMPLETE" in os.environ
"""Whether what is missing here fails the test: read before tests clear the environment."""
PLEX = "plex-media-server"


class Terminal:
    """A terminal of its own in which one command runs."""

    def __init__(self, socket: Path, house: House, *arguments: str, **variables: str) -> None:
        self._socket = socket
        set_here = {
            "PORT": str(house.server.port),
            "MEDIANEST_INSTANCE_PATH": str(house.server.directory),
            **variables,
        }
        words = [f"{name}={value}" for name, value in set_here.items()]
        line = shlex.join(["env", *words, sys.executable, "-m", "medianest", *arguments])
        self._tmux("new-session", "-d", "-x", "80", "-y", "24", f"{line}; echo ended: $?; read x")

    def screen(self, *options: str) -> str:
        """What is on it now; with "-e" as well in which colours."""
        return self._tmux("capture-pane", "-p", *options)

    def wait_for(self, pattern: str) -> str:
        """What is on it once that is there."""
        wait_until(lambda: re.search(pattern, self.screen(), re.MULTILINE), told=self.screen)
        return self.screen()

    def type(self, *keys: str) -> None:
        self._tmux("send-keys", *keys)

    def close(self) -> None:
        self._tmux("kill-server")

    def _tmux(self, *words: str) -> str:
        command = ["tmux", "-S", str(self._socket), "-f", "/dev/null", *words]
        environment = {**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
        return subprocess.check_output(command, cwd=ROOT, env=environment, text=True, timeout=20)


@pytest.fixture
def terminal(house: House, tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    if not COMPLETE and shutil.which("tmux") is None:
        pytest.skip("no tmux here")
    opened: list[Terminal] = []

    def open_one(*arguments: str, **variables: str) -> Terminal:
        opened.append(Terminal(tmp_path / str(len(opened)), house, *arguments, **variables))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()


def test_status_is_one_calm_screen(terminal: Callable[..., Terminal]) -> None:
    shown = terminal("status")
    lines = shown.wait_for("^ended: 0$").splitlines()
    assert lines[0].startswith("● healthy   ")
    assert any(re.fullmatch(rf"  ●  {PLEX} +healthy +──── +closed +\d+ ms", line) for line in lines)
    assert "\x1b[32m●" in shown.screen("-e")


def test_without_colours_it_says_the_same(terminal: Callable[..., Terminal]) -> None:
    shown = terminal("status", NO_COLOR="1")
    assert "● healthy   " in shown.wait_for("^ended: 0$")
    assert "\x1b[3" not in shown.screen("-e")


def test_a_watch_draws_over_itself_until_ctrl_c(
    terminal: Callable[..., Terminal], house: House
) -> None:
    shown = terminal("status", "--watch", "0.5")
    shown.wait_for(rf"^  ●  {PLEX} +healthy")
    reason = "moving the server to another room, which takes a while as it is heavy and old"
    house.act("open", PLEX, reason)
    try:
        seen = shown.wait_for(rf"^  ✖  {PLEX} +unhealthy +\S+ +\S+ +forced open +by operator until")
        assert seen.count("of 100") == 1
        assert reason in " ".join(seen.split())
        assert max(map(len, seen.splitlines())) <= 80
    finally:
        house.act("enable", PLEX)
    shown.wait_for(rf"^  ●  {PLEX} +healthy")
    shown.type("C-c")
    shown.wait_for("^ended: 130$")


def test_a_watch_waits_for_a_server_that_is_away(terminal: Callable[..., Terminal]) -> None:
    shown = terminal("--url", "http://127.0.0.1:1", "status", "--watch", "0.5")
    assert "It is asked again every 0.5 s; Ctrl-C ends." in shown.wait_for("^no server answers")
    shown.type("C-c")
    shown.wait_for("^ended: 130$")


def test_a_person_is_asked_before_something_is_lost(
    terminal: Callable[..., Terminal], house: House
) -> None:
    house.register("nas")
    shown = terminal("dependencies", "remove", "nas")
    shown.wait_for(re.escape("Watch nas no longer? [y/N]:"))
    shown.type("Enter")
    shown.wait_for("^ended: 1$")
    shown = terminal("dependencies", "remove", "nas")
    shown.wait_for(re.escape("Watch nas no longer? [y/N]:"))
    shown.type("y", "Enter")
    assert "nas is watched no longer" in shown.wait_for("^ended: 0$")
