"""What open pages cost, as browsers keep them up to date: how many requests a second of a media
endpoint they take away, the processor's time for a poll of an idle one, and how soon a page is
seen.

`python -m benchmarks.pages PORT PID` is the client, a process of its own.
"""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field

import psutil

from benchmarks.flask_view import HOST
from benchmarks.media_server import Load, connect, media_server

__all__ = ["EVERY", "PAGES", "Looked", "looked"]

PAGES, EVERY = 20, 2.0
"""Open ones, and how often each asks, in seconds."""

ROUNDS = 20
IDLE_ROUNDS, IDLE_SLICE = 6, 4.0
NOTHING = "/api/v1/health/live"
QUIET = 130.0
"""Seconds after which no page shows any more of what was asked before."""

PAINTS, EMPTY = 10, "data:text/html,<p>nothing"
FIRST_PAINT = """() => new Promise(done => new PerformanceObserver(list =>
  list.getEntriesByName("first-contentful-paint").forEach(paint => done(paint.startTime))
).observe({type: "paint", buffered: true}))"""


@dataclass
class Looked:
    """Requests a second of each round, without open pages and with them; how the polls of idle
    pages were answered, and the seconds of the processor for each, and for a request that asks for
    nothing; the seconds until the page and an empty one were painted, none without a browser."""

    closed: list[float] = field(default_factory=list)
    open: list[float] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    each_poll: float = 0.0
    each_request: float = 0.0
    paints: list[float] = field(default_factory=list)
    empty_paints: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """With pages to without, by the median of all rounds."""
        pairs = zip(self.open, self.closed, strict=True)
        return statistics.median(with_pages / without for with_pages, without in pairs)

    @property
    def unchanged(self) -> float:
        """The share of the polls of idle pages that were answered with 304."""
        return self.statuses.count(304) / len(self.statuses)


def looked() -> Looked:
    """Measure it."""
    with media_server() as server:
        found = Looked(**server.answer_of(__name__))
        _paint(found, f"http://{HOST}:{server.port}/")
    return found


class _Pages:
    """Open pages, each with a connection of its own, which ask for a path one after the other."""

    def __init__(self, port: int, path: str = "/?fragment") -> None:
        self._port, self._path = port, path
        self._tags = [""] * PAGES
        self.statuses: list[int] = []
        self.load()

    def load(self) -> None:
        """Each sees what there is now."""
        self._connections = [connect(self._port) for _ in range(PAGES)]
        for place in range(PAGES):
            self._ask(place)
        del self.statuses[-PAGES:]  # that was no poll

    @contextmanager
    def polling(self) -> Iterator[None]:
        """Each asks whether something is new, until the end of the block."""
        stop = threading.Event()
        thread = threading.Thread(target=self._poll, args=(stop,))
        thread.start()
        yield
        stop.set()
        thread.join()

    def _poll(self, stop: threading.Event) -> None:
        began, number = time.perf_counter(), 0
        while not stop.wait(max(0.0, began + number * EVERY / PAGES - time.perf_counter())):
            self._ask(number % PAGES)
            number += 1

    def _ask(self, place: int) -> None:
        connection = self._connections[place]
        connection.request("GET", self._path, headers={"If-None-Match": self._tags[place]})
        response = connection.getresponse()
        response.read()
        self._tags[place] = response.getheader("ETag", "")
        self.statuses.append(response.status)


def _client(port: int, master: int) -> None:
    found, pages, load = Looked(), _Pages(port), Load(port)
    for number in range(ROUNDS):
        for is_open in (False, True) if number % 2 else (True, False):
            with pages.polling() if is_open else nullcontext():
                (found.open if is_open else found.closed).append(load.measure())
    if not set(pages.statuses) <= {200, 304}:
        raise RuntimeError(f"pages were answered with {set(pages.statuses)}")
    time.sleep(QUIET)
    pages.statuses.clear()
    worker, others = psutil.Process(master).children()[0], _Pages(port, NOTHING)
    idle, polled, asked = 0.0, 0.0, 0.0
    for _ in range(IDLE_ROUNDS):
        idle += _used(worker)
        polled += _polled(pages, worker)
        asked += _polled(others, worker)
    found.statuses = pages.statuses
    found.each_poll = (polled - idle) / len(pages.statuses)
    found.each_request = (asked - idle) / len(others.statuses)
    print(json.dumps(vars(found)))


def _polled(pages: _Pages, worker: psutil.Process) -> float:
    pages.load()
    with pages.polling():
        return _used(worker)


def _used(worker: psutil.Process) -> float:
    """Seconds of the processor that it takes in a slice."""
    before = worker.cpu_times()
    time.sleep(IDLE_SLICE)
    after = worker.cpu_times()
    return after.user + after.system - before.user - before.system


def _paint(found: Looked, url: str) -> None:
    """Have the browser of the system look at the page and at an empty one, each time as one that
    has seen nothing yet; where there is no such browser, nothing is found."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return
    if chromium is None:
        return
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for number in range(PAINTS + 1):
            for paints, each in ((found.paints, url), (found.empty_paints, EMPTY)):
                page = browser.new_page()
                page.goto(each)
                paint = page.evaluate(FIRST_PAINT) / 1000
                page.close()
                if number:  # the first warms the server and the browser
                    paints.append(paint)
        browser.close()


if __name__ == "__main__":
    _client(int(sys.argv[1]), int(sys.argv[2]))
