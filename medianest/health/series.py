"""How calls and requests went over the last hour and the last day, in steps.

Nothing is counted for it that is not counted anyway: at the end of each step somebody looks at the
totals, and what they have grown by happened in that step.
"""

from __future__ import annotations

import statistics
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Literal

from medianest.health.ring import Ring, Step
from medianest.health.sketch import Sketch
from medianest.health.traffic import Routes, Traffic
from medianest.resilience import CircuitBreaker, Dependency, Registry
from medianest.resilience.clock import elapsed_of

__all__ = ["WINDOWS", "Series", "Window", "WindowName"]

WindowName = Literal["hour", "day"]


@dataclass(frozen=True, slots=True)
class Window:
    """How long a step is, in seconds, and how many of them are kept."""

    step_seconds: float
    steps: int


_HOUR, _DAY = Window(10.0, 360), Window(300.0, 288)
WINDOWS: Final[dict[WindowName, Window]] = {"hour": _HOUR, "day": _DAY}

_IN_LONG: Final = 30
"""Steps of the hour in one of the day."""

_TWO_MINUTES: Final = 12

_MOST_ROUTES: Final = 500
"""Of further ones nothing is known."""


class Series:
    """Follows the dependencies of a registry, or what `dependencies()` gives, and the routes on
    which people are served. Thread-safe."""

    def __init__(
        self,
        registry: Registry,
        traffic: Traffic,
        routes: Routes,
        dependencies: Callable[[], list[Dependency]] | None = None,
    ) -> None:
        self._dependencies = dependencies or registry.dependencies
        self._registry, self._traffic, self._routes = registry, traffic, routes
        self._elapsed = elapsed_of(registry.clock)
        self._step: int | None = None
        """The one that was under way at the last look."""
        self._calls: dict[str, _Calls] = {}
        self._requests: dict[str, _Requests] = {}
        self._lock = threading.Lock()

    def follow(self) -> None:
        """Look whether a step is over, and what happened in it; to be called every second. Of steps
        that nobody looked at in time nothing is known: what happened in them counts in the last."""
        step = int(self._elapsed() // _HOUR.step_seconds)
        if step == self._step:
            return
        calls = {each.name: _totals_of(each) for each in self._dependencies()}
        served = [each for each in self._traffic.routes() if self._routes.serves_people(each)]
        requests = {each.name: each.since_start() for each in served}
        with self._lock:
            if self._step is not None:
                self._calls = {name: self._calls.get(name) or _Calls() for name in calls}
                for name, totals in calls.items():
                    self._calls[name].follow(step - 1, totals)
                for name, sketch in requests.items():
                    if name in self._requests or len(self._requests) < _MOST_ROUTES:
                        self._requests.setdefault(name, _Requests()).follow(step - 1, sketch)
            self._step = step

    def two_minutes(self, dependency: str) -> list[tuple[int, int] | None]:
        """The calls and the failures of a dependency in each of the last 12 steps of ten seconds,
        oldest first; None where nothing is known."""
        found = self._read(self._calls, dependency, "hour", _TWO_MINUTES)
        return [None if step is None else (step.number, step.failed) for step in found]

    def hour(self, route: str) -> list[Step | None]:
        """The requests of a route, such as "GET /api/v1/media/libraries", in each of the last 360
        steps of ten seconds, oldest first; None where nothing is known."""
        return self._read(self._requests, route, "hour", _HOUR.steps)

    def dependencies(
        self, window: WindowName, name: str | None = None
    ) -> dict[str, list[Step | None]]:
        """The calls of each dependency, or of the one of that name, oldest first; None where
        nothing is known."""
        return self._all(self._calls, window, name)

    def routes(self, window: WindowName, name: str | None = None) -> dict[str, list[Step | None]]:
        """The requests of each route, or of the one of that name, oldest first; None where nothing
        is known."""
        return self._all(self._requests, window, name)

    def end_at(self, window: WindowName) -> datetime:
        """The end of the last step that is told."""
        passed = self._elapsed() - (self._last(window) + 1) * WINDOWS[window].step_seconds
        return self._registry.clock.utc() - timedelta(seconds=passed)

    def _all(
        self, tracks: Mapping[str, _Track], window: WindowName, name: str | None
    ) -> dict[str, list[Step | None]]:
        with self._lock:
            names = sorted(each for each in tracks if name in (None, each))
        steps = WINDOWS[window].steps
        return {each: self._read(tracks, each, window, steps) for each in names}

    def _read(
        self, tracks: Mapping[str, _Track], name: str, window: WindowName, steps: int
    ) -> list[Step | None]:
        last = self._last(window)
        with self._lock:
            track = tracks.get(name)
            return [None] * steps if track is None else track.rings[window].read(last, steps)

    def _last(self, window: WindowName) -> int:
        """The last step that is over."""
        step = self._step
        if step is None:
            step = int(self._elapsed() // _HOUR.step_seconds)
        return step // (_IN_LONG if window == "day" else 1) - 1


class _Track:
    """The steps of one dependency or route. Its series' lock is held."""

    def __init__(self) -> None:
        self.rings = {name: Ring(window.steps) for name, window in WINDOWS.items()}
        self._long = -1

    def _turn_to(self, at: int) -> bool:
        """Go on to the step with that number; whether it begins a long one."""
        before, self._long = self._long, at // _IN_LONG
        return before != self._long

    def _put(self, at: int, step: Step, long: Step) -> None:
        self.rings["hour"].put(at, step)
        self.rings["day"].put(self._long, long)


@dataclass(frozen=True, slots=True)
class _Totals:
    """What is known of a dependency at one instant: totals since the start, and percentiles of what
    its breaker remembers."""

    calls: int = 0
    failures: int = 0
    of_operations: Mapping[str, int] = field(default_factory=dict)
    """The failures of each of its operations."""
    p50: float | None = None
    p95: float | None = None

    def since(self, before: _Totals) -> Step:
        """What has happened since then."""
        if self.calls < before.calls:  # its breaker was reset: its totals have begun anew
            before = replace(before, calls=0, failures=0)
        calls = self.calls - before.calls
        # A call that breaks off may count at both; one that is refused or answered with an error
        # counts at one of them.
        failed = max(
            self.failures - before.failures,
            sum(_growth(n, before.of_operations.get(o, 0)) for o, n in self.of_operations.items()),
        )
        return Step(calls, min(calls, failed), *((self.p50, self.p95) if calls else ()))


class _Calls(_Track):
    """Those of a dependency."""

    def __init__(self) -> None:
        super().__init__()
        self._before = _Totals()
        self._parts: list[Step] = []

    def follow(self, at: int, totals: _Totals) -> None:
        step = totals.since(self._before)
        self._before = totals
        if self._turn_to(at):
            self._parts = []
        self._parts.append(step)
        self._put(at, step, _together(self._parts))


class _Requests(_Track):
    """Those of a route."""

    def __init__(self) -> None:
        super().__init__()
        self._before, self._part = Sketch(), Sketch()

    def follow(self, at: int, sketch: Sketch) -> None:
        news = sketch.since(self._before)
        self._before = sketch
        if self._turn_to(at):
            self._part = Sketch()
        self._part.merge(news)
        self._put(at, _step_of(news), _step_of(self._part))


def _totals_of(dependency: Dependency) -> _Totals:
    breaker = dependency.pipeline.find(CircuitBreaker)
    if breaker is None:
        return _Totals()
    seen = breaker.snapshot()
    totals = seen.totals
    return _Totals(
        totals.successes + totals.failures + totals.ignored + totals.unexpected,
        totals.failures,
        {each.name: each.snapshot().totals.failures for each in dependency.operations},
        seen.latency.p50,
        seen.latency.p95,
    )


def _growth(now: int, before: int) -> int:
    """What a total has grown by; it begins anew when its breaker is reset."""
    return now - before if now >= before else now


def _together(parts: list[Step]) -> Step:
    """The percentiles of a long step are the middle one of its medians, and the worst of the
    others: of single calls nothing is left."""
    halves = [step.p50 for step in parts if step.p50 is not None]
    return Step(
        sum(step.number for step in parts),
        sum(step.failed for step in parts),
        statistics.median_low(halves) if halves else None,
        max((step.p95 for step in parts if step.p95 is not None), default=None),
    )


def _step_of(sketch: Sketch) -> Step:
    return Step(sketch.requests, sketch.errors, sketch.quantile(0.5), sketch.quantile(0.95))
