"""A breaker as a decorator, by call and in two phases."""

from typing import assert_type

from medianest.resilience import BreakerSnapshot, CircuitBreaker, CircuitOpenError, State

breaker = CircuitBreaker(
    "plex",
    failure_threshold=3,
    reset_timeout=10,
    expected_errors=("timeout", "5xx", ConnectionError, lambda error: error.args == ()),
    counting="consecutive",
)


@breaker
def titles(library: str, *, limit: int = 10) -> list[str]:
    return [library] * limit


assert_type(titles("films", limit=3), list[str])
assert_type(breaker.call(titles, "films", limit=3), list[str])
assert_type(breaker.snapshot(), BreakerSnapshot)

is_open: bool = breaker.state is State.OPEN
is_forced: bool = breaker.state == "forced_open"
text: str = breaker.state

try:
    with breaker.acquire() as permit:
        permit.progress()
    with breaker:
        titles("films")
except CircuitOpenError as refused:
    assert_type(refused.retry_after, float | None)
