"""Waiting that ends, whatever it waits for: look-ups of names, servers that drip or hang."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["Errand"]

T = TypeVar("T")


class Errand(Generic[T]):
    """A job in a thread of its own, which is left behind when it takes too long."""

    def __init__(self, job: Callable[[], T]) -> None:
        self._answers: queue.SimpleQueue[tuple[T | None, BaseException | None]]
        self._answers = queue.SimpleQueue()
        self._job = job
        threading.Thread(target=self._run, daemon=True).start()

    def result(self, seconds: float) -> T:
        """What the job returns or raises. Raises TimeoutError when that takes too long."""
        try:
            found, error = self._answers.get(timeout=seconds)
        except queue.Empty:
            raise TimeoutError(f"no answer within {seconds:g} s") from None
        if error is not None:
            raise error
        return found  # type: ignore[return-value]  # None only where the job returns it

    def _run(self) -> None:
        try:
            self._answers.put((self._job(), None))
        except BaseException as error:  # whatever it is, it is the caller's
            self._answers.put((None, error))
