"""What an answer may cost: less than four times what a healthy one of its size costs.

Keeps out: 1 MiB of {} that took 1.2 GiB and 12 seconds, and 10 MiB that ended the worker.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest

from tests.support.answering import AnsweringServer
from tests.support.floods import FLOODS, healthy
from tests.support.narrowing import not_none
from tests.support.valkey import ValkeyProcess

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="the peak is read from /proc"
)

SIZE = 32 * 1024 * 1024 - 100
"""The largest answer that is read."""

IN_REDIS = "medianest:last-good:v1:plex:recent:[]"

MEASURED = """
import os, sys, time

def peak():
    with open("/proc/self/status") as status:  # not getrusage: a child begins with its parent's
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))

{prepare}
for _ in sys.stdin:
    if child := os.fork():
        if os.waitpid(child, 0)[1]:
            sys.exit("it ended the worker")
        continue
    {warm}
    started, began = peak(), time.process_time()
    {ask}
    print(peak() - started, time.process_time() - began, flush=True)
    os._exit(0)
"""

OF_PLEX = MEASURED.format(
    prepare="""
from medianest.config import PlexSettings
from medianest.media.errors import MediaError
from medianest.media.plex.client import PlexClient
client = PlexClient(sys.argv[1], PlexSettings(url=sys.argv[1], timeout=60))

def ask():
    try:
        client.recently_added(50)
    except MediaError:
        pass
""",
    warm="",
    ask="ask()",
)

OF_REDIS = MEASURED.format(
    prepare="""
from medianest.config import RedisSettings
from pydantic import TypeAdapter
from medianest.media.answer import Answer
from medianest.media.plex.models import Items
from medianest.resilience import ResilienceService
from medianest.resilience.clock import SystemClock
from medianest.cache.last_good import TieredLastGood
from medianest.cache.redis import RedisServer
redis = RedisServer(sys.argv[1], RedisSettings(timeout=60), ResilienceService(), threads=8)
kept = TypeAdapter(Answer[Items])
store = TieredLastGood("plex:recent", 86400, kept, clock=SystemClock(), redis=redis)
""",
    warm='store.get(("nothing",))',
    ask="store.get(())",
)


class Worker:
    """Asks a question in a process of its own each time, which is forked: to load what it needs
    takes longer than most answers."""

    def __init__(self, program: str, url: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", program, url], stdin=PIPE, stdout=PIPE, text=True
        )

    def cost(self) -> tuple[int, float]:
        """What that took: KiB, and seconds of a processor."""
        process = self._process
        not_none(process.stdin).write("ask\n")
        not_none(process.stdin).flush()
        memory, seconds = not_none(process.stdout).readline().split()
        return int(memory), float(seconds)

    def stop(self) -> None:
        self._process.communicate(timeout=10)


@pytest.fixture(scope="module")
def cost_of() -> Iterator[Callable[[bytes], tuple[int, float]]]:
    """`cost_of(body)` is what a worker takes to read it from Plex."""
    server = AnsweringServer()
    worker = Worker(OF_PLEX, server.url)

    def measure(body: bytes) -> tuple[int, float]:
        server.body = body
        return worker.cost()

    yield measure
    worker.stop()
    server.stop()


@pytest.fixture(scope="module")
def cost_of_a_healthy_one(cost_of: Callable[[bytes], tuple[int, float]]) -> tuple[int, float]:
    return cost_of(healthy(SIZE))


@pytest.mark.slow
@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_a_flood_costs_less_than_four_healthy_answers(
    cost_of: Callable[[bytes], tuple[int, float]],
    cost_of_a_healthy_one: tuple[int, float],
    flood: Callable[..., Any],
) -> None:
    memory, seconds = cost_of(flood(SIZE))
    assert memory < 4 * cost_of_a_healthy_one[0]
    assert seconds < 4 * cost_of_a_healthy_one[1]


def kept(items: bytes) -> bytes:
    """As it stands in Redis."""
    now = round(time.time() * 1000)
    head = b'%d {"as_of":"2026-01-01T00:00:00Z","degraded":false,"age":0,"value":['
    return head % now + items + b"]}"


Cost = Callable[[bytes, int], tuple[int, float]]


@pytest.fixture(scope="module")
def cost_in_redis(valkey_process: ValkeyProcess) -> Iterator[Cost]:
    """`cost_in_redis(element, number)` is what a worker takes to read so many of it from Redis."""
    worker = Worker(OF_REDIS, valkey_process.url)

    def measure(element: bytes, number: int) -> tuple[int, float]:
        with valkey_process.client() as client:
            client.set(IN_REDIS, kept(b",".join([element] * number))[: 32 * 1024 * 1024])
        return worker.cost()

    yield measure
    worker.stop()


@pytest.fixture(scope="module")
def cost_of_a_healthy_one_in_redis(cost_in_redis: Cost) -> tuple[int, float]:
    item = b'{"rating_key":"7","title":"Alba","type":"movie","summary":"%s"}' % (b"x" * 900)
    return cost_in_redis(item, 1000)


@pytest.mark.slow
@pytest.mark.parametrize("element", [b"{}", b"[]", b'{"title":"x","type":"x","year":[]}'])
def test_a_flood_in_redis_costs_less_than_four_healthy_answers(
    valkey: ValkeyProcess,
    cost_in_redis: Cost,
    cost_of_a_healthy_one_in_redis: tuple[int, float],
    element: bytes,
) -> None:
    for number in (12_000, 5_000_000):
        memory, seconds = cost_in_redis(element, number)
        assert memory < 4 * cost_of_a_healthy_one_in_redis[0]
        assert seconds < 4 * cost_of_a_healthy_one_in_redis[1] + 0.1
