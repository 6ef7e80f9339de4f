"""`medianest recovery`: what was tried after failures, and what would be."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import click

from medianest.cli.group import Group
from medianest.cli.options import as_json, asks, limit, show_json
from medianest.cli.remote.client import Client
from medianest.cli.screen.say import say
from medianest.cli.screen.table import Cell, show_table
from medianest.cli.screen.words import clock_time, milliseconds, plain

__all__ = ["command"]

_PATH: Final = ("resilience", "recovery")
_COLOURS: Final = {"recovered": "green", "failed": "red"}


@click.group("recovery", cls=Group, usual="history")
def command() -> None:
    """What is done about failures."""


@command.command("history")
@click.option("--operation", help="Only of this operation.")
@click.option("--service", help="Only of this service.")
@click.option("--outcome", type=click.Choice(("recovered", "failed")), help="Only those that did.")
@limit
@as_json
@asks
def history(
    client: Client, operation: str | None, service: str | None, outcome: str | None,
    limit: int, as_json: bool,
) -> None:  # fmt: skip
    """What failed, and what helped; the newest first."""
    answer = client.pages(
        *_PATH, "history", limit=limit, operation=operation, service=service, outcome=outcome
    )
    if as_json:
        show_json(answer.body)
        return
    heads = ("when", "operation", "calls", "outcome", "by", "took", "what failed")
    rows = (_row(each, answer.at) for each in answer.body["items"])
    show_table(heads, rows, "Nothing has failed.")


@command.command("test")
@click.argument("operation", required=False)
@click.argument("error", default="timeout")
@click.option(
    "--context", "arguments", metavar="JSON", help="Arguments of the call, by their names."
)
@click.option("--execute", is_flag=True, help="Do what the actions do, too.")
@as_json
@asks
def test(
    client: Client, operation: str | None, error: str, arguments: str | None,
    execute: bool, as_json: bool,
) -> None:  # fmt: skip
    """Rehearse an error (timeout, ECONNREFUSED, 5xx, circuit-open): which actions would be tried
    against it. Without an operation, those that can be rehearsed."""
    if operation is None:
        _list_operations(client, as_json)
        return
    body = client.post(
        *_PATH,
        "test",
        operation=operation,
        error=error,
        context=_parsed(arguments),
        execute=execute,
    ).body
    if as_json:
        show_json(body)
        return
    say(f"{body['operation']} fails with {body['error']}:")
    show_table(("action", "priority", "tried", "why not"), map(_step, body["actions"]), "Nothing.")
    if (executed := body["executed"]) is not None:
        by = executed["recovered_by"]
        took = milliseconds(executed["duration_seconds"])
        say(f"done: {executed['outcome']}" + (f" by {by}" if by else "") + f", in {took}")


def _list_operations(client: Client, as_json: bool) -> None:
    body = client.get(*_PATH, "operations").body
    if as_json:
        show_json(body)
        return
    heads = ("operation", "arguments", "actions")
    rows = (
        (each["name"], " ".join(each["arguments"]) or "-", ", ".join(each["actions"]) or "-")
        for each in body["operations"]
    )
    show_table(heads, rows, "No operation can be rehearsed.")


def _parsed(context: str | None) -> dict[str, Any] | None:
    if context is None:
        return None
    try:
        found = json.loads(context)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise click.UsageError('--context: must be a JSON object such as {"key": "1"}')
    return found


def _row(record: Mapping[str, Any], now: datetime) -> tuple[Cell | str, ...]:
    outcome = record["outcome"]
    return (
        clock_time(record["failed_at"], now),
        record["operation"],
        str(record["count"]),
        Cell(outcome, _COLOURS.get(outcome)),
        record["recovered_by"] or "-",
        milliseconds(record["duration_seconds"]),
        plain(record["error"]["message"]),
    )


def _step(action: Mapping[str, Any]) -> tuple[Cell | str, ...]:
    applies = Cell("yes", "green") if action["applies"] else Cell("no")
    return action["action"], str(action["priority"]), applies, action["why_not"] or ""
