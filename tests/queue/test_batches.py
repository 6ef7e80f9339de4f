"""Operations that are taken together: what becomes of the others when one fails or takes long."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

import pytest

from medianest.queue.runner import Handler, QueueRunner
from medianest.resilience import ManualClock, remaining
from tests.queue.handling import Upstream, states
from tests.support.narrowing import not_none

TIME = 48.0
"""Seconds that those who are taken together have: four fifths of their lease."""


def test_an_outage_in_the_middle_leaves_the_others_untried(
    runner: QueueRunner, put: Callable[..., list[str]], upstream: Upstream
) -> None:
    """Keeps out: a service that has just failed is asked for all the rest as well."""
    ids = put(*map(str, range(20)))

    def fails_at_the_tenth(payload: Mapping[str, Any]) -> str:
        upstream.calls.append(payload)
        if len(upstream.calls) == 10:
            raise ConnectionError("down")
        return "ok"

    runner.register(
        Handler(name="h", service="svc", execute=fails_at_the_tenth, outages=(ConnectionError,))
    )
    assert runner.run_due("h") == 10  # 1, 2, 4, and three of the next eight
    assert len(upstream.calls) == 10
    assert states(runner, ids) == ["done"] * 9 + ["pending"] * 11
    attempts = [not_none(runner.queue.get(one)).attempts for one in ids]
    assert attempts == [1] * 10 + [0] * 10


@pytest.mark.parametrize(("takes", "left"), [(TIME / 2, TIME / 2), (TIME / 2 + 1, TIME)])
def test_nobody_begins_with_less_than_half_of_the_time(
    runner: QueueRunner, put: Callable[..., list[str]], clock: ManualClock, takes: Any, left: Any
) -> None:
    """One that would is taken again with the next, and then has all of it; it counts once, when it
    is tried."""
    had: list[float | None] = []

    def execute(payload: Mapping[str, Any]) -> str:
        had.append(remaining())
        clock.advance(takes if len(had) == 2 else 0)
        return "ok"

    ids = put("first", "second", "third")
    runner.register(Handler(name="h", service="svc", execute=execute))
    assert runner.run_due("h") == 3
    assert had == [TIME, TIME, left]
    assert states(runner, ids) == ["done"] * 3


def test_several_at_once_know_in_whose_context_they_are_done(
    runner: QueueRunner, put: Callable[..., list[str]]
) -> None:
    """Keeps out: log lines of background work without the name of the work."""
    work, seen = ContextVar("work", default="unknown"), []
    put("first", "second", "third")
    runner.register(
        Handler(
            name="h",
            service="svc",
            execute=lambda payload: seen.append(work.get()),
            concurrency=2,
        )
    )
    token = work.set("queue")
    try:
        runner.run_due("h")
    finally:
        work.reset(token)
    assert seen == ["queue"] * 3


def test_no_more_are_done_at_once_than_the_handler_allows(
    runner: QueueRunner, put: Callable[..., list[str]]
) -> None:
    third, lock, inside, most = threading.Event(), threading.Lock(), [0], [0]

    def execute(payload: Mapping[str, Any]) -> str:
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            if inside[0] > 2:
                third.set()
        third.wait(0.01)
        with lock:
            inside[0] -= 1
        return "ok"

    ids = put(*map(str, range(7)))
    runner.register(Handler(name="h", service="svc", execute=execute, concurrency=2))
    assert runner.run_due("h") == 7  # one, two, and four that are taken together
    assert (states(runner, ids), most) == (["done"] * 7, [2])


def test_slow_ones_are_taken_together_as_many_as_are_done_at_once(
    runner: QueueRunner,
    put: Callable[..., list[str]],
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken, claim = [], runner.queue.claim_many

    def claim_many(handler: str, most: int, **held: Any) -> Any:
        taken.append(most)
        return claim(handler, most, **held)

    monkeypatch.setattr(runner.queue, "claim_many", claim_many)
    put(*map(str, range(6)))
    runner.register(
        Handler(name="h", service="svc", execute=lambda payload: clock.advance(1), concurrency=2)
    )
    assert runner.run_due("h") == 6
    assert taken == [1, 2, 2, 2, 2]
