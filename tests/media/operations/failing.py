"""Operations of Plex that fail."""

from collections.abc import Callable
from typing import Any

import pytest

from medianest.media.errors import UpstreamError
from medianest.media.plex.client import SERVICE as DEPENDENCY
from medianest.resilience import ResilienceService, State

LIBRARY = {"path": "/library"}


def state(service: ResilienceService, name: str = DEPENDENCY) -> State:
    return service.registry.breaker(name).state


def fail(question: Callable[..., Any], times: int = 3) -> None:
    for _ in range(times):
        with pytest.raises(UpstreamError):
            question()
