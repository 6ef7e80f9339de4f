"""The physical limit in pure Python: the least that a thread-safe breaker with a window can do.

Two clock reads and, for a quick success, one `deque.append`, which is atomic and takes no lock;
totals are counted on a failure and on a slow call only. Not a product.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

__all__ = ["FloorError", "floor"]

FAILED, SLOW = float("inf"), float("-inf")


class FloorError(Exception):
    """The circuit is open."""


def floor(
    function: Callable[..., Any],
    *,
    threshold: int,
    size: int = 100,
    slow: float = 1.0,
    wait: float = 3000.0,
) -> Callable[..., Any]:
    """Guard a function by the last `size` calls."""
    clock, lock = time.monotonic, threading.Lock()
    window: deque[float] = deque(maxlen=size)
    append = window.append
    open_until = 0.0

    def judge(mark: float) -> None:
        nonlocal open_until
        append(mark)
        with lock:
            if max(window.count(FAILED), window.count(SLOW)) >= threshold:
                open_until = clock() + wait

    def guarded(*args: Any, **kwargs: Any) -> Any:
        if open_until and clock() < open_until:
            raise FloorError
        started = clock()
        try:
            result = function(*args, **kwargs)
        except Exception:
            judge(FAILED)
            raise
        took = clock() - started
        if took < slow:
            append(took)
        else:
            judge(SLOW)
        return result

    return guarded
