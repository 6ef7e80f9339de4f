"""Plex's operations: asked once for all, judged apart, and asked again by themselves."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from medianest.health import DependencyHealth, Status
from medianest.media.answer import Answer
from medianest.media.errors import SlowError, UnavailableError
from medianest.media.plex.client import SERVICE as DEPENDENCY
from medianest.media.plex.service import Plex
from medianest.resilience import CircuitOpenError, ManualClock, ResilienceService, State
from medianest.sandbox import SandboxProcess
from tests.media.operations.failing import LIBRARY, fail, state
from tests.support.narrowing import not_none
from tests.support.waiting import SOON, wait_until

OPERATIONS = (
    "plex-media-server.items",
    "plex-media-server.libraries",
    "plex-media-server.recently_added",
    "plex-media-server.search",
    "plex-media-server.sessions",
)


def health(service: ResilienceService) -> DependencyHealth:
    return DependencyHealth.of(service.registry.dependency(DEPENDENCY), None)


def test_each_operation_has_a_breaker_beside_the_servers(
    plex: Plex, service: ResilienceService
) -> None:
    assert [b.name for b in service.registry.breakers()] == [DEPENDENCY, *OPERATIONS]


def test_what_was_never_broken_is_not_refused_for_what_was(
    plex: Plex, plex_sandbox: SandboxProcess, service: ResilienceService
) -> None:
    plex_sandbox.fault("status", status=500, **LIBRARY)
    fail(plex.libraries)
    with pytest.raises(CircuitOpenError, match=r"plex-media-server\.libraries"):
        plex.libraries()
    with pytest.raises(UnavailableError):
        plex.recently_added(5)
    assert plex.sessions().value
    assert plex.search("a").value
    assert (state(service), state(service, "plex-media-server.libraries")) == (
        State.CLOSED,
        State.OPEN,
    )
    seen = health(service)
    assert (seen.status, seen.is_cut_off, seen.is_down) == (Status.DEGRADED, False, False)
    assert not_none(seen.message).startswith(
        "plex-media-server.libraries: its calls fail: plex-media-server: it"
    )


@pytest.mark.parametrize("fault", [{"kind": "garbage"}, {"kind": "status", "status": 429}])
def test_an_answer_that_is_an_error_is_an_answer_of_the_server(
    plex: Plex, plex_sandbox: SandboxProcess, service: ResilienceService, fault: dict[str, Any]
) -> None:
    plex_sandbox.fault(**fault, **LIBRARY)
    fail(plex.libraries)
    counts = service.registry.breaker("plex-media-server").snapshot().counts
    assert (counts.successes, counts.failures, counts.unexpected) == (3, 0, 0)


def test_a_server_that_is_not_there_is_refused_as_a_whole(
    make: Callable[..., Plex], service: ResilienceService
) -> None:
    plex = make(url="http://127.0.0.1:1")
    fail(plex.libraries)
    with pytest.raises(CircuitOpenError, match="'plex-media-server'"):
        plex.sessions()
    assert state(service) is State.OPEN
    assert {state(service, name) for name in OPERATIONS} == {State.CLOSED}
    assert service.registry.breaker("plex-media-server.libraries").snapshot().counts.failures == 0


@pytest.mark.parametrize("fault", [{"kind": "hang"}, {"kind": "reset"}])
def test_what_breaks_off_is_the_operations_own_while_nothing_else_does(
    make: Callable[..., Plex],
    plex_sandbox: SandboxProcess,
    service: ResilienceService,
    fault: dict[str, Any],
) -> None:
    plex = make(timeout=0.2)
    plex_sandbox.fault(**fault, **LIBRARY)
    fail(plex.libraries)
    assert plex.sessions().value
    assert (state(service), state(service, "plex-media-server.libraries")) == (
        State.CLOSED,
        State.OPEN,
    )


def test_what_breaks_off_for_two_operations_is_the_servers(
    make: Callable[..., Plex], plex_sandbox: SandboxProcess, service: ResilienceService
) -> None:
    plex = make(timeout=0.1)
    plex_sandbox.fault("hang")
    fail(plex.libraries, 1)
    fail(plex.sessions, 3)
    assert state(service) is State.OPEN
    assert state(service, "plex-media-server.search") is State.CLOSED
    with pytest.raises(CircuitOpenError, match="'plex-media-server'"):
        plex.search("a")


def test_an_operator_who_opens_the_servers_breaker_refuses_all(
    plex: Plex, service: ResilienceService
) -> None:
    service.registry.breaker("plex-media-server").open("moving house")
    for question in (
        plex.libraries,
        plex.sessions,
        lambda: plex.search("a"),
    ):
        with pytest.raises(CircuitOpenError, match="'plex-media-server'"):
            question()
    assert {state(service, name) for name in OPERATIONS} == {State.CLOSED}


def test_settings_that_name_other_errors_are_told_apart_the_same(
    make: Callable[..., Plex], plex_sandbox: SandboxProcess, service: ResilienceService
) -> None:
    plex = make(expected_errors=("5xx", "timeout"))
    plex_sandbox.fault("status", status=500, **LIBRARY)
    fail(plex.libraries)
    assert (state(service), state(service, "plex-media-server.libraries")) == (
        State.CLOSED,
        State.OPEN,
    )


def test_without_breakers_none_judges(
    make: Callable[..., Plex], plex_sandbox: SandboxProcess, service: ResilienceService
) -> None:
    plex = make(breaker_enabled=False)
    plex_sandbox.fault("status", status=500)
    fail(plex.libraries, 5)
    assert {b.state for b in service.registry.breakers()} == {State.DISABLED}


def test_callers_with_one_question_ask_plex_once(
    plex: Plex, plex_sandbox: SandboxProcess, service: ResilienceService
) -> None:
    gate = threading.Barrier(32)

    def ask() -> Answer[Any]:
        gate.wait(SOON)
        return plex.libraries()

    plex_sandbox.fault("latency", seconds=0.5)
    with ThreadPoolExecutor(32) as pool:
        answers = [each.result(SOON) for each in [pool.submit(ask) for _ in range(32)]]
    assert not any(answer.degraded for answer in answers)
    assert plex_sandbox.requests()["by_path"] == {"/library/sections": 1}
    assert service.registry.bulkhead("plex-media-server").snapshot().rejected == 0


def test_a_plex_that_hangs_costs_patience_and_no_more(
    make: Callable[..., Plex],
    plex_sandbox: SandboxProcess,
    service: ResilienceService,
    clock: ManualClock,
) -> None:
    plex = make(patience=0.05)
    fresh = plex.libraries()
    clock.advance(30)
    plex_sandbox.fault("hang", **LIBRARY)
    answer = plex.libraries()
    assert (answer.degraded, answer.age, answer.value) == (True, 30, fresh.value)
    assert state(service, "plex-media-server.libraries") is State.CLOSED  # it may still answer
    clock.advance(60)
    plex_sandbox.clear_faults()
    libraries = service.registry.flights()[1]
    wait_until(lambda: libraries.snapshot().in_flight == 0)
    assert plex_sandbox.requests()["by_path"] == {"/library/sections": 2}
    plex_sandbox.fault("status", status=500, **LIBRARY)
    assert plex.libraries().age == 60  # the flight's answer, as old as its question
    assert service.registry.patiences()[1].snapshot().used == 1


def test_a_slow_error_of_a_hanging_plex_is_still_a_slow_error(
    make: Callable[..., Plex], plex_sandbox: SandboxProcess
) -> None:
    plex_sandbox.fault("hang")
    with pytest.raises(SlowError):
        make(timeout=0.1).sessions()
