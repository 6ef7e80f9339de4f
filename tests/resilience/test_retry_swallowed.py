"""What an inner retry gave up on, and what fails later for another reason."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn

import pytest

from medianest.resilience import Fallback, ManualClock, MemoryLastGood, Pipeline, Retry
from medianest.resilience.given_up import GIVEN_UP


@pytest.fixture
def make_retry(clock: ManualClock) -> Callable[..., Retry]:
    def make(**options: Any) -> Retry:
        return Retry(clock=clock, max_attempts=3, initial_delay=0, **options)

    return make


@pytest.fixture
def inner(make_retry: Callable[..., Retry]) -> Retry:
    return make_retry(name="inner")


@pytest.fixture
def outer(make_retry: Callable[..., Retry]) -> Retry:
    return make_retry(name="outer")


class Upstream:
    def __init__(self, error: type[TimeoutError] | type[ConnectionError] = ConnectionError) -> None:
        self.error, self.calls = error, 0

    def __call__(self) -> NoReturn:
        self.calls += 1
        raise self.error


def attempts(retry: Retry, call: Callable[[], None]) -> int:
    """How often a call that fails in the end is made."""
    made = []

    def counted() -> None:
        made.append(1)
        call()

    with pytest.raises(Exception):  # noqa: B017, PT011 whatever it is
        retry.call(counted)
    return len(made)


def test_another_call_that_fails_after_a_swallowed_one_is_retried(
    inner: Retry, outer: Retry
) -> None:
    """Keeps out: an outer retry that a failure nobody cared about had turned off."""
    other = Upstream(TimeoutError)

    def work() -> None:
        with suppress(ConnectionError):
            inner.call(Upstream())
        other()

    assert attempts(outer, work) == 3
    assert other.calls == 3


def test_a_failure_after_another_retry_that_succeeded_is_retried(
    inner: Retry, outer: Retry, make_retry: Callable[..., Retry]
) -> None:
    def work() -> NoReturn:
        with suppress(ConnectionError):
            inner.call(Upstream())
        make_retry(name="other").call(int)
        raise TimeoutError

    assert attempts(outer, work) == 3


def test_a_failure_after_a_call_that_swallowed_one_and_succeeded_is_retried(
    inner: Retry, outer: Retry, make_retry: Callable[..., Retry]
) -> None:
    def swallowing() -> None:
        with suppress(ConnectionError):
            inner.call(Upstream())

    def work() -> NoReturn:
        make_retry(name="middle").call(swallowing)
        raise TimeoutError

    assert attempts(outer, work) == 3


def test_in_a_loop_what_fails_after_a_swallowed_one_is_retried(inner: Retry, outer: Retry) -> None:
    steps: list[Callable[[], object]] = [
        lambda: inner.call(Upstream()),
        Upstream(TimeoutError),
    ]

    def work() -> None:
        for step in steps:
            with suppress(ConnectionError):
                step()

    assert attempts(outer, work) == 3


def test_an_attempt_is_not_blamed_for_the_one_before(inner: Retry, outer: Retry) -> None:
    """The first attempt swallowed a failure, the second fails in the same frame."""
    made = []

    def work() -> NoReturn:
        made.append(1)
        if len(made) == 1:
            with suppress(ConnectionError):
                inner.call(Upstream())
            Upstream(TimeoutError)()
        raise TimeoutError

    with pytest.raises(TimeoutError):
        outer.call(work)
    assert len(made) == 3


@pytest.mark.parametrize("between", [None, "fallback"])
def test_what_is_raised_anew_further_out_is_not_retried_again(
    inner: Retry, outer: Retry, between: str | None
) -> None:
    """Nine calls, if the frame that swallowed had to be the one that raises."""
    upstream = Upstream()

    def fetch() -> object:
        try:
            return inner.call(upstream)
        except ConnectionError:
            return None

    def client() -> None:
        if fetch() is None:
            raise RuntimeError("no libraries")

    inside = [] if between is None else [Fallback(last_good=MemoryLastGood(60))]
    with pytest.raises(RuntimeError):
        Pipeline("plex", [outer, *inside]).call(client)
    assert upstream.calls == 3


def test_what_is_raised_anew_in_a_later_attempt_is_not_retried_again(
    inner: Retry, outer: Retry
) -> None:
    upstream, made = Upstream(), []

    def client() -> NoReturn:
        made.append(1)
        if len(made) == 1:
            raise TimeoutError
        with suppress(ConnectionError):
            inner.call(upstream)
        raise RuntimeError("no libraries")

    with pytest.raises(RuntimeError):
        outer.call(client)
    assert (len(made), upstream.calls) == (2, 3)


def test_nothing_is_remembered_longer_than_it_may_matter(inner: Retry) -> None:
    """Keeps out: a look at the context in each call from the first failure on."""
    GIVEN_UP.answered()
    before = set(GIVEN_UP.pending)
    with pytest.raises(ConnectionError):
        inner.call(Upstream())
    assert len(GIVEN_UP.pending - before) == 1
    inner.call(int)
    assert not GIVEN_UP.pending - before
