"""What other threads and processes do takes a while."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

SOON = 10.0
"""Seconds that anything may take before a test fails."""

Found = TypeVar("Found")


def wait_until(
    condition: Callable[[], Found],
    seconds: float = SOON,
    *,
    told: Callable[[], object] = lambda: "it did not happen in time",
) -> Found:
    """The first true answer of `condition`, which is asked more and more seldom; fails after so
    many seconds, with what `told()` says then."""
    end, pause = time.monotonic() + seconds, 0.001
    while not (found := condition()):
        assert time.monotonic() < end, told()
        threading.Event().wait(pause)  # a test may have taken time.sleep away
        pause = min(2 * pause, 0.02)
    return found
