"""Asynchronous code: a permit around each `await`, and a pipeline in threads.

It shows the two ways from asyncio to the library, which itself calls functions and waits in
threads. A permit counts what an `await` brings. A pipeline, with its retries, runs in a thread of
its own while the loop goes on.

    python examples/asyncio_tasks.py
"""

from __future__ import annotations

import asyncio
import json
import urllib.request
from typing import Any

from weather_server import weather_server

from medianest.resilience import Bulkhead, CircuitBreaker, CircuitOpenError, Pipeline, Retry

breaker = CircuitBreaker("sensor", failure_threshold=3, counting="consecutive")
at_most_four = Bulkhead("weather", max_concurrent=4, max_wait=5)
pipeline = Pipeline("weather", [Retry(initial_delay=0.01), at_most_four])


async def read_sensor(number: int) -> str:
    """Some asynchronous client; this sensor is broken."""
    await asyncio.sleep(0)
    raise ConnectionError(f"sensor {number} is away")


async def reading(number: int) -> str:
    try:
        with breaker.acquire():
            return await read_sensor(number)
    except CircuitOpenError:
        return "not asked"
    except ConnectionError as error:
        return str(error)


def forecast(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=2) as answer:
        return json.load(answer)


async def main() -> None:
    for number in range(1, 5):
        print(await reading(number))
    with weather_server([503, 503]) as url:
        calls = [asyncio.to_thread(pipeline.call, forecast, url) for _ in range(8)]
        skies = [answer["sky"] for answer in await asyncio.gather(*calls)]
        print(f"{len(skies)} forecasts at once, two of them at a second try: {set(skies)}")


if __name__ == "__main__":
    asyncio.run(main())
