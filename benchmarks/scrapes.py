"""What being looked at costs: requests a second of a media endpoint under gunicorn, left alone and
scraped, in turn.

`python -m benchmarks.scrapes PORT PID` is the client, a process of its own.
"""

from __future__ import annotations

import json
import statistics
import sys
import threading
import time
from dataclasses import dataclass, field
from itertools import cycle

from benchmarks.media_server import Load, connect, get, media_server

__all__ = ["Scraped", "scraped"]

LOOKS = ("/metrics", "/api/v1/resilience/status", "/api/v1/health/comprehensive")
A_SECOND = 20
"""Looks a second, all three together."""

ROUNDS = 45


@dataclass
class Scraped:
    """Requests a second of each round, left alone and scraped."""

    alone: list[float] = field(default_factory=list)
    scraped: list[float] = field(default_factory=list)
    looks: int = 0
    slowest_look: float = 0.0

    @property
    def ratio(self) -> float:
        """Scraped to alone, by the median of all rounds."""
        pairs = zip(self.scraped, self.alone, strict=True)
        return statistics.median(scraped / alone for scraped, alone in pairs)


def scraped() -> Scraped:
    """Measure it."""
    with media_server() as server:
        return Scraped(**server.answer_of(__name__))


def _client(port: int) -> None:
    found, load = Scraped(), Load(port)
    for number in range(ROUNDS):
        for scraping in (False, True) if number % 2 else (True, False):
            if not scraping:
                found.alone.append(load.measure())
                continue
            stop = threading.Event()
            scraper = threading.Thread(target=_scrape, args=(port, stop, found))
            scraper.start()
            found.scraped.append(load.measure())
            stop.set()
            scraper.join()
    print(json.dumps(vars(found)))


def _scrape(port: int, stop: threading.Event, found: Scraped) -> None:
    connection, began = connect(port), time.perf_counter()
    for number, path in enumerate(cycle(LOOKS)):
        if stop.wait(max(0.0, began + number / A_SECOND - time.perf_counter())):
            return
        asked = time.perf_counter()
        if get(connection, path) != 200:
            raise RuntimeError(f"{path} failed")
        found.slowest_look = max(found.slowest_look, time.perf_counter() - asked)
        found.looks += 1


if __name__ == "__main__":
    _client(int(sys.argv[1]))
