"""Calls that the tests hold in flight, and callers in threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from medianest.resilience import Coalesce
from tests.support.waiting import SOON, wait_until


class Upstream:
    """A function whose calls wait until they are let go; counts them."""

    def __init__(self) -> None:
        self.calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
        self.answer: Any = "answer"
        self._arrived = threading.Semaphore(0)
        self._go = threading.Semaphore(0)

    def __call__(self, *args: str | int, **kwargs: Any) -> Any:
        self.calls.append((args, kwargs))
        self._arrived.release()
        assert self._go.acquire(timeout=SOON)
        answer = self.answer
        if isinstance(answer, BaseException):
            raise answer
        return answer() if callable(answer) else answer

    def wait_for_call(self) -> None:
        assert self._arrived.acquire(timeout=SOON)

    def let_go(self, calls: int = 1) -> None:
        for _ in range(calls):
            self._go.release()


class Callers:
    """`start(function)` calls it in a thread; a Future."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(40)

    def start(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Future[Any]:
        return self._pool.submit(function, *args, **kwargs)

    def close(self) -> None:
        self._pool.shutdown()


def joined(coalesce: Coalesce, number: int) -> None:
    """Wait until so many calls in all have joined a flight."""
    wait_until(lambda: coalesce.snapshot().shared == number)
