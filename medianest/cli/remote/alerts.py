"""`medianest alerts`: what fires, and where alerts go."""

from __future__ import annotations

from typing import Final

import click

from medianest.cli.errors import CommandError
from medianest.cli.exits import Exit
from medianest.cli.group import LazyGroup
from medianest.cli.options import DURATION, as_json, asks, completed, reason, show_json
from medianest.cli.remote.client import Answer, Client
from medianest.cli.remote.switchboard import alert_lines
from medianest.cli.screen.say import say
from medianest.cli.screen.table import show_table, terminal_width
from medianest.cli.screen.words import clock_time, plain

__all__ = ["command"]

_PATH: Final = ("resilience", "alerts")
_ELSEWHERE: Final = {"test": "medianest.cli.local.alerts"}


def _keys(context: click.Context, _: click.Parameter, begun: str) -> list[str]:
    """For a shell to complete."""
    found = completed(context, *_PATH)
    alerts = [*found.get("firing", []), *found.get("pending", [])]
    return [each["key"] for each in alerts if each["key"].startswith(begun)]


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
    _show(answer, recent)


@command.command("silence")
@click.argument("key", required=False, shell_complete=_keys)
@click.option("--for", "duration", type=DURATION, metavar="TIME", help="For 10m, 2h, 1d, …")
@reason
@click.option("--end", is_flag=True, help="Have it told again.")
@as_json
@asks
def silence(
    client: Client, key: str | None, duration: float | None, reason: str | None, end: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Notify nobody of an alert for a while: of the one with this KEY, which `alerts` shows.
    Without a KEY, which alerts are silenced."""
    if key is None:
        _list_silences(client, as_json)
        return
    if not end and (duration is None or not reason):
        raise CommandError("say --for how long and --reason why, or --end it", Exit.WRONG_USE)
    if end:
        answer = client.delete(*_PATH, key, "silence")
    else:
        answer = client.post(*_PATH, key, "silence", duration_seconds=duration, reason=reason)
    if as_json:
        show_json(answer.body)
        return
    until = clock_time(answer.body["until_at"], answer.at)
    told = "is told again" if end else f"is silent until {until}"
    say(f"{answer.body['key']} {told}")
    if not answer.body["kept"]:
        where = "kept nowhere" if client.is_app else "not in the database yet"
        say(f"{where}: a restart would end it", indent=2)


def _list_silences(client: Client, as_json: bool) -> None:
    answer = client.get("resilience", "silences")
    if as_json:
        show_json(answer.body)
        return
    rows = (
        (each["key"], clock_time(each["until_at"], answer.at), each["actor"], each["reason"])
        for each in answer.body["silences"]
    )
    show_table(("alert", "until", "by", "why"), rows, "No alert is silenced.")


def _show(answer: Answer, recent: bool) -> None:
    parts = [("Fires", "firing"), ("May fire soon", "pending"), ("Sent last", "recent")]
    shown = 0
    for title, name in parts if recent else parts[:2]:
        if found := answer.body[name]:
            click.echo(("\n" if shown else "") + click.style(title, bold=True))
            for alert in found:
                click.echo("\n".join(alert_lines(alert, answer.at, terminal_width())))
                click.echo(click.style(f"     {plain(alert['key'])}", fg="bright_black"))
            shown += len(found)
    if not shown:
        click.echo("Nothing fires.")
