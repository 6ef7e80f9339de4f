"""Retry: make a failed call again, a few times, spread out, and never as a storm."""

from __future__ import annotations

import math
import random as _random
from collections.abc import Callable, Iterator
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import Any, Unpack

from medianest.resilience.arguments import tells_arguments
from medianest.resilience.budget import USUAL, RetryBudget, Usual, checked_budget, chosen
from medianest.resilience.clock import Clock, as_clock
from medianest.resilience.counted import counted
from medianest.resilience.deadline import remaining
from medianest.resilience.errors import CallRefusedError, FailedResultError, ResilienceError
from medianest.resilience.events import BudgetExhausted, Recovered, RetryScheduled, publish
from medianest.resilience.given_up import GIVEN_UP
from medianest.resilience.judging import answering, failing
from medianest.resilience.keywords import RetryKeywords
from medianest.resilience.naming import UNNAMED, name_for
from medianest.resilience.options import RetryOptions, checked_function, checked_name, configure
from medianest.resilience.outcome import (
    causes_within_call,
    holds,
    matcher,
    read,
    reraise,
    set_note,
    status_of,
)
from medianest.resilience.strategy import Invoke, Strategy

__all__ = [
    "RETRYABLE_STATUSES",
    "Retry",
    "retry_after_of",
    "wait_asked",
]

RETRYABLE_STATUSES = frozenset({408, 425, 429})
"""4xx answers that say "later", not "never": RFC 9110 15.5.9, RFC 8470, RFC 6585."""

_SPREAD = 0.2
"""Share of a Retry-After by which callers spread out."""


