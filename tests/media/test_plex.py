"""Plex through its pipeline: last good answers, and honesty about them."""

from collections.abc import Iterator

import pytest

from medianest.config import PlexSettings
from medianest.media.errors import NotConfiguredError, NotFoundError, RejectedError, UpstreamError
from medianest.media.plex.service import Plex
from medianest.resilience import CircuitOpenError, ManualClock, Registry, ResilienceService, State
from medianest.sandbox import SandboxProcess


@pytest.fixture
def service(clock: ManualClock) -> ResilienceService:
    return ResilienceService(Registry(clock=clock))


@pytest.fixture
def plex(plex_sandbox: SandboxProcess, service: ResilienceService) -> Iterator[Plex]:
    settings = PlexSettings(
        url=plex_sandbox.url, token=plex_sandbox.token, failure_threshold=5, max_attempts=1
    )
    plex = Plex(settings, service)
    yield plex
    plex.close()


def test_a_fresh_answer_says_so(plex: Plex) -> None:
    answer = plex.libraries()
    assert (answer.degraded, answer.age) == (False, 0.0)


def test_without_plex_the_last_good_answer_is_served_with_its_age(
    plex: Plex, plex_sandbox: SandboxProcess, clock: ManualClock
) -> None:
    fresh = plex.libraries()
    plex_sandbox.fault("status", status=500)
    clock.advance(90)
    answer = plex.libraries()
    assert answer.degraded
    assert answer.value == fresh.value
    assert answer.as_of == fresh.as_of
    assert answer.age == pytest.approx(90)


def test_a_last_good_answer_has_an_end(
    plex: Plex, plex_sandbox: SandboxProcess, clock: ManualClock
) -> None:
    plex.recently_added(5)
    plex_sandbox.fault("status", status=500)
    clock.advance(3601)
    with pytest.raises(UpstreamError):
        plex.recently_added(5)


def test_last_good_answers_are_kept_apart(plex: Plex, plex_sandbox: SandboxProcess) -> None:
    plex.items("1", 0, 2)
    plex_sandbox.fault("status", status=500)
    assert plex.items("1", 0, 2).degraded
    with pytest.raises(UpstreamError):
        plex.items("1", 2, 2)


def test_an_empty_answer_never_replaces_a_good_one(
    plex: Plex, plex_sandbox: SandboxProcess
) -> None:
    good = plex.libraries()
    plex_sandbox.fault("empty", times=1)
    assert plex.libraries().value == ()
    plex_sandbox.fault("status", status=500)
    assert plex.libraries().value == good.value


def test_five_failures_open_the_breaker_of_the_operation_and_probes_close_it(
    plex: Plex, plex_sandbox: SandboxProcess, service: ResilienceService, clock: ManualClock
) -> None:
    plex.libraries()
    plex_sandbox.fault("status", status=500)
    for _ in range(5):
        assert plex.libraries().degraded
    breaker = service.registry.breaker("plex-media-server.libraries")
    assert breaker.state is State.OPEN
    arrived = plex_sandbox.requests()["total"]
    assert plex.libraries().degraded
    assert plex_sandbox.requests()["total"] == arrived
    plex_sandbox.clear_faults()
    clock.advance(40)
    for _ in range(3):
        assert not plex.libraries().degraded
    assert breaker.state is State.CLOSED


def test_sessions_are_never_from_memory(plex: Plex, plex_sandbox: SandboxProcess) -> None:
    plex.sessions()
    plex_sandbox.fault("status", status=500)
    with pytest.raises(UpstreamError):
        plex.sessions()


def test_what_plex_does_not_have_is_not_its_failure(plex: Plex, service: ResilienceService) -> None:
    with pytest.raises(NotFoundError):
        plex.items("99", 0, 5)
    counts = service.registry.breaker("plex-media-server.items").snapshot().counts
    assert (counts.failures, counts.unexpected) == (0, 1)
    assert (
        service.registry.breaker("plex-media-server").snapshot().counts.successes == 1
    )  # it answered


def test_a_refused_token_degrades_but_does_not_trip(
    plex: Plex, plex_sandbox: SandboxProcess, service: ResilienceService
) -> None:
    plex.libraries()
    plex_sandbox.fault("unauthorized")
    for _ in range(6):
        assert plex.libraries().degraded
    assert service.registry.breaker("plex-media-server").state is State.CLOSED
    with pytest.raises(RejectedError):
        plex.sessions()


def test_with_nothing_cached_an_open_breaker_is_told(
    plex: Plex, service: ResilienceService
) -> None:
    service.registry.breaker("plex-media-server").open("test")
    with pytest.raises(CircuitOpenError):
        plex.libraries()


def test_failures_are_retried_within_the_pipeline(
    plex_sandbox: SandboxProcess, service: ResilienceService, clock: ManualClock
) -> None:
    plex = Plex(PlexSettings(url=plex_sandbox.url, token=plex_sandbox.token), service)
    plex_sandbox.fault("status", status=500, times=2)
    assert not plex.libraries().degraded
    assert len(clock.slept) == 2
    plex.close()


def test_without_an_address_the_variable_is_named(service: ResilienceService) -> None:
    with pytest.raises(NotConfiguredError, match="MEDIANEST_PLEX_URL"):
        Plex(PlexSettings(), service).libraries()
