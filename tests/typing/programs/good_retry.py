"""Retries with a budget, with another one, and with none."""

from typing import assert_type

from medianest.resilience import ManualClock, ResilienceService, Retry, RetryBudget, RetryOptions

shared = RetryBudget(ratio=0.1, reserve=5, period=30)
retries = [
    Retry(),
    Retry(max_attempts=20, budget=None),
    Retry(RetryOptions(max_attempts=2), name="plex", budget=shared, clock=ManualClock()),
]
for retry in retries:
    retry.budget.withdraw()


@retries[0]
def read(path: str) -> bytes:
    return path.encode()


assert_type(read("a"), bytes)
service = ResilienceService()
assert_type(service.execute_with_retry(lambda: 1.5, max_attempts=2, initial_delay=0), float)
assert_type(service.execute_with_retry(lambda: "", name="plex", budget=None), str)
