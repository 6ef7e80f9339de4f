"""The checks of what is inside this process: breakers, memory, processor, threads, queue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from medianest.health.check import CheckResult
from medianest.health.status import Status
from medianest.health.system import System
from medianest.health.thresholds import Threshold
from medianest.resilience import Bulkhead, Registry, State
from medianest.resilience.counted import counted
from medianest.resilience.snapshot import describe

__all__ = ["QueueCheck", "check_breakers", "check_cpu", "check_memory", "check_threads"]

_BUSY = 0.95
"""A processor that is busy is no fault, but whoever looks should know."""

_NEARLY_ALL = 0.8

_NAMED = 3
"""Breakers that a message names."""

_KEPT = ("pending", "running", "dead")
"""States of operations that take place in the queue."""


def check_breakers(registry: Registry, most: Threshold) -> CheckResult:
    """How many circuit breakers are in which state; too many open ones are more than bad luck.
    Those of the operations of one dependency count once."""
    breakers = registry.breakers()
    states = Counter(breaker.state for breaker in breakers)
    open_ones = [each for each in breakers if each.state in (State.OPEN, State.FORCED_OPEN)]
    shut = len({registry.service_of(breaker.name) for breaker in open_ones})
    status = most.status_of(shut)
    message = None
    if status is not Status.HEALTHY:
        message = counted(len(open_ones), "circuit breaker is open", "circuit breakers are open")
    elif off := [breaker.name for breaker in breakers if breaker.state is State.DISABLED]:
        many = counted(len(off), "circuit breaker is off", "circuit breakers are off")
        status, message = Status.DEGRADED, f"{many}: {_some(off)}"
    return CheckResult(status, message, {state.value: states[state] for state in State})


def _some(names: list[str]) -> str:
    more = ", …" if len(names) > _NAMED else ""
    return ", ".join(sorted(names)[:_NAMED]) + more


def check_memory(system: System, most: Threshold) -> CheckResult:
    """How much of the memory that there is, or that is allowed, is in use."""
    memory = system.memory()
    status = most.status_of(memory.share)
    message = None
    if status is not Status.HEALTHY:
        message = f"{memory.share:.0%} of the memory of the {memory.limited_by} is in use"
    return CheckResult(status, message, {**asdict(memory), "share": memory.share})


def check_cpu(system: System) -> CheckResult:
    """How busy the processors are."""
    cpu = system.cpu()
    busy = cpu.share is not None and cpu.share >= _BUSY
    message = f"the processors are {cpu.share:.0%} busy" if busy else None
    return CheckResult(Status.DEGRADED if busy else Status.HEALTHY, message, asdict(cpu))


def check_threads(places: Bulkhead | None, threads: int) -> CheckResult:
    """How many of the threads that serve requests are taken."""
    if places is None:
        return CheckResult(detail={"threads": threads})
    seen = places.snapshot()
    detail = {
        "threads": threads,
        "limit": seen.max_concurrent,
        "in_use": seen.in_use,
        "peak": seen.peak,
        "shed": seen.rejected,
    }
    taken = f"{seen.in_use} of {seen.max_concurrent} request threads are in use"
    if seen.in_use >= seen.max_concurrent:
        return CheckResult(Status.UNHEALTHY, f"{taken}: new requests are refused", detail)
    if seen.in_use >= _NEARLY_ALL * seen.max_concurrent:
        return CheckResult(Status.DEGRADED, taken, detail)
    return CheckResult(detail=detail)


class QueueCheck:
    """What waits to be done, since when, and what could not be done; `most` can be kept in all.
    While `figures()` cannot be had, the last ones stand."""

    def __init__(self, figures: Callable[[], Mapping[str, Any]], most: int) -> None:
        self._figures, self._most = figures, most
        self._last: Mapping[str, Any] = {}

    def __call__(self) -> CheckResult:
        try:
            self._last = self._figures()
        except Exception as error:
            message = f"its operations cannot be counted now: {describe(error)[1]}"
            return CheckResult(Status.UNKNOWN, message, self._last)
        dead = self._last["dead"]
        if sum(self._last.get(state) or 0 for state in _KEPT) >= self._most:
            message = f"it is full and accepts nothing more: {dead} could not be done"
            return CheckResult(Status.UNHEALTHY, message, self._last)
        if dead:
            message = counted(
                dead,
                "operation could not be done: retry or drop it",
                "operations could not be done: retry or drop them",
            )
            return CheckResult(Status.DEGRADED, message, self._last)
        if failing := self._last["failing"]:
            message = counted(
                failing,
                "operation keeps failing on its own",
                "operations keep failing on their own",
            )
            return CheckResult(Status.DEGRADED, message, self._last)
        return CheckResult(detail=self._last)
