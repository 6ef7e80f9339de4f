"""Cascade risk: whether the trouble of one dependency is about to become everybody's.

Pure arithmetic over live figures. The stress of a dependency (0 to 1) is the worst of four: its
breaker, its error rate, the share of its bulkhead that is taken, and the retries that are added to
its calls. Times the impact of what depends on it, that is its risk; the risks of several add up
as chances do.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Final

from medianest.resilience.bulkhead import Bulkhead
from medianest.resilience.circuit_breaker.breaker import CircuitBreaker
from medianest.resilience.circuit_breaker.states import State
from medianest.resilience.registry import Criticality, Dependency, Registry
from medianest.resilience.retry import Retry
from medianest.resilience.snapshot import BreakerSnapshot, held_open

__all__ = ["CascadeMonitor", "CascadeRisk", "DependencyRisk", "Level", "Stress", "Work"]

IMPACT: Final[dict[Criticality, float]] = {"critical": 0.9, "important": 0.45, "optional": 0.2}
"""How much of the whole is gone with it."""

BREAKER_STRESS: Final = {State.OPEN: 1.0, State.FORCED_OPEN: 1.0, State.HALF_OPEN: 0.6}
ERROR_WEIGHT, SATURATION_WEIGHT, AMPLIFICATION_WEIGHT = 0.8, 0.8, 0.6
"""While calls still get through, these are signs of trouble, not yet the trouble itself."""

FEW_CALLS: Final = 5
"""No rate is judged over fewer calls."""

FRESH: Final = 1.0
"""Seconds for which an assessment is good enough to decide what is suspended."""


class Level(IntEnum):
    """How likely it is that trouble spreads."""

    LOW = 0
    MEDIUM = 1
    HIGH = 2
    CRITICAL = 3

    @classmethod
    def of(cls, score: float) -> Level:
        """The level of a score from 0 to 100."""
        return cls(sum(score >= limit for limit in (25, 50, 75)))


class Work(IntEnum):
    """What is suspended; the value is the level from which on."""

    RETRY = Level.HIGH
    OPTIONAL = Level.CRITICAL


@dataclass(frozen=True, slots=True)
class Stress:
    """Each part and the score are 0 to 1; `retry_amplification` is attempts per call."""

    score: float
    breaker: float
    breaker_state: str | None
    error_rate: float | None
    error_trend: str
    bulkhead_saturation: float | None
    retry_amplification: float | None


@dataclass(frozen=True, slots=True)
class DependencyRisk:
    """One dependency: how it fares, who suffers with it, and what to do."""

    name: str
    criticality: Criticality
    depends_on: tuple[str, ...]
    stress: Stress
    risk: float
    dependents: tuple[str, ...]
    routes: tuple[str, ...]
    recommendations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CascadeRisk:
    """The whole at one instant; `score` is 0 to 100."""

    at: datetime
    score: float
    level: Level
    dependencies: tuple[DependencyRisk, ...]
    suspended: tuple[str, ...]
    recommendations: tuple[str, ...]


@dataclass(slots=True)
class _Seen:
    """What an earlier look found, to tell what has happened since."""

    at: float
    retries: int = 0
    wanted: int = 0
    error_rate: float | None = None
    trend: str = "steady"
    amplification: float | None = None


@dataclass
class CascadeMonitor:
    """Assesses the dependencies of a registry, and says what is suspended meanwhile.

    `routes(service)` are the entry points that call a service. Thread-safe.
    """

    registry: Registry
    routes: Callable[[str], Iterable[str]] = lambda name: ()
    _seen: dict[str, _Seen] = field(default_factory=dict)
    _latest: tuple[float, CascadeRisk] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def assess(self) -> CascadeRisk:
        """Look at everything now."""
        now, clock = self.registry.clock.now(), self.registry.clock
        found = tuple(self._risk_of(d, now) for d in self.registry.dependencies())
        safe = 1.0
        for dependency in found:
            safe *= 1 - dependency.risk
        score = round(100 * (1 - safe), 1)
        level = Level.of(score)
        suspended = tuple(work.name.lower() for work in Work if level >= work.value)
        worst = sorted(found, key=lambda d: -d.risk)
        advice = tuple(dict.fromkeys(text for d in worst for text in d.recommendations))
        assessed = CascadeRisk(clock.utc(), score, level, found, suspended, advice)
        self._latest = now, assessed
        return assessed

    def why_suspended(self, work: Work) -> str | None:
        """Why that kind of work should wait, or None."""
        latest, now = self._latest, self.registry.clock.now()
        if latest is None or now - latest[0] >= FRESH:
            latest = now, self.assess()
        if latest[1].level < work.value:
            return None
        return f"suspended while the cascade risk is {latest[1].level.name.lower()}"

    def _risk_of(self, dependency: Dependency, now: float) -> DependencyRisk:
        stress = self._stress_of(dependency, now)
        dependents = self.registry.dependents(dependency.name)
        criticalities = [self.registry.dependency(name).criticality for name in dependents]
        impact = max(IMPACT[c] for c in (dependency.criticality, *criticalities))
        return DependencyRisk(
            name=dependency.name,
            criticality=dependency.criticality,
            depends_on=dependency.depends_on,
            stress=stress,
            risk=round(stress.score * impact, 4),
            dependents=dependents,
            routes=self._routes_of((dependency.name, *dependents)),
            recommendations=tuple(_advice(dependency, stress)),
        )

    def _routes_of(self, names: Iterable[str]) -> tuple[str, ...]:
        services = [self.registry.dependency(name).service for name in names]
        return tuple(sorted({route for service in services for route in self.routes(service)}))

    def _stress_of(self, dependency: Dependency, now: float) -> Stress:
        pipeline = dependency.pipeline
        breaker, bulkhead = pipeline.find(CircuitBreaker), pipeline.find(Bulkhead)
        retry = pipeline.find(Retry)
        seen = breaker.snapshot() if breaker is not None else None
        change = self._change(dependency.name, seen, retry, now)
        saturation = None
        if bulkhead is not None:
            places = bulkhead.snapshot()
            saturation = min(1.0, (places.in_use + places.waiting) / places.max_concurrent)
        shut = BREAKER_STRESS.get(seen.state, 0.0) if seen is not None else 0.0
        operations = [BREAKER_STRESS.get(each.state, 0.0) for each in dependency.operations]
        if operations:
            shut = max(shut, round(sum(operations) / len(operations), 4))
        score = max(
            shut,
            ERROR_WEIGHT * (change.error_rate or 0.0),
            SATURATION_WEIGHT * (saturation or 0.0),
            AMPLIFICATION_WEIGHT * min(1.0, (change.amplification or 1.0) - 1.0),
        )
        return Stress(
            score=round(score, 4),
            breaker=shut,
            breaker_state=seen.state.value if seen is not None else None,
            error_rate=change.error_rate,
            error_trend=change.trend,
            bulkhead_saturation=saturation,
            retry_amplification=change.amplification,
        )

    def _change(
        self, name: str, seen: BreakerSnapshot | None, retry: Retry | None, now: float
    ) -> _Seen:
        """The figures now, and the trend against those of the look before."""
        with self._lock:
            before = self._seen.get(name)
            if before is not None and now - before.at < FRESH:
                return before
            found = _Seen(now)
            if seen is not None:
                calls = seen.counts.successes + seen.counts.failures
                found.error_rate = seen.failure_rate if calls >= FEW_CALLS else None
                found.trend = _trend(before, found.error_rate)
            if retry is not None:
                figures = retry.budget.snapshot()
                found.wanted, found.retries = int(figures["calls"]), int(figures["retries"])
                calls = found.wanted - (before.wanted if before else 0)
                if calls >= FEW_CALLS:
                    again = found.retries - (before.retries if before else 0)
                    found.amplification = round(1 + again / calls, 3)
            self._seen[name] = found
            return found


def _trend(before: _Seen | None, rate: float | None) -> str:
    earlier = before.error_rate if before is not None else None
    change = (rate or 0.0) - (earlier or 0.0)
    if abs(change) < 0.05:
        return "steady"
    return "rising" if change > 0 else "falling"


def _advice(dependency: Dependency, stress: Stress) -> Iterable[str]:
    name = dependency.name
    if stress.breaker_state == State.FORCED_OPEN.value:
        breaker = dependency.pipeline.find(CircuitBreaker)
        yield from filter(None, [held_open(breaker.snapshot() if breaker else None)])
    elif stress.breaker and stress.breaker_state == State.CLOSED.value:
        yield from _advice_on_parts(name, [each.snapshot() for each in dependency.operations])
    elif stress.breaker:
        yield f"{name} is blocked by its circuit breaker: check it; it is retried automatically"
    elif (stress.error_rate or 0.0) >= 0.2:
        yield f"{name} fails {stress.error_rate:.0%} of its calls: check it"
    if (stress.bulkhead_saturation or 0.0) >= 0.8:
        yield f"{name} uses nearly all of its bulkhead: it is slow, or that is too small"
    if (stress.retry_amplification or 1.0) >= 1.3:
        yield f"retries make {stress.retry_amplification:.2g} calls to {name} of each one"


def _advice_on_parts(name: str, parts: Iterable[BreakerSnapshot]) -> Iterable[str]:
    """Those that operators hold open do not fail, and are not retried."""
    shut = []
    for seen in parts:
        if (told := held_open(seen)) is not None:
            yield told
        elif seen.state in BREAKER_STRESS:
            shut.append(seen.name)
    if shut:
        yield f"part of {name} fails: {', '.join(shut)}; they are retried automatically"
