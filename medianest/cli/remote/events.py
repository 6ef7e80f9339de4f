"""`medianest events`: what has changed, and what changes now."""

from __future__ import annotations

import json
import sys
from collections import deque
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import click

from medianest.cli.errors import CommandError
from medianest.cli.exits import Exit
from medianest.cli.options import DURATION, as_json, asks, limit, show_json
from medianest.cli.remote.client import Answer, Client
from medianest.cli.screen.marks import mark, switch
from medianest.cli.screen.table import Cell, show_table, table, terminal_width
from medianest.cli.screen.words import clock_time

__all__ = ["command"]

_PATH: Final = ("resilience", "events")
_TYPES: Final = ("breaker", "component", "alert")
_OF_ALERT: Final = {"resolved": "healthy"}
_SECONDS: Final = 2.0
_ALIGNED: Final = 100
"""Lines that have their columns below each other while it follows."""
_LATE: Final = timedelta(seconds=30)
"""Other workers may write what they saw as much later."""

Filter = Mapping[str, str | None]


@click.command("events")
@click.option("--type", "kind", type=click.Choice(_TYPES), help="Only of these.")
@click.option("--name", help="Only of this circuit breaker, component or alert.")
@click.option("--since", type=DURATION, metavar="TIME", help="Only of the last 30m, 2h, 1d, …")
@click.option("--follow", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@limit
@as_json
@asks
def command(
    client: Client, kind: str | None, name: str | None, since: float | None,
    follow: bool, limit: int, as_json: bool,
) -> None:  # fmt: skip
    """What has changed; the newest first. Circuit breakers, components and alerts. With --follow
    the newest comes last, and --json is one line for each."""
    wanted = {"type": kind, "name": name}
    begin = None if since is None else _ago(since)
    answer = client.pages(*_PATH, limit=limit, since=begin, **wanted)
    if follow:
        _follow(client, answer, wanted, as_json)
    elif as_json:
        show_json(answer.body)
    else:
        rows = (_row(each, answer.at) for each in answer.body["items"])
        show_table(("when", "", "what", "change", "why"), rows, "Nothing has changed.")


def _follow(client: Client, answer: Answer, wanted: Filter, as_json: bool) -> None:
    shown: deque[tuple[Cell | str, ...]] = deque(maxlen=_ALIGNED)
    for each in _coming(client, answer, wanted):
        if as_json:
            click.echo(json.dumps(each))
        else:
            shown.append(_row(each, answer.at))
            click.echo("\n".join(table(list(shown), terminal_width())[-1]))
        sys.stdout.flush()


def _coming(client: Client, answer: Answer, wanted: Filter) -> Iterator[Mapping[str, Any]]:
    """The events of an answer, and each that comes after it, once."""
    from medianest.resilience.clock import SystemClock

    items, clock = answer.body["items"], SystemClock()
    first, seen = items[-1]["changed_at"] if items else "", set[str]()
    while True:
        for each in reversed(items):
            if each["id"] not in seen and each["changed_at"] >= first:
                yield each
        seen = {each["id"] for each in items}
        answer = _next(client, clock, _instant(answer.at - _LATE), wanted)
        items = answer.body["items"]


def _next(client: Client, clock: Any, begin: str, wanted: Filter) -> Answer:
    """The next answer, however long the server is away."""
    is_told = False
    while True:
        clock.sleep(_SECONDS)
        try:
            return client.pages(*_PATH, limit=10_000, since=begin, **wanted)
        except CommandError as error:
            if error.code not in (Exit.NO_ANSWER, Exit.TRY_LATER):
                raise
            if not is_told:
                error.show()
            is_told = True


def _ago(seconds: float) -> str:
    from medianest.resilience.clock import SystemClock

    return _instant(SystemClock().utc() - timedelta(seconds=seconds))


def _instant(at: datetime) -> str:
    """As the API takes it."""
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")


def _row(event: Mapping[str, Any], now: datetime) -> tuple[Cell | str, ...]:
    shape = _shape(event)
    actor = f"by {event['actor']}" if event["actor"] else ""
    return (
        clock_time(event["changed_at"], now),
        shape,
        event["name"],
        Cell(f"{_word(event['before'])} → {_word(event['after'])}", shape.colour),
        ": ".join(filter(None, (actor, event["message"]))),
    )


def _shape(event: Mapping[str, Any]) -> Cell:
    after = event["after"]
    if event["type"] == "breaker":
        return switch(after)
    if event["type"] == "alert":
        after = event["severity"] if after == "firing" else _OF_ALERT.get(after, "unknown")
    return mark(after)


def _word(state: str) -> str:
    return state.replace("_", " ")
