"""`medianest status`: how it all is, once or again and again."""

from __future__ import annotations

import shutil
import sys

import click

from medianest.cli.errors import CommandError
from medianest.cli.exits import Exit
from medianest.cli.options import as_json, asks, show_json
from medianest.cli.remote.client import Client
from medianest.cli.remote.switchboard import switchboard
from medianest.cli.screen.table import terminal_width
from medianest.cli.screen.words import plain

__all__ = ["command"]

_HOME, _END_OF_LINE, _BELOW = "\x1b[H", "\x1b[K", "\x1b[J"
_CLEAR, _HIDE_CURSOR, _SHOW_CURSOR = "\x1b[2J", "\x1b[?25l", "\x1b[?25h"


@click.command("status")
@click.option(
    "--watch", type=click.FloatRange(0.5, 3_600), is_flag=False, flag_value=2.0, metavar="SECONDS",
    help="Look again every so many seconds (2), until Ctrl-C.",
)  # fmt: skip
@as_json
@asks
def command(client: Client, watch: float | None, as_json: bool) -> None:
    """How it all is, at one glance. The verdict, each dependency with its circuit breaker, what
    fires, what to do."""
    if as_json and watch is not None:
        raise CommandError("--watch is for people: leave --json out", Exit.WRONG_USE)
    if watch is not None:
        _watch(client, watch)
        return
    answer = client.get("resilience", "status")
    if as_json:
        show_json(answer.body)
        return
    for line in switchboard(answer.body, terminal_width()):
        click.echo(line)


def _watch(client: Client, seconds: float) -> None:
    from medianest.resilience.clock import SystemClock  # it takes as long to load as all the rest

    clock, is_terminal = SystemClock(), sys.stdout.isatty()
    if is_terminal:
        _write(_CLEAR + _HIDE_CURSOR)
    try:
        while True:
            _draw(_look(client, seconds), is_terminal)
            clock.sleep(seconds)
    finally:
        if is_terminal:
            _write(_SHOW_CURSOR)


def _look(client: Client, seconds: float) -> list[str]:
    """A server that is away is something to see, and no reason to end."""
    try:
        body = client.get("resilience", "status").body
    except CommandError as error:
        if error.code is Exit.NO_TOKEN:
            raise
        return [plain(error.message), "", f"It is asked again every {seconds:g} s; Ctrl-C ends."]
    return switchboard(body, terminal_width())


def _draw(lines: list[str], is_terminal: bool) -> None:
    """Over what is there, so that nothing flickers; elsewhere, one block after the other."""
    if not is_terminal:
        click.echo("\n".join([*lines, ""]))
        sys.stdout.flush()
        return
    room = shutil.get_terminal_size().lines - 1
    if len(lines) > room:
        lines = [*lines[: room - 1], f"… and {len(lines) - room + 1} lines more"]
    _write(_HOME)
    for line in lines:
        click.echo(line, nl=False)
        _write(f"{_END_OF_LINE}\r\n")
    _write(_BELOW)


def _write(sequence: str) -> None:
    """Past click, which takes sequences for colours and leaves them out with NO_COLOR."""
    sys.stdout.write(sequence)
    sys.stdout.flush()
