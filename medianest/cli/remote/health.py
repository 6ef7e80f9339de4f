"""`medianest health check`: one line and an exit code, for Nagios, Icinga and cron."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final

import click

from medianest.cli.errors import NONSENSE, CommandError, nonsense
from medianest.cli.exits import Exit
from medianest.cli.group import Group
from medianest.cli.options import client_of, places
from medianest.cli.screen.words import brief, plain

__all__ = ["command"]

_OK, _WARNING, _CRITICAL, _UNKNOWN = range(4)
_WORDS: Final = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
_OF_STATUS: Final = {"healthy": _OK, "degraded": _WARNING, "unhealthy": _CRITICAL}
_MOST: Final = 3
"""Troubles that are named in the line."""


@click.group("health", cls=Group, usual="check")
def command() -> None:
    """For monitoring systems."""


@command.command("check")
@click.option(
    "--timeout", type=click.FloatRange(0.1, 600), default=8.0, show_default=True,
    help="Seconds to wait for the server.",
)  # fmt: skip
@places(hidden=True)
@click.pass_context
def check(context: click.Context, timeout: float) -> None:
    """One line for Nagios and cron. The exit code is 0 (healthy), 1 (degraded), 2 (unhealthy, or no
    server answers) or 3 (nobody can tell)."""
    try:
        code, told = _judged(client_of(context, timeout).get("resilience", "status").body)
    except CommandError as error:
        code = _CRITICAL if error.code is Exit.NO_ANSWER else _UNKNOWN
        told = error.message
    except NONSENSE as error:
        code, told = _UNKNOWN, nonsense(error)
    click.echo(f"MEDIANEST {_WORDS[code]} - {plain(told)}")
    sys.exit(code)


def _judged(status: Mapping[str, Any]) -> tuple[int, str]:
    """The exit code, and what is told with it."""
    told = "; ".join(_troubles(status)) or "all is well"
    score = status["score"]["score"]
    code = _OF_STATUS.get(status["status"], _UNKNOWN)
    return code, f"{told.replace('|', '/')} | score={score}"


def _troubles(status: Mapping[str, Any]) -> Iterator[str]:
    bad = [each for each in status["components"] if each["status"] != "healthy"]
    bad.sort(key=lambda each: each["status"] != "unhealthy")
    for each in bad[:_MOST]:
        is_down = each["type"] is not None and each["status"] == "unhealthy"
        message = brief(each["message"], each["name"])
        yield (
            f"{each['name']} is {'down' if is_down else each['status']}"
            + (f": {message}" if message else "")
        )
    if len(bad) > _MOST:
        yield f"{len(bad) - _MOST} more"
