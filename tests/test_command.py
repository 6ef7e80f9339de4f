"""The command `medianest`: what becomes of its arguments. That it serves is seen in
tests/integration/test_package.py."""

import os
import sys
from collections.abc import Callable
from typing import NoReturn

import pytest

from medianest import __version__
from medianest.cli.command import run


class BecameError(Exception):
    """The process would be another program now."""


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """`called("serve")` is the program that the command turns into."""
    for variable in ("HOST", "PORT", "WEB_CONCURRENCY"):
        monkeypatch.setenv(variable, "")  # and back afterwards, whatever the command sets

    def become(path: str, arguments: list[str]) -> NoReturn:
        raise BecameError(arguments)

    def call(*arguments: str) -> list[str]:
        monkeypatch.setattr(sys, "argv", ["medianest", *arguments])
        with pytest.raises(BecameError) as became:
            run()
        return became.value.args[0]

    monkeypatch.setattr(os, "execv", become)
    return call


def test_without_a_command_it_serves(called: Callable[..., list[str]]) -> None:
    assert called() == called("serve")
    assert called()[:3] == [sys.executable, "-m", "gunicorn"]


def test_the_address_is_that_of_the_arguments_or_of_the_environment(
    called: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORT", "81")
    called("serve", "--host", "::1")
    assert (os.environ["HOST"], os.environ["PORT"]) == ("::1", "81")
    called("serve", "--port", "8080")
    assert os.environ["PORT"] == "8080"


@pytest.mark.parametrize("port", ["0", "65536", "http"])
def test_a_port_that_is_none_is_refused(
    called: Callable[..., list[str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    port: str,
) -> None:
    monkeypatch.setattr(sys, "argv", ["medianest", "serve", "--port", port])
    with pytest.raises(SystemExit, match="64"):
        run()
    assert "Invalid value for '--port'" in capsys.readouterr().err


def test_a_wrong_number_of_workers_is_told_in_one_line(
    called: Callable[..., list[str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", "many")
    monkeypatch.setattr(sys, "argv", ["medianest", "serve"])
    with pytest.raises(SystemExit, match="78"):
        run()
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("medianest: WEB_CONCURRENCY: 'many' is not allowed: ")


def test_it_tells_its_version_and_all_commands(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments in (["--version"], ["--help"]):
        monkeypatch.setattr(sys, "argv", ["medianest", *arguments])
        with pytest.raises(SystemExit, match="0"):
            run()
    told = capsys.readouterr().out
    assert f"MediaNest {__version__}\n" in told
    assert [
        name for name in ("status", "alerts", "config", "db", "serve") if f"\n  {name} " not in told
    ] == []