@tells_arguments
class Retry(Strategy):
    """Makes a failed call up to `max_attempts` times.

    Waits with exponential backoff and full jitter (drawn below the cap), at least as long as a
    Retry-After asks, never past the deadline, and only while the budget pays. The last error is
    raised as it is, with `attempts` set on it and a note that says why retrying stopped.

    Without a `budget` it has one of its own: a retry for each fifth call, and ten more a minute.
    Pass the dependency's to share it; with None `max_attempts` is the only bound.
    """

    def __init__(
        self,
        options: RetryOptions | None = None,
        *,
        name: str = UNNAMED,
        budget: RetryBudget | Usual | None = USUAL,
        clock: Clock | Callable[[], float] | None = None,
        random: Callable[[], float] = _random.random,
        **keywords: Unpack[RetryKeywords],
    ) -> None:
        self.name = checked_name(name, "retry")
        owner = f"retry {name!r}"
        self.options = configure(
            RetryOptions, options, keywords, owner, "name", "budget", "clock", "random"
        )
        self._clock = as_clock(clock)
        self.budget = chosen(checked_budget(owner, budget), self._clock)
        self._random = checked_function(random, f"{owner}: random", "() -> a number from 0 to 1")
        self._wanted = matcher(self.options.retry_on, "retry_on")
        super().__init__()

    def wrap(self, inner: Invoke) -> Invoke:
        """Compose the retry around `inner`."""
        if (failure_if := self.options.failure_if) is None:
            return self._around(inner)
        return answering(self._around(failing(inner, failure_if, f"retry {self.name!r}")))

    def _around(self, inner: Invoke) -> Invoke:
        calls, given_up = self.budget.calls.ticks, GIVEN_UP
        pending = given_up.pending

        def invoke(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
            next(calls)
            before = given_up.latest
            if pending:
                given_up.answered()
            try:
                result = inner(function, args, kwargs)
                if pending:
                    given_up.answered()
                return result
            except Exception as error:
                if self.options.max_attempts == 1 or not self._is_retryable(error, before):
                    raise
                failed = error
            # Outside the handler, so that a later error does not have this one as its context.
            try:
                return self._again(inner, function, args, kwargs, failed)
            finally:
                del failed

        return invoke

    def _again(
        self,
        inner: Invoke,
        function: Callable[..., Any],
        args: Any,
        kwargs: Any,
        error: Exception,
    ) -> Any:
        attempt, name = 1, name_for(self.name, function)
        try:
            while True:
                stop = self._pause(name, attempt, error)
                if stop is not None:
                    reraise(self._give_up(name, error, attempt, stop))
                attempt += 1
                before = GIVEN_UP.latest
                try:
                    result = inner(function, args, kwargs)
                except Exception as failed:
                    if not self._is_retryable(failed, before):
                        if isinstance(failed, CallRefusedError) and _is_result(error):
                            why = f"the next one was refused: {failed}"
                            reraise(self._give_up(name, error, attempt - 1, why))
                        if isinstance(failed, CallRefusedError) and failed.__cause__ is None:
                            failed.__cause__ = error  # or nobody would ever see it
                        self._give_up(name, failed, attempt, "this error is not worth another")
                        raise
                    error = failed
                else:
                    GIVEN_UP.answered()
                    publish((Recovered(name, attempt),))
                    return result
        finally:
            del error

    def _is_retryable(self, error: Exception, before: int) -> bool:
        if isinstance(error, ResilienceError) or GIVEN_UP.on(error, before):
            return False
        if isinstance(error, FailedResultError):
            return True
        if self._wanted is not None:
            return holds(self._wanted, error, f"retry_on of {self.name!r}")
        statuses = map(status_of, causes_within_call(error))
        status = next((status for status in statuses if status is not None), None)
        return status is None or not 400 <= status < 500 or status in RETRYABLE_STATUSES

    def _pause(self, name: str, attempt: int, error: Exception) -> str | None:
        """Sleep before the next attempt, or say why there is none."""
        options = self.options
        if attempt >= options.max_attempts:
            return "no attempts left"
        asked = retry_after_of(error, self._clock)
        if asked > options.max_delay:
            return f"it asked to wait {asked:g} s, longer than max_delay"
        # A little longer than it asked: all whom it told the same must not come back at once.
        delay = max(self._delay(attempt), asked * (1 + _SPREAD * self._random()))
        if delay >= remaining():
            return "the deadline comes first"
        if (reason := self.budget.why_suspended()) is not None:
            return reason
        if not self.budget.withdraw():
            publish((BudgetExhausted(name, attempt, error),))
            return f"the retry budget is spent: {self.budget}"
        publish((RetryScheduled(name, attempt, delay, error),))
        if delay > 0:
            self._clock.sleep(delay)
        return None

    def _delay(self, attempt: int) -> float:
        """Full jitter below a capped exponential (AWS, "Exponential Backoff And Jitter")."""
        options = self.options
        try:
            bound = options.initial_delay * options.factor ** (attempt - 1)
        except OverflowError:
            bound = options.max_delay
        return min(bound, options.max_delay) * self._random()

    def _give_up(self, name: str, error: Exception, attempts: int, why: str) -> Exception:
        GIVEN_UP.mark(error)
        set_note(error, f"retry {name!r}: gave up", f"after {counted(attempts, 'attempt')}: {why}")
        with suppress(Exception):  # some errors are frozen, some have such a name already
            error.attempts = attempts  # type: ignore[attr-defined]
        return error


def _is_result(error: Exception) -> bool:
    """Whether there is a result, which says more than a refusal to make the call again."""
    return isinstance(error, FailedResultError)


def retry_after_of(error: BaseException, clock: Clock) -> float:
    """Seconds that an error asks to wait, by its `retry_after` or the Retry-After header of it or
    of its response (RFC 9110 10.2.3: seconds or a date); 0 when it asks nothing."""
    for cause in causes_within_call(error):
        for asked in (read(cause, "retry_after"), *_headers(cause)):
            seconds = _seconds(asked, clock)
            if seconds is not None:
                return seconds
    return 0.0


def wait_asked(value: object, clock: Clock) -> float | None:
    """Seconds that a Retry-After header asks to wait; None when it asks nothing."""
    return _seconds(value, clock) or None


def _headers(error: BaseException) -> Iterator[object]:
    for holder in (read(error, "response"), error):
        get = read(read(holder, "headers"), "get")
        if callable(get):
            try:
                yield get("Retry-After")
            except Exception:  # the error has headers of another kind
                pass


def _seconds(asked: object, clock: Clock) -> float | None:
    if not isinstance(asked, int | float | str) or isinstance(asked, bool):
        return None
    try:
        seconds = float(asked)
    except ValueError:
        return _seconds_until(str(asked), clock)
    except OverflowError:  # a whole number that no float can hold
        return math.inf
    return max(0.0, seconds) if seconds == seconds else None


def _seconds_until(date: str, clock: Clock) -> float | None:
    try:
        return max(0.0, (parsedate_to_datetime(date) - clock.utc()).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None
