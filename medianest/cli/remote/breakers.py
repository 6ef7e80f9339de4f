"""`medianest breakers`: how each circuit breaker is, and what operators do to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

import click

from medianest.cli.group import Group
from medianest.cli.options import DURATION, as_json, asks, named, reason, show_json
from medianest.cli.remote.client import Answer, Client
from medianest.cli.screen.facts import show_facts
from medianest.cli.screen.marks import badness, state_cell, switch
from medianest.cli.screen.say import say
from medianest.cli.screen.table import Cell, show_table
from medianest.cli.screen.words import age, clock_time, milliseconds, plain

__all__ = ["breaker_note", "command"]

_PATH: Final = ("resilience", "circuit-breakers")


@click.group("breakers", cls=Group, usual="list")
def command() -> None:
    """Circuit breakers: how they are, and what to do to one."""


@command.command("list")
@as_json
@asks
def list_breakers(client: Client, as_json: bool) -> None:
    """All of them, the worst first."""
    answer = client.get(*_PATH)
    if as_json:
        show_json(answer.body)
        return
    found = sorted(answer.body["circuit_breakers"], key=lambda b: badness(b["state"]))
    heads = ("name", "", "state", "failed", "p95", "what it does")
    show_table(heads, (_row(each, answer.at) for each in found), "There is no circuit breaker.")
    for message in dict.fromkeys(filter(None, map(_message, found))):
        say(message)


@command.command("show")
@named(*_PATH)
@as_json
@asks
def show_breaker(client: Client, name: str, as_json: bool) -> None:
    """One, with its figures and its options."""
    answer = client.get(*_PATH, name)
    if as_json:
        show_json(answer.body)
        return
    show_facts(_facts(answer.body, answer.at))
    if message := _message(answer.body):
        say(message)


def _acting(action: str, lasts: bool, text: str) -> Callable[..., None]:
    """The command of an action; one that lasts can be given an end."""

    @as_json
    @asks
    def act(
        client: Client, name: str, reason: str | None, as_json: bool, wait: float | None = None
    ) -> None:
        answer = client.post(
            *_PATH, name, "action", action=action, reason=reason, expires_in_seconds=wait
        )
        if as_json:
            show_json(answer.body)
        else:
            _tell(client, answer)

    if lasts:
        act = click.option(
            "--for", "wait", type=DURATION, metavar="TIME",
            help="It ends by itself after 30s, 10m, 2h, …; else when an operator ends it.",
        )(act)  # fmt: skip
    act = named(*_PATH)(reason(act))
    act.__doc__ = text
    return act


for _action, _lasts, _text in (
    ("open", True, "Let no call through."),
    ("close", False, "Let calls through; failures may open it again."),
    ("reset", False, "Close it and forget its figures."),
    ("disable", True, "Let all calls through, whatever fails."),
    ("enable", False, "End what an operator did."),
):
    command.command(_action)(_acting(_action, _lasts, _text))


def breaker_note(breaker: Mapping[str, Any], now: datetime) -> str:
    """What it does now, in a few words; empty while it is closed."""
    state, wait = breaker["state"], breaker["retry_after_seconds"]
    if state == "open":
        return "the next call is the probe" if wait is None else f"next probe in {age(wait)}"
    if state == "half_open":
        return f"probes: {_probes(breaker)}"
    if state in ("forced_open", "disabled"):
        return f"by {breaker['actor'] or 'the settings'} {_until(breaker, now)}"
    return ""


def _probes(breaker: Mapping[str, Any]) -> str:
    counts, config = breaker["counts"] or {}, breaker["config"] or {}
    good, wanted = counts.get("successes", 0), config.get("half_open_max_calls", "?")
    return f"{good} of {wanted} calls went well"


def _until(breaker: Mapping[str, Any], now: datetime) -> str:
    ends = breaker["expires_at"]
    return "until somebody ends it" if ends is None else f"until {clock_time(ends, now)}"


def _row(breaker: Mapping[str, Any], now: datetime) -> tuple[Cell | str, ...]:
    rate, latency = breaker["failure_rate"], breaker["latency_seconds"] or {}
    why = plain(breaker["reason"] or "")
    note = breaker_note(breaker, now)
    workers = _alike(breaker) if note or _message(breaker) else ""
    return (
        breaker["name"],
        switch(breaker["state"]),
        state_cell(breaker["state"]),
        "-" if rate is None else f"{rate:.0%}",
        milliseconds(latency.get("p95")),
        "; ".join(filter(None, (f"{note}: {why}" if note and why else note, workers))),
    )


def _facts(breaker: Mapping[str, Any], now: datetime) -> Iterator[tuple[str, Any]]:
    """What is worth a line."""
    yield "name", breaker["name"]
    yield (
        "state",
        f"{state_cell(breaker['state']).text} since {clock_time(breaker['changed_at'], now)}",
    )
    yield "what it does", breaker_note(breaker, now)
    yield "reason", breaker["reason"]
    if (desired := breaker.get("desired")) is not None:
        yield "wanted", _desired(desired, now)
    if alike := _alike(breaker):
        yield "is so in", alike
        for each in breaker["workers"]["states"]:
            yield each["name"], _of_worker(each)
    if (opened := breaker["opened_by"]) is not None:
        yield "opened by", f"{opened['figures']}, {clock_time(opened['opened_at'], now)}"
    if (last := breaker["last_failure"]) is not None:
        yield "last failure", f"{last['message']} ({last['type']})"
    yield "window", _counted(breaker["counts"])
    yield "since start", _counted(breaker["totals"])
    yield (
        "latency",
        ", ".join(
            f"{name} {milliseconds(value)}"
            for name, value in (breaker["latency_seconds"] or {}).items()
            if value is not None
        ),
    )
    yield "in flight", breaker["in_flight"]
    yield "package", breaker["package"]
    for name, value in (breaker["config"] or {}).items():
        yield name.replace("_", " "), value


def _message(breaker: Mapping[str, Any]) -> str | None:
    """In what its workers differ."""
    message: str | None = (breaker.get("workers") or {}).get("message")
    return message


def _alike(breaker: Mapping[str, Any]) -> str:
    """How many workers are in its state; empty where there is one."""
    workers = breaker.get("workers")
    if workers is None or workers["of"] == 1:
        return ""
    return f"{workers['alike']} of {workers['of']} workers"


def _of_worker(worker: Mapping[str, Any]) -> str:
    state = state_cell(worker["state"]).text or "unknown"
    return f"{state}, when it was last heard" if worker["is_silent"] else state


def _desired(desired: Mapping[str, Any], now: datetime) -> str:
    state, actor = state_cell(desired["state"]).text, desired["actor"] or "the settings"
    since = f"since {clock_time(desired['set_at'], now)}"
    return f"{state} by {actor} {since}, revision {desired['revision']}"


def _counted(counts: Mapping[str, int] | None) -> str:
    return ", ".join(f"{number} {what}" for what, number in (counts or {}).items() if number)


def _tell(client: Client, answer: Answer) -> None:
    breaker, kept = answer.body["circuit_breaker"], answer.body["kept"]
    note = breaker_note(breaker, answer.at)
    say(f"{breaker['name']} is {state_cell(breaker['state']).text} {note}")
    if kept is None:
        say("kept nowhere: the circuitbreaker package keeps nothing", indent=2)
        return
    places = [name for name, there in (("the instance folder", kept["file"]),
                                       ("the database", kept["database"])) if there]  # fmt: skip
    where = f"in {' and '.join(places)}" if places else "nowhere: a restart ends it"
    say(f"kept {where}", indent=2)
    if kept["problem"]:
        say(f"{kept['problem']}; it is tried again", indent=2)
    if (applied := kept.get("applied")) is not None and applied["of"] > 1:
        say(_applied(applied), indent=2)
    else:
        say(_others(kept["other_workers_within_seconds"], client.is_app), indent=2)


def _applied(applied: Mapping[str, Any]) -> str:
    """Which workers obey, by name where one does not."""
    told = f"{applied['workers']} of {applied['of']} workers of this host obey"
    if applied["silent"]:
        return f"{told}; {', '.join(applied['silent'])} has not answered, and obeys when it can"
    return f"{told}; other hosts within a second"


def _others(within: float | None, is_app: bool) -> str:
    """Who else obeys; an app has no database from which others learn of it."""
    if is_app:
        return (
            "no other worker obeys" if within is None else f"{_every_worker(within)}, no other host"
        )
    if within is None:
        return "other workers obey when they next look at the database, if at all"
    return f"{_every_worker(within)}; other hosts within a second"


def _every_worker(within: float) -> str:
    return f"every worker of this host obeys within {age(within)}"
