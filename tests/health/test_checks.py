"""The checks of what is inside this process."""

from __future__ import annotations

import pytest

from medianest.health import Status
from medianest.health.checks import (
    QueueCheck,
    check_breakers,
    check_cpu,
    check_memory,
    check_threads,
)
from medianest.health.system import Cpu, Memory, System
from medianest.health.thresholds import Threshold
from medianest.resilience import Bulkhead, ManualClock, Registry, ResilienceService
from tests.support.narrowing import not_none

H, D, U = Status.HEALTHY, Status.DEGRADED, Status.UNHEALTHY


class Told(System):
    """A System that says what it is told to."""

    def __init__(self, memory: Memory | None = None, cpu: Cpu | None = None) -> None:
        self._told_memory, self._told_cpu = memory, cpu

    def memory(self) -> Memory:
        return not_none(self._told_memory)

    def cpu(self) -> Cpu:
        return not_none(self._told_cpu)


@pytest.mark.parametrize(("number", "status"), [(0, H), (1, H), (2, D), (3, D), (4, U)])
def test_many_open_breakers_are_more_than_bad_luck(
    clock: ManualClock, number: int, status: Status
) -> None:
    registry = Registry(clock=clock)
    for name in range(6):
        registry.breaker(f"breaker {name}")
    for breaker in registry.breakers()[:number]:
        breaker.open()
    found = check_breakers(registry, Threshold(1, 3))
    assert found.status is status
    assert found.detail == {
        "closed": 6 - number, "open": 0, "half_open": 0, "forced_open": number, "disabled": 0,
    }  # fmt: skip
    assert found.message == (None if status is H else f"{number} circuit breakers are open")


def test_breakers_that_are_off_protect_nobody(clock: ManualClock) -> None:
    registry = Registry(clock=clock)
    for name in "edcba":
        registry.breaker(name).disable()
    found = check_breakers(registry, Threshold(1, 3))
    assert found.status is D
    assert found.message == "5 circuit breakers are off: a, b, c, …"
    for name in "edcb":
        registry.breaker(name).enable()
    assert check_breakers(registry, Threshold(1, 3)).message == "1 circuit breaker is off: a"


@pytest.mark.parametrize(("used", "status"), [(75, H), (76, D), (90, D), (91, U)])
def test_memory(used: int, status: Status) -> None:
    found = check_memory(Told(Memory(used, 100, "container", 5)), Threshold(0.75, 0.90))
    assert found.status is status
    assert found.detail == {
        "used_bytes": used, "limit_bytes": 100, "limited_by": "container", "process_bytes": 5,
        "share": used / 100,
    }  # fmt: skip
    assert found.message == (
        None if status is H else f"{used}% of the memory of the container is in use"
    )


@pytest.mark.parametrize(
    ("share", "status"), [(None, H), (0.0, H), (0.949, H), (0.95, D), (1.0, D)]
)
def test_processors(share: float | None, status: Status) -> None:
    found = check_cpu(Told(cpu=Cpu(share, share, 2.0, "machine")))
    assert (found.status, found.detail["share"], found.detail["cores"]) == (status, share, 2.0)
    assert (found.message is None) == (status is H)


@pytest.mark.parametrize(("taken", "status"), [(0, H), (7, H), (8, D), (9, D), (10, U)])
def test_threads(taken: int, status: Status) -> None:
    places = Bulkhead("requests", max_concurrent=10)
    held = [places.acquire() for _ in range(taken)]
    found = check_threads(places, threads=14)
    assert found.status is status
    assert found.detail == {
        "threads": 14, "limit": 10, "in_use": taken, "peak": taken, "shed": 0,
    }  # fmt: skip
    assert ("new requests are refused" in (found.message or "")) == (status is U)
    for place in held:
        place.release()
    assert check_threads(places, threads=14).status is H


def test_threads_without_a_limit_are_only_counted() -> None:
    found = check_threads(None, threads=14)
    assert (found.status, found.detail) == (H, {"threads": 14})


def test_what_waits_is_well_and_what_could_not_be_done_is_not() -> None:
    figures = {"pending": 7, "dead": 0, "failing": 0}
    check = QueueCheck(lambda: figures, 1000)
    assert (check().status, check().detail) == (H, figures)
    figures["dead"] = 2
    found = check()
    assert found.status is D
    assert found.message == "2 operations could not be done: retry or drop them"
    figures |= {"dead": 0, "failing": 3}
    found = check()
    assert found.status is D
    assert found.message == "3 operations keep failing on their own"
    figures["failing"] = 1
    assert check().message == "1 operation keeps failing on its own"
    figures["dead"] = 1
    assert check().message == "1 operation could not be done: retry or drop it"


def test_while_the_queue_cannot_be_counted_the_last_figures_stand() -> None:
    answers: list[OSError | dict[str, int]] = [
        OSError("no database"),
        {"dead": 0, "pending": 3, "failing": 0},
        OSError("no database"),
    ]

    def figures() -> dict[str, int]:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    check = QueueCheck(figures, 1000)
    assert (check().status, answers[0]) == (Status.UNKNOWN, {"dead": 0, "pending": 3, "failing": 0})
    assert check().status is H
    found = check()
    assert (found.status, found.detail["pending"]) == (Status.UNKNOWN, 3)
    assert found.message == "its operations cannot be counted now: no database"


def test_the_breakers_of_one_dependency_are_one_misfortune(clock: ManualClock) -> None:
    service = ResilienceService(Registry(clock=clock))
    breakers = [service.registry.breaker(f"thing.{number}") for number in range(5)]
    service.register_dependency("thing", operations=breakers)
    for breaker in breakers:
        breaker.open()
    found = check_breakers(service.registry, Threshold(1, 3))
    assert (found.status, found.detail["forced_open"]) == (H, 5)
