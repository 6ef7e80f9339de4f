"""The whole at one glance: the verdict, a line for each dependency, what fires, what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

import click

from medianest.cli.remote.breakers import breaker_note
from medianest.cli.screen.marks import badness, mark, state_cell, status_cell, switch
from medianest.cli.screen.table import Cell, table, wrapped
from medianest.cli.screen.words import age, brief, clock_time, instant, milliseconds, plain

__all__ = ["alert_lines", "switchboard"]

_IMPORTANCE: Final = ("critical", "important", "optional")

Line = tuple[Cell | str, ...]


def switchboard(status: Mapping[str, Any], width: int | None) -> list[str]:
    """What `/resilience/status` says, in lines of at most so many columns; None: of any length."""
    now = instant(status["generated_at"])
    return [
        *_verdict(status, now, width),
        "",
        *_dependencies(status, now, width),
        *_part("Fires", (line for a in status["alerts"] for line in alert_lines(a, now, width))),
        *_part("May fire soon", (
            line for a in status["pending_alerts"] for line in alert_lines(a, now, width)
        )),
        *_part("Waits", _queue(status.get("queue"), now)),
        *_part("Do next", _advice(status["recommendations"], width)),
    ]  # fmt: skip


def alert_lines(alert: Mapping[str, Any], now: datetime, width: int | None) -> Iterator[str]:
    """An alert: what, since when, what to do about it."""
    since = age((now - instant(alert["started_at"])).total_seconds())
    silence = alert.get("silence")
    quiet = f", silent until {clock_time(silence['until_at'], now)}" if silence else ""
    shape, colour = mark(alert["severity"])
    message = plain(alert["message"]).replace(f": {alert['subject']}: ", ": ")
    first, *more = _indented(f"{message}, for {since}{quiet}", 5, width)
    yield f"  {click.style(shape, fg=colour)}  {first.lstrip()}"
    yield from more
    yield from _indented(plain(alert["advice"]), 5, width)


def _verdict(status: Mapping[str, Any], now: datetime, width: int | None) -> Iterator[str]:
    shape, colour = mark(status["status"])
    score = status["score"]
    word = click.style(f"{shape} {plain(status['status'])}", fg=colour, bold=True)
    at = now.astimezone().strftime("%H:%M:%S")
    yield f"{word}   {plain(score['score'])} of 100, {plain(score['rating'])}   at {at}"
    lost = ", ".join(f"-{each['points']} {each['what']}" for each in score["deductions"])
    yield from _indented(plain(lost), 2, width)


def _dependencies(status: Mapping[str, Any], now: datetime, width: int | None) -> Iterator[str]:
    """Each with its circuit breaker; what else there is only where something is wrong with it."""
    breakers = {each["name"]: each for each in status["circuit_breakers"]}
    shown = [c for c in status["components"] if c["type"] or c["status"] != "healthy"]
    rows: list[Line] = []
    below: list[list[str]] = []
    for component in sorted(shown, key=_rank):
        name = component["name"]
        rows.append(_line(component, breakers.get(name), now))
        below.append(_indented(_trouble(component, now), 5, width))
        for breaker in _parts(name, breakers):
            rows.append(_line_of_part(name, breaker, now))
            below.append([])
    room = None if width is None else width - 2
    for lines, more in zip(table(rows, room), below, strict=True):
        yield from (f"  {line}" for line in lines)
        yield from more
    if well := len(status["components"]) - len(shown):
        yield f"  {click.style('●', fg='green')}  {well} more {'is' if well == 1 else 'are'} well"


def _rank(component: Mapping[str, Any]) -> tuple[int, int]:
    return badness(component["status"]), _IMPORTANCE.index(component["criticality"])


def _line(component: Mapping[str, Any], breaker: Mapping[str, Any] | None, now: datetime) -> Line:
    state, note = component["breaker_state"], ""
    if breaker is not None:
        note = breaker_note(breaker, now)
    if not note and component["status"] == "healthy":
        note = milliseconds(component["latency_seconds"]["p50"])
    status = component["status"]
    return mark(status), component["name"], status_cell(status), switch(state), _state(state), note


def _line_of_part(name: str, breaker: Mapping[str, Any], now: datetime) -> Line:
    part, state = breaker["name"].removeprefix(f"{name}."), breaker["state"]
    return "", f"└ {part}", "", switch(state), _state(state), breaker_note(breaker, now)


def _state(state: str | None) -> Cell | str:
    return "" if state is None else state_cell(state)


def _parts(name: str, breakers: Mapping[str, Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Its single operations whose circuit breakers are not closed."""
    for other, breaker in breakers.items():
        if other.startswith(f"{name}.") and breaker["state"] != "closed":
            yield breaker


def _trouble(component: Mapping[str, Any], now: datetime) -> str:
    message = brief(component["message"], component["name"])
    since = component["changed_at"]
    if not message or component["status"] == "healthy" or since is None:
        return message
    return f"{message}, for {age((now - instant(since)).total_seconds())}"


def _queue(queue: Mapping[str, Any] | None, now: datetime) -> Iterator[str]:
    if queue is None:  # an app that has none
        return
    waiting, dead = queue["pending"], queue["dead"]
    if waiting:
        oldest = queue["oldest_created_at"]
        since = age((now - instant(oldest)).total_seconds()) if oldest else "-"
        yield f"  {plain(waiting)} in the queue, the oldest for {since}"
    if dead:
        letters = "letter waits" if dead == 1 else "letters wait"
        yield f"  {plain(dead)} dead {letters} for you: medianest queue list --dead"


def _advice(texts: Iterable[str], width: int | None) -> Iterator[str]:
    for number, text in enumerate(texts, 1):
        first, *more = _indented(plain(text), 5, width)
        yield f"  {number}. {first.lstrip()}"
        yield from more


def _part(title: str, lines: Iterable[str]) -> Iterator[str]:
    """A part with its title, if there is anything in it."""
    found = list(lines)
    if found:
        yield ""
        yield click.style(title, bold=True)
        yield from found


def _indented(text: str, by: int, width: int | None) -> list[str]:
    if not text:
        return []
    lines = [text] if width is None else wrapped(text, max(width - by, 20))
    return [" " * by + line for line in lines]
