"""The rules: what of all that can be seen is worth an alert, and what explains it.

A dependency that is down explains everything that follows from it: its open breaker, its failing
and slow calls, those of what depends on it, and the failing requests of the routes that use it.
While its check has failed but not often enough, nothing of that is told yet.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from medianest.health.alerts.alert import SYSTEM
from medianest.health.alerts.options import AlertOptions
from medianest.health.alerts.rule_result import Rule, RuleResult
from medianest.health.alerts.system_view import SystemView
from medianest.health.dependencies import DependencyHealth, is_cut_off
from medianest.health.status import Status
from medianest.health.thresholds import Severity, Threshold
from medianest.health.traffic import Figures, Route
from medianest.resilience import BreakerSnapshot, CircuitBreaker, State
from medianest.resilience.counted import counted
from medianest.resilience.snapshot import held_open

__all__ = ["Rules"]


@dataclass(frozen=True)
class Rules:
    """Reads what `observe(lately)` sees. `services_of(route)` are the services that a route calls,
    None for routes that do not count: probes and the looks of operators."""

    options: AlertOptions
    observe: Callable[[Collection[str]], SystemView]
    services_of: Callable[[Route], Collection[str] | None] = lambda route: ()
    routes_of: Callable[[str], Iterable[str]] = lambda service: ()

    def read(self, lately: Collection[str] = ()) -> list[RuleResult]:
        """What each rule says of each subject now; `lately` as in SystemView."""
        view = self.observe(lately)
        causes = {name: _cause(name, view) for name in view.dependencies}
        readings = [self._down(found, causes, view) for found in view.dependencies.values()]
        for found in view.dependencies.values():
            readings.append(self._troubled(found, view))
            readings += self._calls(found, causes[found.name])
        bad = {reading.subject for reading in readings if reading.severity is not None}
        bad |= {key.partition(":")[2] for key in view.lately}
        troubled = {name for name, cause in causes.items() if cause is not None or name in bad}
        readings += self._requests(view, troubled | _switched_off(view))
        readings.append(self._breakers(view, troubled))
        readings += self._memory(view)
        readings += self._dead_letters(view)
        return readings

    def _down(
        self, found: DependencyHealth, causes: Mapping[str, str | None], view: SystemView
    ) -> RuleResult:
        dependency = found.dependency
        above = (causes.get(name) for name in dependency.depends_on)
        cause = next((name for name in above if name is not None), None)
        severity = Severity.CRITICAL if dependency.criticality == "critical" else Severity.WARNING
        return RuleResult(
            rule="dependency-down",
            subject=found.name,
            severity=severity if found.is_down else None,
            message=f"{found.name} is down: {_fault(found)}",
            affected=self._affected(found, view) if found.is_down else (),
            advice=held_open(found.breaker) or f"check that {found.name} is running and reachable",
            inhibited_by=cause,
            skip_hold=True,
            has_data=found.check is None
            or not (found.check.status is Status.UNKNOWN or found.check.is_suspect),
        )

    def _troubled(self, found: DependencyHealth, view: SystemView) -> RuleResult:
        """It answers its check, and says what it cannot do all the same."""
        check = found.check
        message = check.message if check is not None and found.has_trouble else None
        return RuleResult(
            rule="dependency-trouble",
            subject=found.name,
            severity=Severity.WARNING if message else None,
            message=message or "",
            affected=self._affected(found, view) if message else (),
            advice=f"{found.name} answers, but it reports a problem: fix what it reports",
            skip_hold=True,
            has_data=check is None or not (check.status is Status.UNKNOWN or check.is_suspect),
        )

    def _affected(self, found: DependencyHealth, view: SystemView) -> tuple[str, ...]:
        """What depends on it, and the routes that call any of these."""
        dependents = [name for name in view.dependencies if found.name in _ancestors(name, view)]
        services = [found.dependency.service]
        services += [view.dependencies[name].dependency.service for name in dependents]
        routes = {route for service in services for route in self.routes_of(service)}
        return (*dependents, *sorted(routes))

    def _calls(self, found: DependencyHealth, cause: str | None) -> Iterator[RuleResult]:
        seen, name = found.breaker, found.name
        if seen is None:
            return
        calls = seen.counts.successes + seen.counts.failures
        judged = calls >= self.options.minimum_calls
        rate, message = self._failing(found)
        if found.is_cut_off:
            rate, message = 1.0, f"{name} is blocked: {found.message or 'its calls fail'}"
        advice = f"check the last failure of circuit breaker {seen.name}, and {name} itself"
        told = self._rated(
            "error-rate", name, self.options.error_rate, rate, cause, message, advice
        )
        # The moment between a wait and its probe proves nothing, where a probe is sure to come.
        yield replace(told, has_data=told.severity is not None or not found.is_being_tried)
        took = seen.latency.p95 if judged else None
        yield self._rated(
            "response-time", name, self.options.response_time, took, cause,
            f"{name} is slow: 5 % of the calls take {took or 0.0:.1f} s or more",
            f"check the load of {name} and the network to it",
        )  # fmt: skip

    def _failing(self, found: DependencyHealth) -> tuple[float | None, str]:
        """The worst of what is judged: its calls, or those of one of its operations."""
        worst: tuple[float | None, str] = None, f"the calls to {found.name} fail"
        parts = ((found.name, found.breaker), *((each.name, each) for each in found.operations))
        for name, seen in parts:
            rate = self._rate(seen) if seen is not None else None
            if rate is not None and (worst[0] is None or rate > worst[0]):
                worst = rate, f"{rate:.1%} of the calls to {name} fail"
            if seen is not None and name != found.name and is_cut_off(seen):
                worst = 1.0, f"{name} is blocked: {found.message or 'its calls fail'}"
        return worst

    def _rate(self, seen: BreakerSnapshot) -> float | None:
        calls = seen.counts.successes + seen.counts.failures
        return seen.failure_rate if calls >= self.options.minimum_calls else None

    def _requests(self, view: SystemView, troubled: Collection[str]) -> Iterator[RuleResult]:
        """Of the requests that no dependency explains."""
        names = {view.dependencies[name].dependency.service for name in troubled}
        routes = []
        for route in view.traffic.routes():
            services = self.services_of(route)
            if services is not None and names.isdisjoint(services):
                routes.append(route)
        figures, _ = view.traffic.figures(routes)
        rate, took = self._judged(figures)
        yield self._rated(
            "error-rate", SYSTEM, self.options.error_rate, rate, None,
            f"{rate or 0.0:.1%} of the requests fail",
            "check the log for the errors, and /api/v1/health/metrics for the routes",
        )  # fmt: skip
        yield self._rated(
            "response-time", SYSTEM, self.options.response_time, took, None,
            f"responses are slow: 5 % of the requests take {took or 0.0:.1f} s or more",
            "check /api/v1/health/metrics for the routes, then the CPU and the threads",
        )  # fmt: skip

    def _judged(self, figures: Figures) -> tuple[float | None, float | None]:
        if figures.requests < self.options.minimum_calls:
            return None, None
        return figures.error_rate, figures.p95

    def _breakers(self, view: SystemView, troubled: Collection[str]) -> RuleResult:
        """Those of which nothing else is told already; of one service, once."""
        explained = {view.dependencies[name].dependency.service for name in troubled}
        services = _services(view)
        open_ones = {services.get(b.name, b.name) for b in view.breakers if _is_shut(b)}
        shut = sorted(open_ones - explained)
        many = counted(len(shut), "circuit breaker is open", "circuit breakers are open")
        return self._rated(
            "breakers-open", SYSTEM, self.options.breakers_open, len(shut), None,
            f"{many}: {', '.join(shut)}",
            _advice_on(view.breakers),
        )  # fmt: skip

    def _memory(self, view: SystemView) -> Iterator[RuleResult]:
        component = view.components.get("memory")
        if component is None:
            return
        if "share" not in component.detail:
            yield RuleResult("memory", SYSTEM, None, has_data=False)
            return
        share: float = component.detail["share"]
        yield self._rated(
            "memory", SYSTEM, self.options.memory, share, None,
            f"{share:.0%} of the memory of the {component.detail['limited_by']} is in use",
            "find out what uses it, or raise the limit",
        )  # fmt: skip

    def _dead_letters(self, view: SystemView) -> Iterator[RuleResult]:
        component = view.components.get("queue")
        if component is None:
            return
        if "dead" not in component.detail:
            yield RuleResult("dead-letters", "queue", None, has_data=False)
            return
        dead: int = component.detail["dead"]
        yield RuleResult(
            rule="dead-letters",
            subject="queue",
            severity=Severity.WARNING if dead else None,
            message=counted(dead, "deferred operation") + " could not be done",
            value=float(dead),
            threshold=0.0,
            advice="open the queue on the page, or medianest queue list --dead; retry or drop them",
        )

    def _rated(
        self,
        rule: Rule,
        subject: str,
        most: Threshold,
        value: float | None,
        cause: str | None,
        message: str,
        advice: str,
    ) -> RuleResult:
        severity = most.severity_of(value)
        return RuleResult(
            rule=rule,
            subject=subject,
            severity=severity,
            message=message,
            value=value,
            threshold=most.exceeded(severity or Severity.WARNING),
            advice=advice,
            inhibited_by=cause,
        )


def _fault(found: DependencyHealth) -> str:
    """What its check disliked last, also while that passes again and is no proof yet."""
    check = found.check
    if check is not None and not check.failures_in_a_row and check.last_failure:
        return check.last_failure
    told = check.message if check is not None else None
    return told or found.message or "its health check fails"


def _services(view: SystemView) -> dict[str, str]:
    """The service of each breaker of an operation."""
    return {
        operation.name: found.dependency.service
        for found in view.dependencies.values()
        for operation in found.operations
    }


def _is_shut(breaker: CircuitBreaker) -> bool:
    if breaker.state is State.OPEN:
        return bool(breaker.snapshot().retry_after)  # else the next call is let through
    return breaker.state is State.FORCED_OPEN


def _advice_on(breakers: Iterable[CircuitBreaker]) -> str:
    """What to do about those that are open. What operators hold open has that in common alone."""
    held = [held_open(breaker.snapshot()) for breaker in breakers if _is_shut(breaker)]
    told = [each for each in held if each is not None]
    if len(told) < len(held) or not told:
        told.append("check what they have in common: the network, DNS, a recent change")
    return "; ".join(told)


def _cause(name: str, view: SystemView) -> str | None:
    """The dependency that is to blame for what `name` does: the first of those above it, or
    itself, that is down, was so a moment ago, or is suspected of it."""
    for other in (*_ancestors(name, view), name):
        found = view.dependencies[other]
        suspect = found.check is not None and found.check.is_suspect
        told = {f"dependency-down:{other}", f"dependency-trouble:{other}"}
        if found.is_down or suspect or found.has_trouble or not told.isdisjoint(view.lately):
            return other
    return None


def _switched_off(view: SystemView) -> set[str]:
    """An operator knows why these fail, or some of their calls."""
    return {
        name
        for name, found in view.dependencies.items()
        if any(held_open(part) for part in (found.breaker, *found.operations))
    }


def _ancestors(name: str, view: SystemView) -> list[str]:
    """What it depends on, directly or not, the furthest first."""
    found: dict[str, None] = {}

    def climb(below: str) -> None:
        for other in view.dependencies[below].dependency.depends_on:
            if other in view.dependencies and other not in found:
                climb(other)
                found[other] = None

    climb(name)
    return list(found)
