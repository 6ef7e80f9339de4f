"""What the health check may tell of an Overseerr in trouble, and what only a request can."""

from collections.abc import Iterator

import pytest

from medianest.config import OverseerrSettings
from medianest.media.errors import (
    ForbiddenError,
    MediaError,
    NotFoundError,
    RefusedError,
    SourceError,
)
from medianest.media.overseerr.service import SOURCE, Overseerr
from medianest.media.troubles import Troubles
from medianest.resilience import ManualClock, ResilienceService, State
from medianest.sandbox.process import SandboxProcess
from tests.support.narrowing import not_none


@pytest.fixture
def service(clock: ManualClock) -> ResilienceService:
    return ResilienceService(clock=clock)


@pytest.fixture
def overseerr(overseerr_sandbox: SandboxProcess, service: ResilienceService) -> Iterator[Overseerr]:
    settings = OverseerrSettings(
        url=overseerr_sandbox.url,
        api_key=overseerr_sandbox.token,
        breaker_enabled=True,
        failure_threshold=3,
    )
    overseerr = Overseerr(settings, service)
    yield overseerr
    overseerr.close()


def until_it_is_cut_off(overseerr: Overseerr, service: ResilienceService) -> None:
    for number in range(3):
        with pytest.raises(MediaError):
            overseerr.create({"media_type": "movie", "media_id": 41_000 + number})
    assert service.registry.breaker(SOURCE).state is State.OPEN


def test_a_source_that_answers_again_ends_the_outage(
    overseerr_sandbox: SandboxProcess,
    overseerr: Overseerr,
    service: ResilienceService,
    clock: ManualClock,
) -> None:
    overseerr_sandbox.fault("source", failure="ECONNREFUSED")
    until_it_is_cut_off(overseerr, service)
    assert "TMDB" in not_none(overseerr.check_trouble(5.0))
    overseerr_sandbox.clear_faults()
    assert overseerr.check_trouble(5.0) is None
    assert service.registry.breaker(SOURCE).state is State.CLOSED


def test_that_its_source_answers_says_nothing_of_its_database(
    overseerr_sandbox: SandboxProcess,
    overseerr: Overseerr,
    service: ResilienceService,
    clock: ManualClock,
) -> None:
    """Keeps out: every few seconds the breaker was closed, and five more requests failed at its
    locked database: each of them in doubt, and so held for two minutes after the end."""
    overseerr_sandbox.fault("locked", message="SQLITE_BUSY: database is locked")
    until_it_is_cut_off(overseerr, service)
    assert "its database fails" in not_none(overseerr.check_trouble(5.0))
    assert service.registry.breaker(SOURCE).state is State.OPEN
    overseerr_sandbox.clear_faults()
    clock.advance(60)
    overseerr.create({"media_type": "movie", "media_id": 41_100})
    assert overseerr.check_trouble(5.0) is None


def test_a_user_that_does_not_exist_is_the_fault_of_who_named_it(
    overseerr_sandbox: SandboxProcess, overseerr: Overseerr
) -> None:
    """Keeps out: one client's typing error degrades the health of Overseerr, and alerts people;
    a request that was accepted for nobody is tried for ever."""
    wish = {"media_type": "movie", "media_id": 41_200, "user_id": 556}
    for ask in (overseerr.create, overseerr.handler().execute):
        with pytest.raises(RefusedError, match="no user of that number"):
            ask(wish)
    assert overseerr.check_trouble(5.0) is None


def test_that_the_user_of_the_settings_does_not_exist_is_trouble(
    overseerr_sandbox: SandboxProcess, service: ResilienceService
) -> None:
    settings = OverseerrSettings(
        url=overseerr_sandbox.url, api_key=overseerr_sandbox.token, user_id=556
    )
    overseerr = Overseerr(settings, service)
    with pytest.raises(ForbiddenError):
        overseerr.create(overseerr.with_user({"media_type": "movie", "media_id": 41_201}))
    assert "MEDIANEST_OVERSEERR_USER_ID" in not_none(overseerr.check_trouble(5.0))
    overseerr.close()


def test_of_many_troubles_a_few_are_told(clock: ManualClock) -> None:
    """Keeps out: a message of 100 kB in the log and on the page."""
    troubles = Troubles(clock)
    for number in range(1000):
        troubles.meet(f"user {number}", f"quota of user {number:04}")
    assert not_none(troubles.message()).endswith("quota of user 0004; and 995 more")
    clock.advance(400)
    assert troubles.message() is None


def test_a_source_that_is_half_away_makes_no_dead_letter(
    overseerr_sandbox: SandboxProcess, overseerr: Overseerr
) -> None:
    """Keeps out: a mirror of TMDB that answers 404 while it starts makes each title unknown."""
    overseerr_sandbox.fault("source", status=404)
    with pytest.raises(SourceError):
        overseerr.create({"media_type": "movie", "media_id": 41_202})
    overseerr_sandbox.clear_faults()
    with pytest.raises(NotFoundError):
        overseerr.create({"media_type": "movie", "media_id": 9_000_001})


def test_one_odd_title_does_not_cut_off_the_others(
    overseerr_sandbox: SandboxProcess, overseerr: Overseerr, service: ResilienceService
) -> None:
    """Keeps out: while somebody looks at that show, nobody can search and nothing is requested."""
    overseerr.search("the")
    overseerr_sandbox.fault("status", status=500, path="/api/v1/tv/31003")
    for _ in range(6):
        with pytest.raises(MediaError):
            overseerr.seasons(31_003)
    assert service.registry.breaker(SOURCE).state is State.CLOSED
    assert overseerr.search("the")
