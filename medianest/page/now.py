"""What the front page shows: everything at one instant, the worst first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from medianest.health import Status
from medianest.health.alerts import Alert
from medianest.health.report import Report
from medianest.health.score import Deduction
from medianest.health.traffic import NOWHERE, Figures, Route, Traffic
from medianest.page import looks
from medianest.page.looks import Look
from medianest.page.switchboard import Line, lines_of
from medianest.page.timeline import Happening, happenings
from medianest.web.core import Core
from medianest.web.views.queue_figures import QueueFigures

__all__ = [
    "ActionLine",
    "Now",
    "RouteLine",
    "Verdict",
    "action_lines",
    "now",
    "route_lines",
    "verdict_of",
]

_HEADLINES: Final[dict[Status, str]] = {
    Status.HEALTHY: "Everything works",
    Status.UNKNOWN: "Looking around",
    Status.DEGRADED: "Degraded",
    Status.UNHEALTHY: "Out of order",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether it is well, what is not, since when, and what to do next."""

    status: str
    look: Look
    score: int
    rating: str
    headline: str
    since: datetime | None
    meanwhile: tuple[str, ...]
    advice: str | None
    deductions: tuple[Deduction, ...]


@dataclass(frozen=True, slots=True)
class RouteLine:
    """A route over the last minute."""

    name: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class ActionLine:
    """A recovery action since the start of the process."""

    name: str
    tried: int
    recovered: int
    declined: int


@dataclass(frozen=True, slots=True)
class Now:
    """The front page."""

    verdict: Verdict
    incoming: Figures
    lines: tuple[Line, ...]
    firing: tuple[Alert, ...]
    pending: tuple[Alert, ...]
    silenced: tuple[str, ...]
    """Keys of alerts that nobody is told of now."""
    queue: QueueFigures | None
    """None: the database does not answer."""
    routes: tuple[RouteLine, ...]
    recovery: tuple[ActionLine, ...]
    happened: tuple[Happening, ...]
    not_configured: tuple[str, ...]


def now(here: Core, queue: QueueFigures | None, unset: Sequence[str]) -> Now:
    """Look at everything. `queue` are its figures, `unset` the settings that are missing."""
    monitoring = here.monitoring
    report = monitoring.reporter.report()
    intervals = {check.name: check.interval for check in monitoring.monitor.checks()}
    lines = lines_of(report.dependencies, monitoring.series.two_minutes, intervals)
    traffic = here.traffic()
    people = [r for r in traffic.routes() if monitoring.routes.serves_people(r)]
    return Now(
        verdict=verdict_of(report, lines, queue, here.instead),
        incoming=traffic.figures(people)[0],
        lines=lines,
        firing=report.firing,
        pending=report.pending,
        silenced=tuple(sorted(each.key for each in monitoring.silences.active())),
        queue=queue,
        routes=route_lines(traffic, people),
        recovery=action_lines(report.recovery),
        happened=happenings(here),
        not_configured=tuple(unset),
    )


def route_lines(traffic: Traffic, routes: Iterable[Route]) -> tuple[RouteLine, ...]:
    """Those that were asked for within the last minute, the busiest first."""
    lines = [
        RouteLine(f"{route.method} {route.route}", traffic.figures([route])[0])
        for route in routes
        if route.route != NOWHERE
    ]
    busy = [line for line in lines if line.figures.requests]
    return tuple(sorted(busy, key=lambda line: (-line.figures.requests, line.name)))


_RUNS: Final = ("returned", "repaired", "shared", "raised")


def action_lines(statistics: Mapping[str, Mapping[str, Any]]) -> tuple[ActionLine, ...]:
    """Each recovery action that had something to do."""
    lines = [
        ActionLine(name, sum(each[run] for run in _RUNS), each["recovered"], each["declined"])
        for name, each in statistics.items()
    ]
    return tuple(line for line in lines if line.tried or line.declined)


def verdict_of(
    report: Report,
    lines: Sequence[Line],
    queue: QueueFigures | None,
    instead: str = "last good answer",
) -> Verdict:
    """Of a report, with what is done about it meanwhile; `instead` is what who asks gets of what is
    not called."""
    headline, since = _headline(report)
    return Verdict(
        status=report.status.value,
        look=looks.OF_STATUS[report.status],
        score=report.score.score,
        rating=report.score.rating,
        headline=headline,
        since=since,
        meanwhile=tuple(_meanwhile(lines, queue, instead)),
        advice=_advice(report),
        deductions=report.score.deductions,
    )


def _headline(report: Report) -> tuple[str, datetime | None]:
    """The worst thing that anybody must know, and since when."""
    word, worst_alert = _HEADLINES[report.status], _worst_alert(report)
    if worst_alert is not None:
        word = "It works, but" if report.status is Status.HEALTHY else f"{word}:"
        return f"{word} {worst_alert.message}", worst_alert.since
    down = [d for d in report.dependencies if d.is_used and d.status is not Status.HEALTHY]
    worst = max(down, key=lambda found: found.status.severity_rank, default=None)
    if worst is not None and worst.since is not None:
        verb = "does not work" if worst.status is Status.UNHEALTHY else "has trouble"
        return f"{word}: {worst.name} {verb}", worst.since
    if report.status is Status.HEALTHY:
        return word, None
    return f"{word}: {'; '.join(_troubled(report)) or 'not all was checked yet'}", None


def _worst_alert(report: Report) -> Alert | None:
    """The severest, of these the one whose subject costs most points, of these the oldest."""
    points = {each.what: each.points for each in report.score.deductions}
    order = [(-a.severity, -points.get(a.subject, 0), a.since) for a in report.troubles]
    return report.troubles[order.index(min(order))] if order else None


def _troubled(report: Report) -> list[str]:
    return [
        f"{component.name} is {component.status.value}"
        for component in report.components
        if component.status in (Status.DEGRADED, Status.UNHEALTHY)
    ]


def _meanwhile(lines: Sequence[Line], queue: QueueFigures | None, instead: str) -> Iterable[str]:
    """What is done about it."""
    for line in lines:
        switch = line.switch
        if switch is not None and switch.state == "open":
            what = "Some calls" if switch.alike < switch.others else "All calls"
            told = f"people get the {instead}, where there is one"
            yield f"{what} to {line.name} are refused at once: {told}."
        elif switch is not None and switch.state == "half_open":
            yield f"A few calls to {line.name} go through, to see whether it works again."
        elif switch is not None and switch.state == "forced_open":
            yield f"An operator holds the breaker {switch.name} open."
    waiting = queue.pending if queue is not None else None
    if waiting:
        yield f"{waiting} {'request waits' if waiting == 1 else 'requests wait'} to be made."


def _advice(report: Report) -> str | None:
    worst_alert = _worst_alert(report)
    if worst_alert is not None:
        return worst_alert.advice
    is_well = report.status is Status.HEALTHY
    return report.recommendations[0] if report.recommendations and not is_well else None
