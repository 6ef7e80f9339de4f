"""What the health check may tell of an Overseerr in trouble, and what only a request can."""

import pytest

from medianest.config import OverseerrSettings
from medianest.media.errors import MediaError
from medianest.media.overseerr import SOURCE, Overseerr
from medianest.resilience import ManualClock, ResilienceService, State
from medianest.sandbox.process import SandboxProcess


@pytest.fixture(scope="module")
def running():
    with SandboxProcess.start(kind="overseerr", port=0) as process:
        yield process


@pytest.fixture
def server(running):
    running.clear_faults()
    yield running
    running.clear_faults()


@pytest.fixture
def service():
    return ResilienceService(clock=ManualClock())


@pytest.fixture
def overseerr(server, service):
    settings = OverseerrSettings(
        url=server.url, api_key=server.token, breaker_enabled=True, failure_threshold=3
    )
    overseerr = Overseerr(settings, service)
    yield overseerr
    overseerr.close()


def until_it_is_cut_off(overseerr, service):
    for number in range(3):
        with pytest.raises(MediaError):
            overseerr.create({"media_type": "movie", "media_id": 41_000 + number})
    assert service.registry.breaker(SOURCE).state is State.OPEN


def test_a_source_that_answers_again_ends_the_outage(server, overseerr, service):
    server.fault("source", failure="ECONNREFUSED")
    until_it_is_cut_off(overseerr, service)
    assert "TMDB" in overseerr.check_trouble(5.0)
    server.clear_faults()
    assert overseerr.check_trouble(5.0) is None
    assert service.registry.breaker(SOURCE).state is State.CLOSED


def test_that_its_source_answers_says_nothing_of_its_database(server, overseerr, service):
    """Keeps out: every few seconds the breaker was closed, and five more requests failed at its
    locked database: each of them in doubt, and so held for two minutes after the end."""
    server.fault("locked", message="SQLITE_BUSY: database is locked")
    until_it_is_cut_off(overseerr, service)
    assert "its database fails" in overseerr.check_trouble(5.0)
    assert service.registry.breaker(SOURCE).state is State.OPEN
    server.clear_faults()
    service.registry.clock.advance(60)
    overseerr.create({"media_type": "movie", "media_id": 41_100})
    assert overseerr.check_trouble(5.0) is None
