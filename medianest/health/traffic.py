"""What the requests of a process do: how many, how slow, how many of them fail."""

from __future__ import annotations

import bisect
import threading
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import cached_property

from medianest.health.sketch import Sketch
from medianest.resilience import Clock
from medianest.resilience.circuit_breaker.durations import BOUNDS
from medianest.resilience.clock import as_clock
from medianest.resilience.counter import LockFreeCounter

__all__ = ["BOUNDS", "NOWHERE", "Figures", "Incoming", "Route", "Routes", "Traffic"]

PERIOD, _SLICE = 60.0, 5.0
"""Seconds that are looked back, and those of the slices in which they go, which begin at the same
time for all."""

NOWHERE = "(none)"
"""The route of a path that leads nowhere."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Requests over a time; `error_rate` is the share answered with 500 or above. Durations are
    seconds; None while there are none."""

    requests: int
    errors: int
    requests_per_second: float
    error_rate: float | None
    mean: float | None
    p50: float | None
    p95: float | None
    p99: float | None
    max: float | None

    @classmethod
    def of(cls, sketch: Sketch, period: float) -> Figures:
        """The figures of a sketch over so many seconds."""
        number = sketch.requests
        return cls(
            requests=number,
            errors=sketch.errors,
            requests_per_second=round(number / max(period, 0.001), 3),
            error_rate=round(sketch.errors / number, 6) if number else None,
            mean=round(sketch.seconds / number, 6) if number else None,
            p50=sketch.quantile(0.50),
            p95=sketch.quantile(0.95),
            p99=sketch.quantile(0.99),
            max=round(sketch.longest, 6) if number else None,
        )


@dataclass(frozen=True, slots=True)
class Incoming:
    """How much comes in; `error_rate` is the share answered with 500 or above, None while there is
    nothing."""

    requests_per_second: float
    error_rate: float | None


class Route:
    """The requests of one method and one route, since the start and over the last minute."""

    def __init__(self, method: str, route: str, now: float) -> None:
        self.method, self.route = method, route
        self.statuses: Counter[int] = Counter()
        self.counts = [0] * (len(BOUNDS) + 1)
        """How many took up to each of BOUNDS, and how many took longer."""
        self.total = Sketch()
        self._slices = deque([(now - now % _SLICE, Sketch())])
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """Such as "GET /api/v1/media/libraries"."""
        return f"{self.method} {self.route}"

    def note(self, took: float, status: int, now: float) -> None:
        """Count one request."""
        place, failed = bisect.bisect_left(BOUNDS, took), status >= 500
        with self._lock:
            self.statuses[status] += 1
            self.counts[place] += 1
            self.total.note(took, failed)
            self._newest(now).note(took, failed)

    def add_to(self, whole: Sketch, since_start: Sketch, now: float) -> None:
        """Add its figures of the last minute, and those of all its time."""
        with self._lock:
            self._newest(now)
            for _, part in self._slices:
                whole.merge(part)
            since_start.merge(self.total)

    def lately(self, now: float) -> tuple[int, int]:
        """The requests of the last minute, and how many of them failed."""
        with self._lock:
            self._newest(now)
            parts = [part for _, part in self._slices]
            return sum(part.requests for part in parts), sum(part.errors for part in parts)

    def since_start(self) -> Sketch:
        """All of its time."""
        with self._lock:
            return self.total.copy()

    def histogram(self) -> tuple[list[int], float, dict[int, int]]:
        """How many took up to each bound, the seconds of all, and how many had which status."""
        with self._lock:
            return list(self.counts), self.total.seconds, dict(self.statuses)

    def add(self, other: Route, now: float) -> None:
        """Count those of another process, too."""
        for begun, part in other.slices(now):
            self.add_slice(begun, part)
        counts, _, statuses = other.histogram()
        self.add_total(other.since_start(), counts, statuses)

    def add_total(self, total: Sketch, counts: list[int], statuses: dict[int, int]) -> None:
        """Count what has come elsewhere, too."""
        with self._lock:
            self.total.merge(total)
            self.counts = [mine + its for mine, its in zip(self.counts, counts, strict=True)]
            self.statuses.update(statuses)

    def slices(self, now: float) -> list[tuple[float, Sketch]]:
        """The parts of the last minute, and when each began."""
        with self._lock:
            self._newest(now)
            return [(begun, part.copy()) for begun, part in self._slices]

    def add_slice(self, begun: float, part: Sketch) -> None:
        """Count what came in one of them elsewhere, too."""
        with self._lock:
            slices = dict(self._slices)
            slices.setdefault(begun, Sketch()).merge(part)
            self._slices = deque(sorted(slices.items()))

    def _newest(self, now: float) -> Sketch:
        slices, begun = self._slices, now - now % _SLICE
        if begun > slices[-1][0]:
            slices.append((begun, Sketch()))
        while now - slices[0][0] >= PERIOD:
            slices.popleft()
        return slices[-1][1]


