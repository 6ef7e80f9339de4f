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
    """The first true answer of `condition`; fails after so many seconds, with what `told()` says
    then. It is asked more and more seldom, so that a long wait is no load and is at most a
    twentieth longer."""
    began = time.monotonic()
    while not (found := condition()):
        waited = time.monotonic() - began
        assert waited < seconds, told()
        threading.Event().wait(min(0.2, max(0.001, waited / 20)))  # time.sleep may be patched
    return found
