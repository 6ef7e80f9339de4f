"""`medianest queue`: what waits to be done, and what could not be done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

import click

from medianest.cli.errors import CommandError
from medianest.cli.exits import Exit
from medianest.cli.group import Group
from medianest.cli.options import as_json, asks, confirmed, limit, reason, show_json, yes
from medianest.cli.remote.client import Client
from medianest.cli.screen.facts import show_facts
from medianest.cli.screen.say import say
from medianest.cli.screen.table import Cell, show_table, table, terminal_width
from medianest.cli.screen.words import age, clock_time, instant, plain

__all__ = ["command"]

_PATH: Final = ("resilience", "queue")
_COLOURS: Final = {"dead": "red", "running": "cyan", "done": "green"}
_STATES: Final = ("pending", "running", "done", "dead")

is_dead = click.option("--dead", is_flag=True, help="Only dead letters: what cannot be done.")


@click.group("queue", cls=Group, usual="list")
def command() -> None:
    """Requests that are kept for later, and dead letters."""


@command.command("list")
@is_dead
@click.option("--state", type=click.Choice(_STATES), help="Only those in this state.")
@limit
@as_json
@asks
def list_operations(
    client: Client, dead: bool, state: str | None, limit: int, as_json: bool
) -> None:
    """The newest first."""
    answer = client.pages(*_PATH, limit=limit, state="dead" if dead else state)
    if as_json:
        show_json(answer.body)
        return
    _show_figures(answer.body, answer.at)
    heads = ("id", "state", "what", "tries", "next", "why")
    nothing = "No dead letters." if dead else "Nothing is kept."
    show_table(heads, (_row(each, answer.at) for each in answer.body["items"]), nothing)


@command.command("show")
@click.argument("operation_id", metavar="ID")
@as_json
@asks
def show_operation(client: Client, operation_id: str, as_json: bool) -> None:
    """One, with all that is known of it."""
    answer = client.get(*_PATH, operation_id)
    if as_json:
        show_json(answer.body)
    else:
        show_facts(_facts(answer.body, answer.at))


@command.command("retry")
@click.argument("operation_id", metavar="[ID]", required=False)
@click.option("--dead", is_flag=True, help="All dead letters.")
@click.option("--handler", help="With --dead: only those of this handler.")
@reason
@as_json
@asks
def retry(
    client: Client, operation_id: str | None, dead: bool, handler: str | None,
    reason: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Do one now, or all dead letters again."""
    if dead == (operation_id is not None):
        raise CommandError("name one operation by its ID, or say --dead", Exit.WRONG_USE)
    if operation_id is not None:
        body = client.post(*_PATH, operation_id, "retry", reason=reason).body
        told = f"{operation_id} is tried again now"
    else:
        body = client.post(*_PATH, "dead-letters", "retry", handler=handler, reason=reason).body
        more = "" if body["is_complete"] else "; there are more: say it again"
        told = f"{body['retried']} are tried again, {body['kept']} stay dead{more}"
    if as_json:
        show_json(body)
    else:
        say(told)


@command.command("drop")
@click.argument("operation_id", metavar="ID")
@reason
@yes
@as_json
@asks
def drop(client: Client, operation_id: str, reason: str | None, yes: bool, as_json: bool) -> None:
    """Forget one for ever."""
    body = client.get(*_PATH, operation_id).body
    confirmed(f"Drop {_what(body)} ({body['state']})?", yes)
    client.delete(*_PATH, operation_id, reason=reason)
    if as_json:
        show_json(body)
    else:
        say(f"{operation_id} is dropped")


def _show_figures(page: Mapping[str, Any], now: datetime) -> None:
    figures = page["queue"]
    counts = ", ".join(f"{figures[state]} {state}" for state in _STATES if figures[state])
    oldest = figures["oldest_created_at"]
    since = (
        f"; the oldest waits for {age((now - instant(oldest)).total_seconds())}" if oldest else ""
    )
    if counts:
        say(f"{counts}{since}")
    for handler, why in page["blocked"].items():
        for lines in table([(Cell(f"{handler} waits: {why}", "yellow"),)], terminal_width()):
            click.echo("\n".join(lines))


def _row(operation: Mapping[str, Any], now: datetime) -> tuple[Cell | str, ...]:
    state, error = operation["state"], operation["error"] or {}
    waits = age((instant(operation["run_at"]) - now).total_seconds()) if state == "pending" else "-"
    return (
        operation["id"],
        Cell(state, _COLOURS.get(state)),
        _what(operation),
        str(operation["attempts"]),
        waits,
        operation["damage"] or error.get("message") or "",
    )


def _what(operation: Mapping[str, Any]) -> str:
    return plain(operation["subject"] or operation["handler"])


def _facts(operation: Mapping[str, Any], now: datetime) -> Iterator[tuple[str, Any]]:
    yield "state", Cell(operation["state"], _COLOURS.get(operation["state"]))
    if (error := operation["error"]) is not None:
        yield "why", f"{error['message']} ({error['type']})"
    for name, value in operation.items():
        if name in ("state", "error"):
            continue
        shown = clock_time(value, now) if name.endswith("_at") and value else value
        yield name.replace("_", " ").removesuffix(" at"), shown
