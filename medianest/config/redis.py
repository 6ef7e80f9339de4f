"""The section of Redis: what the workers share, and what outlives their restart."""

from __future__ import annotations

from medianest.config.kinds import Count, Places, RedisUrl, Seconds
from medianest.config.sections import Section
from medianest.resilience import BulkheadOptions, CircuitBreakerOptions, Policy
from medianest.resilience.outcome import Expected

__all__ = ["RedisSettings"]

_MOST_PLACES = 8


class RedisSettings(Section):
    """Redis, or Valkey. It is there to help: nothing waits for it for long."""

    url: RedisUrl | None = None
    """`redis://:password@host:6379/0`, `rediss://…` or `unix:///…`, for Redis or Valkey. With it
    last good answers outlive a restart and all workers share them, and all hosts on it obey
    operators within a second. Hosts that share them need clocks that agree within a minute. Not
    set: answers stay on this host, and end with the server."""
    timeout: Seconds = 0.25
    """Total time of one command, with making the connection."""
    max_concurrent: Places | None = None
    """Commands at once. Not set: 8, but at most half of the threads."""
    failure_threshold: Count = 3
    """Failures in a row after which it is left alone."""
    reset_timeout: Seconds = 5.0
    """How long it is left alone the first time."""
    max_reset_timeout: Seconds = 30.0
    """How long it is left alone at most."""

    def places(self, threads: int) -> int:
        """Commands at once in a worker with so many threads."""
        return self.max_concurrent or min(_MOST_PLACES, threads // 2)

    def policy(self, expected: Expected, places: int) -> Policy:
        """The policy, with the errors that say that Redis is away."""
        return Policy(
            circuit_breaker=CircuitBreakerOptions(
                failure_threshold=self.failure_threshold,
                counting="consecutive",
                reset_timeout=self.reset_timeout,
                max_reset_timeout=self.max_reset_timeout,
                expected_errors=expected,
            ),
            retry=None,  # whoever asks can do without an answer sooner than wait for one
            bulkhead=BulkheadOptions(max_concurrent=places),
            timeout=self.timeout,
        )
