"""Plex through its pipeline: last good answers, and honesty about them."""

import pytest

from medianest.config import PlexSettings
from medianest.media.errors import NotConfiguredError, NotFoundError, RejectedError, UpstreamError
from medianest.media.plex.service import Plex
from medianest.resilience import CircuitOpenError, Registry, ResilienceService, State


@pytest.fixture
def service(clock):
    return ResilienceService(Registry(clock=clock))


@pytest.fixture
def plex(plex_server, service):
    settings = PlexSettings(
        url=plex_server.url, token=plex_server.token, failure_threshold=5, max_attempts=1
    )
    plex = Plex(settings, service)
    yield plex
    plex.close()


def test_a_fresh_answer_says_so(plex):
    answer = plex.libraries()
    assert (answer.degraded, answer.age) == (False, 0.0)


def test_without_plex_the_last_good_answer_is_served_with_its_age(plex, plex_server, clock):
    fresh = plex.libraries()
    plex_server.fault("status", status=500)
    clock.advance(90)
    answer = plex.libraries()
    assert answer.degraded
    assert answer.value == fresh.value
    assert answer.as_of == fresh.as_of
    assert answer.age == pytest.approx(90)


def test_a_last_good_answer_has_an_end(plex, plex_server, clock):
    plex.recently_added(5)
    plex_server.fault("status", status=500)
    clock.advance(3601)
    with pytest.raises(UpstreamError):
        plex.recently_added(5)


def test_last_good_answers_are_kept_apart(plex, plex_server):
    plex.items("1", 0, 2)
    plex_server.fault("status", status=500)
    assert plex.items("1", 0, 2).degraded
    with pytest.raises(UpstreamError):
        plex.items("1", 2, 2)


def test_an_empty_answer_never_replaces_a_good_one(plex, plex_server):
    good = plex.libraries()
    plex_server.fault("empty", times=1)
    assert plex.libraries().value == ()
    plex_server.fault("status", status=500)
    assert plex.libraries().value == good.value


def test_five_failures_open_the_breaker_of_the_operation_and_probes_close_it(
    plex, plex_server, service, clock
):
    plex.libraries()
    plex_server.fault("status", status=500)
    for _ in range(5):
        assert plex.libraries().degraded
    breaker = service.registry.breaker("plex.libraries")
    assert breaker.state is State.OPEN
    arrived = plex_server.requests()["total"]
    assert plex.libraries().degraded
    assert plex_server.requests()["total"] == arrived
    plex_server.clear_faults()
    clock.advance(40)
    for _ in range(3):
        assert not plex.libraries().degraded
    assert breaker.state is State.CLOSED


def test_sessions_are_never_from_memory(plex, plex_server):
    plex.sessions()
    plex_server.fault("status", status=500)
    with pytest.raises(UpstreamError):
        plex.sessions()


def test_what_plex_does_not_have_is_not_its_failure(plex, service):
    with pytest.raises(NotFoundError):
        plex.items("99", 0, 5)
    counts = service.registry.breaker("plex.items").snapshot().counts
    assert (counts.failures, counts.unexpected) == (0, 1)
    assert service.registry.breaker("plex").snapshot().counts.successes == 1  # it answered


def test_a_refused_token_degrades_but_does_not_trip(plex, plex_server, service):
    plex.libraries()
    plex_server.fault("unauthorized")
    for _ in range(6):
        assert plex.libraries().degraded
    assert service.registry.breaker("plex").state is State.CLOSED
    with pytest.raises(RejectedError):
        plex.sessions()


def test_with_nothing_cached_an_open_breaker_is_told(plex, service):
    service.registry.breaker("plex").open("test")
    with pytest.raises(CircuitOpenError):
        plex.libraries()


def test_failures_are_retried_within_the_pipeline(plex_server, service, clock):
    plex = Plex(PlexSettings(url=plex_server.url, token=plex_server.token), service)
    plex_server.fault("status", status=500, times=2)
    assert not plex.libraries().degraded
    assert len(clock.slept) == 2
    plex.close()


def test_without_an_address_the_variable_is_named(service):
    with pytest.raises(NotConfiguredError, match="MEDIANEST_PLEX_URL"):
        Plex(PlexSettings(), service).libraries()
