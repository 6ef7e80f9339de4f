"""A script that calls a server which fails now and then, and at last for good.

It shows a fallback, a retry and a circuit breaker around one function, with nothing but the
library: two bad answers are hidden by the retry; when the server is gone, the breaker opens after
three more failures, and from then on the fallback answers at once.

    python examples/flaky_server.py
"""

from __future__ import annotations

import json
import urllib.request
from typing import Any

from weather_server import weather_server

from medianest.resilience import CircuitBreaker, Fallback, Pipeline, Retry

breaker = CircuitBreaker(
    "weather",
    failure_threshold=3,
    reset_timeout=30,
    counting="consecutive",
    expected_errors=("timeout", "ECONNREFUSED", "5xx"),
)
pipeline = Pipeline(
    "weather",
    [
        Fallback(lambda error: {"sky": f"unknown: {error}"}),
        Retry(max_attempts=3, initial_delay=0.01),
        breaker,
    ],
)


@pipeline
def forecast(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=2) as answer:
        return json.load(answer)


def main() -> None:
    with weather_server([503, 503]) as url:
        print("a flaky server:", forecast(url)["sky"])
    print("no server:", forecast(url)["sky"])
    print("the breaker is", breaker.state.value)
    print("and the next call is not made:", forecast(url)["sky"].partition(";")[0])


if __name__ == "__main__":
    main()