class Traffic:
    """Counts the requests of a process by route. Thread-safe."""

    def __init__(self, clock: Clock | Callable[[], float] | None = None) -> None:
        self._clock = as_clock(clock)
        self.started_at = self._clock.now()
        self._elsewhere = 0
        """Requests that other processes are answering."""
        self._routes: dict[tuple[str, str], Route] = {}
        self._lock = threading.Lock()
        self._begun, self._ended = LockFreeCounter(), LockFreeCounter()

    def begin(self) -> float:
        """A request begins; what `end` wants to know later."""
        next(self._begun.ticks)
        return self._clock.now()

    def end(self, began: float, method: str, route: str, status: int) -> None:
        """It has been answered. `route` is one of few: the rule, never the path itself."""
        next(self._ended.ticks)
        now = self._clock.now()
        known = self._routes.get((method, route))
        if known is None:
            with self._lock:
                known = self._routes.setdefault((method, route), Route(method, route, now))
        known.note(now - began, status, now)

    @property
    def in_flight(self) -> int:
        """Requests that are being answered now."""
        ended = self._ended.read()  # first: one that ends in between must not count as minus one
        return self._begun.read() - ended + self._elsewhere

    def add(self, routes: Iterable[Route], in_flight: int, started_at: float) -> None:
        """Count those of another process, too, which began to count at that instant."""
        now = self._clock.now()
        for route in routes:
            key = route.method, route.route
            with self._lock:
                known = self._routes.setdefault(key, Route(*key, now))
            known.add(route, now)
        self._elsewhere += in_flight
        self.started_at = min(self.started_at, started_at)

    def routes(self) -> list[Route]:
        """Every route that was asked for."""
        with self._lock:
            return [self._routes[key] for key in sorted(self._routes)]

    def figures(self, routes: Iterable[Route] | None = None) -> tuple[Figures, Figures]:
        """Of these routes together, or of all: over the last minute, and since the start."""
        minute, ever, now = Sketch(), Sketch(), self._clock.now()
        for route in self.routes() if routes is None else routes:
            route.add_to(minute, ever, now)
        return Figures.of(minute, self._covered(now)), Figures.of(ever, now - self.started_at)

    def incoming(self, routes: Iterable[Route]) -> Incoming:
        """How much came over the last minute on these routes together; costs less than `figures`,
        as it looks at no duration."""
        now = self._clock.now()
        counts = [route.lately(now) for route in routes]
        requests, errors = sum(each for each, _ in counts), sum(each for _, each in counts)
        return Incoming(
            requests_per_second=round(requests / max(self._covered(now), 0.001), 3),
            error_rate=round(errors / requests, 6) if requests else None,
        )

    def _covered(self, now: float) -> float:
        """The seconds that the slices cover, the one that has just begun included: a rate over more
        would sink with each slice that goes."""
        return min(PERIOD - _SLICE + now % _SLICE, now - self.started_at)


class Routes:
    """Which services the routes of an app call. `known()` gives each rule with its methods and
    its services; it is asked when they are first needed, as they are all there then. Requests of
    rules that begin with one of `looks` say nothing of how people are served: those of probes and
    operators."""

    def __init__(
        self,
        known: Callable[[], Iterable[tuple[str, Collection[str], Collection[str]]]],
        looks: tuple[str, ...] = (),
    ) -> None:
        self._known = known
        self._looks = tuple(look for look in looks if look != "/")
        self._front = "/" if "/" in looks else None

    def of_service(self, service: str) -> tuple[str, ...]:
        """The routes that call a service, as "GET /path"."""
        return self._of_services.get(service, ())

    def serves_people(self, route: Route) -> bool:
        """Whether a route says how people are served; one that leads nowhere does not."""
        is_look = route.route in (NOWHERE, self._front) or route.route.startswith(self._looks)
        return not is_look

    def services_of(self, route: Route) -> tuple[str, ...] | None:
        """The services that a route calls; None for one that says nothing of how people are
        served."""
        return self._services.get(route.route, ()) if self.serves_people(route) else None

    @cached_property
    def _services(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for rule, _, services in self._known():
            found[rule] = (*found.get(rule, ()), *services)
        return found

    @cached_property
    def _of_services(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, set[str]] = {}
        for rule, methods, services in self._known():
            for service in services:
                found.setdefault(service, set()).update(f"{each} {rule}" for each in methods)
        return {service: tuple(sorted(routes)) for service, routes in found.items()}
