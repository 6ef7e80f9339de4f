"""Plex's operations: asked once for all, judged apart, and asked again by themselves."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from medianest.config import PlexSettings
from medianest.health import DependencyHealth, Status
from medianest.media.answer import Answer
from medianest.media.errors import SlowError, UnavailableError, UpstreamError
from medianest.media.plex.client import SERVICE as DEPENDENCY
from medianest.media.plex.service import Plex
from medianest.resilience import CircuitOpenError, ManualClock, Registry, ResilienceService, State
from medianest.sandbox import SandboxProcess
from tests.support.narrowing import not_none
from tests.support.waiting import SOON, wait_until

OPERATIONS = (
    "plex-media-server.items",
    "plex-media-server.libraries",
    "plex-media-server.recently_added",
    "plex-media-server.search",
    "plex-media-server.sessions",
)
LIBRARY = {"path": "/library"}


@pytest.fixture
def service(clock: ManualClock) -> ResilienceService:
    return ResilienceService(Registry(clock=clock))


@pytest.fixture
def make(plex_sandbox: SandboxProcess, service: ResilienceService) -> Iterator[Callable[..., Plex]]:
    made = []

    def make(**settings: Any) -> Plex:
        given = {"url": plex_sandbox.url, "token": plex_sandbox.token, "max_attempts": 1}
        made.append(Plex(PlexSettings(**{**given, **settings}), service))
        return made[-1]

    yield make
    for plex in made:
        plex.close()


@pytest.fixture
def plex(make: Callable[..., Plex]) -> Plex:
    return make()


def state(service: ResilienceService, name: str = DEPENDENCY) -> State:
    return service.registry.breaker(name).state


def fail(question: Callable[..., Any], times: int = 3) -> None:
    for _ in range(times):
        with pytest.raises(UpstreamError):
            question()


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


def test_nobody_has_to_be_the_first_after_an_outage(
    plex: Plex, plex_sandbox: SandboxProcess, service: ResilienceService, clock: ManualClock
) -> None:
    fresh = plex.libraries()
    plex_sandbox.fault("status", status=500, **LIBRARY)
    for _ in range(3):
        assert plex.libraries().degraded
    plex.probe()
    assert state(service, "plex-media-server.libraries") is State.OPEN  # its wait is not over
    plex_sandbox.clear_faults()
    plex_sandbox.reset_requests()
    clock.advance(12)
    plex.probe()
    assert state(service, "plex-media-server.libraries") is State.CLOSED
    assert plex_sandbox.requests()["by_path"] == {"/library/sections": 3}
    plex_sandbox.fault("status", status=500, **LIBRARY)
    assert plex.libraries().age == 0
    assert plex.libraries().value == fresh.value


def test_a_server_that_was_away_is_found_by_what_was_asked(
    plex: Plex, plex_sandbox: SandboxProcess, service: ResilienceService, clock: ManualClock
) -> None:
    plex.search("a")
    plex_sandbox.kill()
    try:
        fail(lambda: plex.search("a"))
        assert state(service) is State.OPEN
    finally:
        plex_sandbox.restart()
    clock.advance(12)
    plex.probe()
    assert state(service) is State.CLOSED


def test_while_all_is_well_or_cut_off_by_an_operator_nothing_is_asked(
    plex: Plex, plex_sandbox: SandboxProcess, service: ResilienceService, clock: ManualClock
) -> None:
    plex.libraries()
    plex_sandbox.reset_requests()
    plex.probe()
    service.registry.breaker("plex-media-server").open("moving house")
    clock.advance(60)
    plex.probe()
    assert plex_sandbox.requests()["total"] == 0


def test_what_nobody_has_asked_for_a_day_is_not_asked(
    plex: Plex, plex_sandbox: SandboxProcess, service: ResilienceService, clock: ManualClock
) -> None:
    plex_sandbox.fault("status", status=500, **LIBRARY)
    fail(plex.libraries)
    plex_sandbox.clear_faults()
    plex_sandbox.reset_requests()
    clock.advance(86401)
    plex.probe()
    assert plex_sandbox.requests()["total"] == 0


def test_a_probe_asks_what_was_answered_and_not_what_is_gone(
    plex: Plex, plex_sandbox: SandboxProcess, service: ResilienceService, clock: ManualClock
) -> None:
    """Keeps out: a question that is answered 404 for ever, and closes nothing."""
    plex.items("1", 0, 2)
    plex_sandbox.fault("status", status=500)
    fail(lambda: plex.items("2", 0, 2), 1)
    fail(lambda: plex.items("3", 0, 2), 3)
    plex_sandbox.clear_faults()
    assert state(service, "plex-media-server.items") is State.OPEN
    clock.advance(12)
    plex_sandbox.reset_requests()
    plex.probe()
    assert state(service, "plex-media-server.items") is State.CLOSED
    assert plex_sandbox.requests()["by_path"] == {"/library/sections/1/all": 3}


def test_a_probe_that_hangs_holds_nobody_up(
    make: Callable[..., Plex],
    plex_sandbox: SandboxProcess,
    service: ResilienceService,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("medianest.media.operations._PROBE_SECONDS", 0.02)
    plex = make()
    plex.libraries()
    plex_sandbox.fault("status", status=500, **LIBRARY)
    for _ in range(3):
        plex.libraries()
    clock.advance(12)
    plex_sandbox.clear_faults()
    plex_sandbox.fault("hang", **LIBRARY)
    plex_sandbox.reset_requests()
    for _ in range(5):
        plex.probe()
    assert plex_sandbox.requests()["by_path"] == {"/library/sections": 1}
    plex_sandbox.clear_faults()
    wait_until(
        lambda: (plex.probe(), state(service, "plex-media-server.libraries"))[1] is State.CLOSED
    )


def test_a_failed_probe_opens_again_and_is_one_question(
    plex: Plex, plex_sandbox: SandboxProcess, service: ResilienceService, clock: ManualClock
) -> None:
    plex_sandbox.fault("status", status=500, **LIBRARY)
    fail(plex.libraries)
    plex_sandbox.reset_requests()
    clock.advance(12)
    for _ in range(3):
        plex.probe()
    assert plex_sandbox.requests()["by_path"] == {"/library/sections": 1}
    assert state(service, "plex-media-server.libraries") is State.OPEN


def test_a_slow_error_of_a_hanging_plex_is_still_a_slow_error(
    make: Callable[..., Plex], plex_sandbox: SandboxProcess
) -> None:
    plex_sandbox.fault("hang")
    with pytest.raises(SlowError):
        make(timeout=0.1).sessions()
