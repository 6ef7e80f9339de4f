"""A pipeline keeps the signature of what it decorates, in a class too."""

from typing import assert_type

from medianest.resilience import Bulkhead, CircuitBreaker, Deadline, Fallback, Pipeline, Retry

pipeline = Pipeline(
    "weather",
    [
        Fallback(lambda error: "unknown", handles="timeout"),
        Retry(max_attempts=2, initial_delay=0.1, retry_on=[ConnectionError, "5xx"]),
        CircuitBreaker("weather", failure_threshold=5),
        Bulkhead("weather", max_concurrent=10, max_wait=0.5),
        Deadline(5),
    ],
)


class Client:
    @pipeline
    def forecast(self, city: str, days: int = 1) -> dict[str, int]:
        return {city: days}


assert_type(Client().forecast("Paris", days=2), dict[str, int])
assert_type(pipeline.call(Client().forecast, "Paris"), dict[str, int])
assert_type(pipeline.find(Retry), Retry | None)
