"""A session of `requests` whose every request goes through a circuit breaker.

It shows the adapter: mounted once, it protects all that the session asks, also what other code does
with that session. Answers are returned as they are; a refusal is an error of `requests`. It needs
`pip install 'medianest[requests]'`.

    python examples/requests_session.py
"""

from __future__ import annotations

import requests
from weather_server import weather_server

from medianest.bridges.requests import ResilientAdapter
from medianest.resilience import CircuitBreaker, Pipeline, Retry

breaker = CircuitBreaker(
    "weather", failure_threshold=2, counting="consecutive", expected_errors=("5xx", "timeout")
)
pipeline = Pipeline("weather", [Retry(max_attempts=2, initial_delay=0.01), breaker])


def main() -> None:
    failures = [503]
    with weather_server(failures) as url, requests.Session() as session:
        session.mount(url, ResilientAdapter(pipeline, timeout=5))

        answer = session.get(url)
        print("one bad answer:", answer.status_code, answer.json()["sky"])

        failures += [500, 500]
        print("two bad answers:", session.get(url).status_code)
        print("the breaker is", breaker.state.value)
        try:
            session.get(url)
        except requests.ConnectionError as error:
            print("refused:", str(error).partition(";")[0])


if __name__ == "__main__":
    main()
