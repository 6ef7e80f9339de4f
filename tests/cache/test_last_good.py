"""Last good answers in memory and in a real Valkey: shared, never older, and never in the way."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from redis import Redis

from medianest.cache import last_good
from medianest.cache.last_good import TieredLastGood
from medianest.resilience import ManualClock
from tests.cache.keeping import DAY, IN_REDIS, put
from tests.support.narrowing import not_none


def test_memory_answers_first(worker: Callable[..., TieredLastGood[Any]]) -> None:
    store = worker()
    put(store, "a")
    assert store.get(()) == (("a",), 0.0)
    figures = store.snapshot()
    assert (figures.memory.hits, figures.memory.served) == (1, 1)
    assert (not_none(figures.redis).hits, not_none(figures.redis).misses) == (0, 0)


def test_an_answer_outlives_the_worker_with_its_age(
    worker: Callable[..., TieredLastGood[Any]], clock: ManualClock
) -> None:
    put(worker(), "a", asked_ago=5)
    clock.advance(85)
    store = worker()
    value, age = not_none(store.get(()))
    assert (value, age) == (("a",), pytest.approx(90, abs=0.001))
    clock.advance(10)
    assert not_none(store.get(()))[1] == pytest.approx(100, abs=0.001)  # from its own memory now
    figures = store.snapshot()
    assert (not_none(figures.redis).served, figures.memory.served, figures.entries) == (1, 1, 1)


def test_an_answer_grows_old_while_the_machine_sleeps(
    worker: Callable[..., TieredLastGood[Any]], clock: ManualClock
) -> None:
    store = worker(redis=None)
    put(store, "a")
    clock.suspend(DAY - 1)
    assert store.get(()) == (("a",), DAY - 1)
    clock.suspend(2)
    assert store.get(()) is None


def test_no_shared_answer_grows_old_as_the_clock_is_set_forward(
    worker: Callable[..., TieredLastGood[Any]], clock: ManualClock
) -> None:
    store, reader = worker(), worker()
    put(store, "a")
    clock.advance(5)
    clock.set_by(30 * DAY)
    assert reader.get(()) == (("a",), pytest.approx(5, abs=0.01))


def test_the_age_ends_an_answer_wherever_it_is(
    worker: Callable[..., TieredLastGood[Any]], clock: ManualClock, raw: Redis
) -> None:
    old, store = worker(), worker()
    put(old, "a", asked_ago=100)
    assert (DAY - 101) * 1000 < raw.pttl(IN_REDIS) <= (DAY - 100) * 1000
    clock.advance(DAY - 99)
    assert store.get(()) is None
    assert old.get(()) is None


def test_an_answer_that_is_too_old_already_is_not_shared(
    worker: Callable[..., TieredLastGood[Any]], raw: Redis
) -> None:
    put(worker(), "a", asked_ago=DAY)
    assert not raw.exists(IN_REDIS)


def test_an_answer_that_took_longer_never_replaces_a_newer_one(
    worker: Callable[..., TieredLastGood[Any]],
) -> None:
    slow, quick = worker(), worker()
    put(quick, "new", asked_ago=1)
    put(slow, "old", asked_ago=30)
    assert not_none(worker().get(()))[0] == ("new",)
    assert not_none(slow.get(()))[0] == ("old",)  # young enough not to ask further


def test_a_newer_answer_of_another_worker_is_served_when_ones_own_is_old(
    worker: Callable[..., TieredLastGood[Any]], clock: ManualClock
) -> None:
    mine, other = worker(), worker()
    put(mine, "old")
    clock.advance(600)
    put(other, "new")
    clock.advance(1)
    assert mine.get(()) == (("new",), pytest.approx(1, abs=0.001))


def test_redis_is_asked_seldom_by_who_has_an_old_answer(
    worker: Callable[..., TieredLastGood[Any]], clock: ManualClock
) -> None:
    store = worker()
    put(store, "a")
    clock.advance(600)
    for _ in range(100):
        store.get(())
    assert not_none(store.snapshot().redis).hits == 1
    clock.advance(5)
    store.get(())
    assert not_none(store.snapshot().redis).hits == 2


def test_many_answers_are_one_write(
    worker: Callable[..., TieredLastGood[Any]], clock: ManualClock, raw: Redis
) -> None:
    store = worker()
    for _ in range(100):
        put(store, "a")
    assert store.snapshot().written == 1
    clock.advance(5)
    put(store, "b")
    assert store.snapshot().written == 2
    kept = raw.get(IN_REDIS)
    assert isinstance(kept, bytes)
    assert kept.endswith(b'["b"]')


def test_what_is_not_good_is_not_shared(
    worker: Callable[..., TieredLastGood[Any]], raw: Redis
) -> None:
    store = worker()
    put(store)
    assert not raw.exists(IN_REDIS)
    put(store, "a")
    put(store)
    assert not_none(worker().get(()))[0] == ("a",)


@pytest.mark.parametrize("key", [("1",), (1,), ('"1"',), ("1", 0, 2), ("ü\ud800",), ("x" * 5000,)])
def test_answers_are_kept_apart_by_their_keys(
    worker: Callable[..., TieredLastGood[Any]], key: tuple[str | int, ...]
) -> None:
    put(worker(), "other", key=("something", "else"))
    put(worker(), "a", key=key)
    assert not_none(worker().get(key))[0] == ("a",)
    assert worker().get((*key, None)) is None


def test_clients_that_page_through_everything_leave_few_keys_in_redis(
    worker: Callable[..., TieredLastGood[Any]], raw: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(last_good, "_MOST_SHARED", 20)
    for number in range(100):
        put(worker(), "a", key=(number,))
    assert raw.dbsize() == 21
    assert not_none(worker().get((99,)))[0] == ("a",)


def test_an_age_is_never_negative_and_a_wrong_clock_is_not_believed(
    worker: Callable[..., TieredLastGood[Any]], clock: ManualClock, raw: Redis
) -> None:
    now = clock.utc().timestamp()
    raw.set(IN_REDIS, b'%d ["a"]' % round((now + 30) * 1000))
    assert worker().get(()) == (("a",), 0.0)
    raw.set(IN_REDIS, b'%d ["a"]' % round((now + 86400) * 1000))
    assert worker().get(()) is None
    put(worker(), "b")
    assert not_none(worker().get(()))[0] == ("b",)


def test_before_the_first_look_up_there_is_no_rate(
    worker: Callable[..., TieredLastGood[Any]],
) -> None:
    assert worker().snapshot().hit_rate is None


def test_it_keeps_as_many_answers_in_memory_as_it_may(
    worker: Callable[..., TieredLastGood[Any]],
) -> None:
    store = worker(max_entries=3)
    for number in range(10):
        put(store, "a", key=(number,))
    assert store.snapshot().entries == 3
    assert not_none(store.get((0,)))[0] == ("a",)  # from Redis


def test_many_threads_of_two_workers_agree(
    worker: Callable[..., TieredLastGood[Any]], clock: ManualClock
) -> None:
    stores, gate = [worker(), worker()], threading.Barrier(8)
    for number in range(7):  # or a thread might look while another one still writes
        put(stores[0], "first", key=(number,))

    def run(place: int) -> None:
        gate.wait(10)
        for number in range(200):
            put(stores[place % 2], f"{number}", key=(number % 7,))
            assert stores[(place + 1) % 2].get((number % 7,)) is not None

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(run, place) for place in range(8)]:
            done.result(30)
    assert stores[0].snapshot().written <= 7
    for store in stores:
        figures = store.snapshot()
        assert figures.hits == figures.memory.served + not_none(figures.redis).served == 800
