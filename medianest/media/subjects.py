"""What an operation is asked about, so that one broken library does not cut off all libraries.

An error that the server answered with is first of all that of the subject: it counts against the
operation once it was given for two subjects since anything was answered well. Where nobody asks
about another, the one subject is the operation.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable
from typing import Any, Final

from medianest.media.errors import MediaError, SlowError, UnreachableError
from medianest.resilience import CircuitBreaker, Clock, Strategy
from medianest.resilience.outcome import Classifier, Expected, Outcome
from medianest.resilience.strategy import Invoke

__all__ = ["About", "Answers", "Questions", "Subjects"]

About = Callable[..., Hashable]
"""What a question is about, from its arguments."""

_ASKED_LATELY: Final = 86400.0
"""After a day without a question about it, a subject is as good as none."""


class Subjects:
    """What an operation was asked about lately, and for what of it the server answered with
    errors since it was well. Knows two of each, as more change nothing. Thread-safe."""

    def __init__(self, failures: Expected | Iterable[Expected] | None, clock: Clock) -> None:
        self._classify = Classifier(failures)
        self._clock = clock
        self._lock = threading.Lock()
        self._asked: dict[Hashable, float] = {}
        self._failed: frozenset[Hashable] = frozenset()
        self._openings = 0

    def ask(self, subject: Hashable) -> bool:
        """Note a question. Whether it is the first about another subject than the one that alone
        was asked about, and that has failed."""
        now = self._clock.now()
        with self._lock:
            were_several = self._are_several(now)
            self._asked.pop(subject, None)
            self._asked[subject] = now
            while len(self._asked) > 2:
                del self._asked[next(iter(self._asked))]
            others = self._failed - {subject}
            return not were_several and len(self._asked) == 2 and bool(others)

    def fail(self, subject: Hashable, error: BaseException, openings: int) -> None:
        """Note an error. What failed before the breaker opened, so many times by now, does not
        count when it is tried again: what is well must have its chance to show it."""
        if not self._is_answer(error):
            return
        with self._lock:
            if openings != self._openings:
                self._openings, self._failed = openings, frozenset()
            if len(self._failed) < 2:
                self._failed |= {subject}

    def well(self) -> None:
        """Something was answered well."""
        if self._failed:
            with self._lock:
                self._failed = frozenset()

    def is_of_one(self, error: BaseException) -> bool:
        """Whether an error that was answered says nothing of the operation as a whole."""
        if not self._is_answer(error):
            return False
        with self._lock:
            return len(self._failed) < 2 and self._are_several(self._clock.now())

    def _is_answer(self, error: BaseException) -> bool:
        """Whether it is a failure that the server, or what is in its place, answered with."""
        if not isinstance(error, MediaError) or isinstance(error, UnreachableError | SlowError):
            return False
        return self._classify(error) is Outcome.FAILURE

    def _are_several(self, now: float) -> bool:
        return sum(at >= now - _ASKED_LATELY for at in self._asked.values()) > 1


class Questions(Strategy):
    """Notes what is asked, also where the breaker beneath refuses it. What was cut off for the one
    subject that was ever asked about is open for the next."""

    def __init__(self, subjects: Subjects, breaker: CircuitBreaker, about: About) -> None:
        self._subjects, self._breaker, self._about = subjects, breaker, about
        super().__init__()

    def wrap(self, inner: Invoke) -> Invoke:
        """Compose it around the breaker of the operation."""

        def invoke(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
            if self._subjects.ask(self._about(*args, **kwargs)):
                self._breaker.close_if_open("what has failed was the only one asked about")
            return inner(function, args, kwargs)

        return invoke


class Answers(Strategy):
    """Notes what was answered, before the breaker above judges it."""

    def __init__(self, subjects: Subjects, breaker: CircuitBreaker, about: About) -> None:
        self._subjects, self._breaker, self._about = subjects, breaker, about
        super().__init__()

    def wrap(self, inner: Invoke) -> Invoke:
        """Compose it beneath the breaker of the operation."""

        def invoke(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
            try:
                result = inner(function, args, kwargs)
            except MediaError as error:
                openings = self._breaker.snapshot().totals.openings
                self._subjects.fail(self._about(*args, **kwargs), error, openings)
                raise
            self._subjects.well()
            return result

        return invoke
