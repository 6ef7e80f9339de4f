"""Who says something in the tests of logs."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import pytest

from medianest.resilience import CircuitBreaker

NOW = datetime(2026, 1, 1, tzinfo=UTC)


logger = logging.getLogger("medianest.test")


def breaker_that_opens() -> CircuitBreaker:
    breaker = CircuitBreaker("plex", failure_threshold=1)
    with pytest.raises(ZeroDivisionError):
        breaker.call(lambda: 1 / 0)
    return breaker
