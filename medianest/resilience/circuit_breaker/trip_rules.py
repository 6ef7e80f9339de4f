"""When a closed breaker opens: the two rules, each giving the reason in words or None; and for how
long."""

from __future__ import annotations

from medianest.resilience.circuit_breaker.states import Generation
from medianest.resilience.circuit_breaker.window import FAILURE, SLOW, SUCCESS
from medianest.resilience.counted import counted
from medianest.resilience.options import CircuitBreakerOptions

__all__ = ["failure_verdict", "open_for", "slow_verdict"]


def failure_verdict(options: CircuitBreakerOptions, generation: Generation) -> str | None:
    """At least `failure_threshold` calls failed, and they are `failure_rate_threshold` of all; or
    that many failed in a row."""
    if options.counting == "consecutive":
        streak = generation.streak
        tripped = streak >= options.failure_threshold
        return f"{counted(streak, 'failure')} in a row" if tripped else None
    counts = generation.window.counts
    failures = counts[FAILURE]
    if failures < options.failure_threshold:
        return None
    calls = failures + counts[SUCCESS]
    tripped = _too_many(options, failures, calls, options.failure_rate_threshold)
    return f"{failures} of {counted(calls, 'call')} failed" if tripped else None


def slow_verdict(
    options: CircuitBreakerOptions, generation: Generation, overdue: int
) -> str | None:
    """The same for slow calls, of which `overdue` have not returned yet."""
    if options.counting == "consecutive":
        slow = generation.slow_streak + overdue
        tripped = slow >= options.failure_threshold
        return f"{counted(slow, 'slow call')} in a row" if tripped else None
    counts = generation.window.counts
    slow = counts[SLOW] + overdue
    calls = counts[SUCCESS] + counts[FAILURE] + overdue
    tripped = _too_many(options, slow, calls, options.slow_call_rate_threshold)
    verb = "was" if slow == 1 else "were"
    return f"{slow} of {counted(calls, 'call')} {verb} slow" if tripped else None


def open_for(options: CircuitBreakerOptions, openings: int, chance: float) -> float:
    """Seconds of the so-manieth opening in a row: exponential backoff, capped before jitter, as
    callers at the cap must spread as well. `chance` is from 0 to 1."""
    try:
        wait = options.reset_timeout * options.backoff_factor ** (openings - 1)
    except OverflowError:
        wait = options.max_reset_timeout
    capped = min(wait, options.max_reset_timeout)
    return capped * (1 + options.jitter * (2 * chance - 1))


def _too_many(options: CircuitBreakerOptions, bad: int, calls: int, rate: float) -> bool:
    return (
        bad >= options.failure_threshold
        and calls >= options.minimum_number_of_calls
        and bad >= rate * calls
    )
