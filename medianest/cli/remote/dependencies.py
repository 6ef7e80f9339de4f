"""`medianest dependencies`: what the server needs, and watching more of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

import click

from medianest.cli.group import Group
from medianest.cli.options import as_json, asks, confirmed, named, show_json, yes
from medianest.cli.remote.breakers import breaker_note
from medianest.cli.remote.client import Client
from medianest.cli.screen.facts import show_facts
from medianest.cli.screen.marks import badness, mark, state_cell, status_cell
from medianest.cli.screen.say import say
from medianest.cli.screen.table import Cell, show_table
from medianest.cli.screen.words import brief, clock_time, milliseconds

__all__ = ["command"]

_PATH: Final = ("resilience", "dependencies")
_TYPES: Final = ("internal-service", "external-api", "database", "cache", "queue")
_CRITICALITIES: Final = ("critical", "important", "optional")


@click.group("dependencies", cls=Group, usual="list")
def command() -> None:
    """What the server depends on."""


@command.command("list")
@as_json
@asks
def list_dependencies(client: Client, as_json: bool) -> None:
    """All of them, the worst first."""
    answer = client.get(*_PATH)
    if as_json:
        show_json(answer.body)
        return
    found = answer.body["dependencies"]
    found.sort(key=lambda each: badness(each["health"]["status"]))
    heads = ("", "name", "status", "criticality", "breaker", "places", "what is wrong")
    show_table(heads, map(_row, found), "There is no dependency.")


@command.command("show")
@named(*_PATH)
@as_json
@asks
def show_dependency(client: Client, name: str, as_json: bool) -> None:
    """One: how it is, and what protects its calls."""
    answer = client.get(*_PATH, name)
    if as_json:
        show_json(answer.body)
    else:
        show_facts(_facts(answer.body, answer.at))


@command.command("add")
@click.argument("name")
@click.option("--type", "kind", type=click.Choice(_TYPES), default=_TYPES[0], show_default=True)
@click.option(
    "--criticality", type=click.Choice(_CRITICALITIES), default="optional", show_default=True
)
@click.option(
    "--health-check-url", "--health-url", metavar="URL", help="Well while it answers GET."
)
@click.option("--expect", metavar="STATUSES", help="Which are good: 401, or 200-399.")
@click.option("--depends-on", multiple=True, metavar="NAME", help="What it cannot do without.")
@as_json
@asks
def add(
    client: Client, name: str, kind: str, criticality: str, health_check_url: str | None,
    expect: str | None, depends_on: tuple[str, ...], as_json: bool,
) -> None:  # fmt: skip
    """Watch one more. It has its circuit breaker and its check at once."""
    answer = client.post(
        *_PATH, name=name, type=kind, criticality=criticality, health_check_url=health_check_url,
        expected_status=expect, depends_on=list(depends_on),
    )  # fmt: skip
    if as_json:
        show_json(answer.body)
        return
    done = "is watched from now on" if answer.status == 201 else "is watched already, as you say"
    say(f"{answer.body['name']} {done}")


@command.command("remove")
@named(*_PATH)
@yes
@as_json
@asks
def remove(client: Client, name: str, yes: bool, as_json: bool) -> None:
    """Watch one no longer."""
    body = client.get(*_PATH, name).body
    confirmed(f"Watch {body['name']} no longer?", yes)
    client.delete(*_PATH, name)
    if as_json:
        show_json(body)
    else:
        say(f"{body['name']} is watched no longer")


def _row(found: Mapping[str, Any]) -> tuple[Cell | str, ...]:
    health, places = found["health"], found["bulkhead"]
    return (
        mark(health["status"]),
        found["name"],
        status_cell(health["status"]),
        found["criticality"],
        state_cell(health["breaker_state"]),
        f"{places['in_use']}/{places['max_concurrent']}" if places else "-",
        brief(health["message"], found["name"]),
    )


def _facts(found: Mapping[str, Any], now: datetime) -> Iterator[tuple[str, Any]]:
    health, breaker, places = found["health"], found["circuit_breaker"], found["bulkhead"]
    latency = health["latency_seconds"]
    yield "name", found["name"]
    yield "status", status_cell(health["status"])
    yield "what is wrong", brief(health["message"], found["name"])
    yield "since", clock_time(health["changed_at"], now)
    yield "last check", clock_time(health["checked_at"], now)
    yield "check takes", f"p50 {milliseconds(latency['p50'])}, p95 {milliseconds(latency['p95'])}"
    if breaker is not None:
        note = breaker_note(breaker, now)
        yield "breaker", state_cell(breaker["state"]).text + (f", {note}" if note else "")
    for each in found["operations"]:
        part = each["name"].removeprefix(f"{found['name']}.")
        yield f"  {part}", state_cell(each["state"]).text
    if places is not None:
        taken, most = places["in_use"], places["max_concurrent"]
        whose = " of this host" if places["scope"] == "host" else ""
        yield "places", f"{taken} of {most}{whose} taken, {places['waiting']} wait"
    yield "type", f"{found['type']}, {found['criticality']}"
    yield "depends on", found["depends_on"]
    yield "dependents", found["dependents"]
    yield "checked at", found["health_check_url"]
    yield "good statuses", found["expected_status"]
