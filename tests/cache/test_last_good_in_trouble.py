"""Last good answers while Redis is away, full or odd: memory alone, and no caller sees it."""

import logging
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from redis import Redis

from medianest.cache.last_good import TieredLastGood
from medianest.cache.redis import RedisServer
from medianest.resilience import Deadline, ManualClock
from tests.cache.keeping import IN_REDIS, put
from tests.support.narrowing import not_none
from tests.support.valkey import ValkeyProcess


@pytest.mark.parametrize("value", [b"", b"nonsense", b'{"a": 1}', b"[1, 2]", b"[" * 100_000, b"[]"])
def test_what_another_version_wrote_is_ignored_and_replaced(
    worker: Callable[..., TieredLastGood[Any]], clock: ManualClock, raw: Redis, value: bytes
) -> None:
    stamp = round(clock.utc().timestamp() * 1000)
    raw.set(IN_REDIS, b"%d %b" % (stamp, value))
    store = worker()
    assert store.get(()) is None
    assert not_none(store.snapshot().redis).misses == 1
    put(store, "a")
    assert not_none(worker().get(()))[0] == ("a",)


@pytest.mark.parametrize("element", [b"{}", b"[]", b"1", b'"\\ud83c"', b"[[[]]]"])
def test_a_flood_in_redis_is_no_answer_and_costs_little(
    worker: Callable[..., TieredLastGood[Any]], clock: ManualClock, raw: Redis, element: bytes
) -> None:
    """Keeps out: 1 MiB of {} that becomes a gigabyte of faults."""
    stamp = round(clock.utc().timestamp() * 1000)
    for number in (size // (len(element) + 1) for size in (500_000, 20_000_000)):
        raw.set(IN_REDIS, b"%d [%b]" % (stamp, b",".join([element] * number)))
        tracemalloc.start()
        assert worker().get(()) is None
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 5_000_000


def test_an_answer_that_is_too_large_for_redis_is_in_memory(
    worker: Callable[..., TieredLastGood[Any]], raw: Redis
) -> None:
    store = worker()
    put(store, "x" * 2_000_000)
    assert not raw.exists(IN_REDIS)
    assert not_none(store.get(()))[0] == ("x" * 2_000_000,)


def test_without_redis_it_is_memory_alone(worker: Callable[..., TieredLastGood[Any]]) -> None:
    store = worker(redis=None)
    assert store.get(()) is None
    put(store, "a")
    assert not_none(store.get(()))[0] == ("a",)
    figures = store.snapshot()
    assert (figures.redis, figures.written, figures.not_written) == (None, 0, 0)
    assert (figures.hits, figures.misses, figures.hit_rate) == (1, 1, 0.5)


def test_a_dead_redis_is_never_seen(
    worker: Callable[..., TieredLastGood[Any]],
    open_redis: Callable[..., RedisServer],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Keeps out: an answer that was there, lost to the trouble of what was to keep it."""
    store = worker(redis=open_redis("redis://127.0.0.1:1"))
    with caplog.at_level(logging.WARNING):
        for number in range(20):
            put(store, "a", key=(number,))
            assert not_none(store.get((number,)))[0] == ("a",)
            assert store.get((number, "unknown")) is None
    figures = store.snapshot()
    assert (figures.written, figures.not_written) == (0, 20)
    assert (not_none(figures.redis).failures, figures.memory.served) == (20, 20)
    assert len(caplog.records) <= 2  # one for reading, one for writing


def test_a_redis_that_is_killed_and_comes_back_empty_is_filled_again(
    worker: Callable[..., TieredLastGood[Any]],
    open_redis: Callable[..., RedisServer],
    clock: ManualClock,
) -> None:
    valkey = ValkeyProcess()
    try:
        server = open_redis(valkey.url)
        store = worker(redis=server)
        put(store, "a")
        valkey.kill()
        clock.advance(5)
        put(store, "b")
        valkey.start()
        clock.advance(5)
        put(store, "c")
        assert not_none(worker(redis=server).get(()))[0] == ("c",)
    finally:
        valkey.stop()


def test_a_full_redis_keeps_answers_in_memory(
    worker: Callable[..., TieredLastGood[Any]], open_redis: Callable[..., RedisServer]
) -> None:
    valkey = ValkeyProcess(maxmemory="1mb", maxmemory_policy="noeviction")
    try:
        store = worker(redis=open_redis(valkey.url))
        put(store, "a")
        assert not_none(store.get(()))[0] == ("a",)
        assert store.snapshot().not_written == 1
    finally:
        valkey.stop()


def test_a_key_of_another_type_is_no_answer(
    worker: Callable[..., TieredLastGood[Any]], raw: Redis
) -> None:
    raw.lpush(IN_REDIS, "x")
    store = worker()
    assert store.get(()) is None
    put(store, "a")
    assert not_none(worker().get(()))[0] == ("a",)


def test_a_request_that_is_over_is_answered_from_memory(
    worker: Callable[..., TieredLastGood[Any]],
) -> None:
    store = worker()
    put(store, "a")
    with Deadline(0.001).scope():
        put(store, "b", key=("late",))
        assert not_none(store.get(("late",)))[0] == ("b",)
        assert store.get(("unknown",)) is None


def test_a_key_that_json_cannot_hold_is_complained_of_once_and_kept_in_memory(
    worker: Callable[..., TieredLastGood[Any]], caplog: pytest.LogCaptureFixture
) -> None:
    store = worker()
    for number in range(3):
        key = (object(), number)
        put(store, "a", key=key)
        assert not_none(store.get(key))[0] == ("a",)
    assert [r.getMessage() for r in caplog.records] == [
        "last good answers of plex:libraries cannot be shared"
    ]
