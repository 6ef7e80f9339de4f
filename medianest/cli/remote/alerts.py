"""`medianest alerts`: what fires, and where alerts go."""

from __future__ import annotations

from typing import Final

import click

from medianest.cli.group import LazyGroup
from medianest.cli.options import as_json, asks, show_json
from medianest.cli.remote.client import Client
from medianest.cli.remote.switchboard import alert_lines
from medianest.cli.screen.table import terminal_width

__all__ = ["command"]

_PATH: Final = ("resilience", "alerts")
_ELSEWHERE: Final = {"test": "medianest.cli.local.alerts"}


@click.group("alerts", cls=LazyGroup, usual="list", places=_ELSEWHERE)
def command() -> None:
    """What fires, and where alerts go."""


@command.command("list")
@click.option("--recent", is_flag=True, help="Also those that were sent last.")
@as_json
@asks
def list_alerts(client: Client, recent: bool, as_json: bool) -> None:
    """What fires, and what may fire soon."""
    answer = client.get(*_PATH)
    if as_json:
        show_json(answer.body)
        return
    parts = [("Fires", "firing"), ("May fire soon", "pending"), ("Sent last", "recent")]
    shown = 0
    for title, name in parts if recent else parts[:2]:
        if found := answer.body[name]:
            click.echo(("\n" if shown else "") + click.style(title, bold=True))
            for alert in found:
                click.echo("\n".join(alert_lines(alert, answer.at, terminal_width())))
            shown += len(found)
    if not shown:
        click.echo("Nothing fires.")
