"""Retries never multiply: how one tells another, outside it, that it has given up."""

from __future__ import annotations

import threading
from contextvars import ContextVar
from typing import Final

from medianest.resilience.outcome import causes, read

__all__ = ["GIVEN_UP"]

_MARK: Final = "_medianest_given_up"


class GivenUp:
    """Numbers the times that retries gave up.

    `latest` is read before each call, an attribute read of 3 ns; only when it has moved is it
    worth looking whether that was within this call. An error can be raised anew, with nothing of
    the one that was given up on: so what was given up in this context counts for all that fails
    in it, until something answers. Another thread's is known by a mark on the error alone.
    """

    def __init__(self) -> None:
        self.latest = 0
        self._lock = threading.Lock()
        self._here: ContextVar[int] = ContextVar("medianest-given-up", default=0)

    def mark(self, error: BaseException) -> None:
        """A retry has given up on `error`."""
        with self._lock:
            self.latest += 1
            number = self.latest
        self._here.set(number)
        try:
            setattr(error, _MARK, number)
        except Exception:  # some errors are frozen
            pass

    def on(self, error: BaseException, before: int) -> bool:
        """Whether a retry within this call has given up on `error`, or on what it came of;
        `before` is `latest` from before the call."""
        if self.latest == before:
            return False
        return self.here() > before or any(
            _number_on(cause) > before
            for cause in causes(error, lambda error: error.__context__, through_suppressed=True)
        )

    def here(self) -> int:
        """The number of the latest in this context that nothing has answered; 0: there is none."""
        return self._here.get()

    def answered(self) -> None:
        """A failure in this context has an answer: what fails now is another one."""
        if self._here.get():
            self._here.set(0)


def _number_on(error: BaseException) -> int:
    number = read(error, _MARK)
    return number if isinstance(number, int) else 0


GIVEN_UP: Final = GivenUp()
