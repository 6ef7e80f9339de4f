"""A Plex whose operations have breakers of their own."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from medianest.config import PlexSettings
from medianest.media.plex.service import Plex
from medianest.resilience import ManualClock, Registry, ResilienceService
from medianest.sandbox import SandboxProcess


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
