"""Retries never multiply: of two around one call, one retries."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, NoReturn

import pytest

from medianest.resilience import Coalesce, Fallback, ManualClock, Pipeline, Retry

SINGLETON = ConnectionError("always the same instance")


class OddAttributesError(Exception):
    def __getattr__(self, name: str) -> object:
        return object()


class FrozenError(Exception):
    def __setattr__(self, name: str, value: int | list[str]) -> NoReturn:
        raise RuntimeError("nothing can be set")


class Upstream:
    def __init__(self, make_error: Any = ConnectionError) -> None:
        self.make_error = make_error
        self.calls = 0

    def __call__(self) -> NoReturn:
        self.calls += 1
        raise self.make_error()


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


def test_three_attempts_in_three_attempts_make_three_calls(inner: Retry, outer: Retry) -> None:
    upstream = Upstream()
    with pytest.raises(ConnectionError) as caught:
        outer.call(inner.call, upstream)
    assert upstream.calls == 3
    assert vars(caught.value)["attempts"] == 3


def test_three_levels_make_three_calls_as_well(
    inner: Retry, outer: Retry, make_retry: Callable[..., Retry]
) -> None:
    upstream = Upstream()
    with pytest.raises(ConnectionError):
        make_retry().call(lambda: outer.call(inner.call, upstream))
    assert upstream.calls == 3


def test_retries_in_nested_pipelines_do_not_multiply(inner: Retry, outer: Retry) -> None:
    upstream = Upstream()
    with pytest.raises(ConnectionError):
        Pipeline("outer", [outer, Pipeline("inner", [inner])]).call(upstream)
    assert upstream.calls == 3


def test_an_inner_failure_turned_into_another_error_is_not_retried_again(
    inner: Retry, outer: Retry
) -> None:
    upstream = Upstream()

    def client() -> None:
        try:
            inner.call(upstream)
        except ConnectionError:
            raise RuntimeError("no libraries") from None

    with pytest.raises(RuntimeError):
        outer.call(client)
    assert upstream.calls == 3


def raise_anew(call: Callable[..., Any], *args: Upstream) -> None:
    try:
        call(*args)
    except ConnectionError:
        failed = True
    if failed:
        raise RuntimeError("no libraries")


def test_an_error_raised_anew_without_a_cause_is_not_retried_again(
    inner: Retry, outer: Retry
) -> None:
    """Keeps out: nine calls, where nothing of the error that was given up on is left."""
    upstream = Upstream()
    with pytest.raises(RuntimeError) as caught:
        outer.call(raise_anew, inner.call, upstream)
    assert upstream.calls == 3
    assert caught.value.__context__ is None


def test_an_error_raised_anew_in_a_flight_is_not_retried_again(inner: Retry, outer: Retry) -> None:
    upstream = Upstream()
    with pytest.raises(RuntimeError):
        Pipeline("plex", [outer, Coalesce()]).call(raise_anew, inner.call, upstream)
    assert upstream.calls == 3


@pytest.mark.parametrize("make", [OddAttributesError, FrozenError])
def test_an_odd_error_is_raised_as_it_is_after_as_many_calls(
    inner: Retry, outer: Retry, make: type[FrozenError] | type[OddAttributesError]
) -> None:
    """Keeps out: the TypeError of a look at its attributes, in the place of the error."""
    upstream = Upstream(make)
    with pytest.raises(make):
        outer.call(inner.call, upstream)
    assert upstream.calls == 3


@pytest.mark.parametrize("round_", range(3))
def test_the_same_instance_raised_each_time_is_not_taken_for_given_up(
    inner: Retry, outer: Retry, round_: int
) -> None:
    upstream = Upstream(lambda: SINGLETON)
    with pytest.raises(ConnectionError):
        outer.call(inner.call, upstream)
    assert upstream.calls == 3


def test_the_same_instance_is_retried_again_in_the_next_call(inner: Retry) -> None:
    for _ in range(3):
        upstream = Upstream(lambda: SINGLETON)
        with pytest.raises(ConnectionError):
            inner.call(upstream)
        assert upstream.calls == 3


def test_an_inner_error_not_worth_retrying_after_retries_does_not_multiply(
    outer: Retry, make_retry: Callable[..., Retry]
) -> None:
    errors: list[Exception] = []
    inner = make_retry(retry_on=ConnectionError)

    def upstream() -> NoReturn:
        errors.append(ConnectionError() if len(errors) % 2 == 0 else KeyError())
        raise errors[-1]

    with pytest.raises(KeyError):
        outer.call(inner.call, upstream)
    assert len(errors) == 2


def test_an_inner_retry_that_never_tried_again_leaves_it_to_the_outer(
    outer: Retry, clock: ManualClock
) -> None:
    upstream, single = Upstream(), Retry(max_attempts=1, clock=clock)
    with pytest.raises(ConnectionError):
        outer.call(single.call, upstream)
    assert upstream.calls == 3


def test_an_inner_retry_that_succeeds_leaves_the_outer_free_to_retry(
    inner: Retry, outer: Retry
) -> None:
    attempts = []

    def flaky_then_bad() -> NoReturn:
        def flaky() -> None:
            attempts.append(1)
            if len(attempts) % 2:
                raise ConnectionError

        inner.call(flaky)
        raise TimeoutError

    with pytest.raises(TimeoutError):
        outer.call(flaky_then_bad)
    assert len(attempts) == 6


def test_a_call_after_one_that_gave_up_is_retried(inner: Retry, outer: Retry) -> None:
    with pytest.raises(ConnectionError):
        outer.call(inner.call, Upstream())
    upstream = Upstream()
    with pytest.raises(ConnectionError):
        outer.call(upstream)
    assert upstream.calls == 3


def test_another_thread_that_gives_up_does_not_stop_this_one(inner: Retry, outer: Retry) -> None:
    def give_up_elsewhere() -> None:
        def give_up() -> None:
            with pytest.raises(ConnectionError):
                inner.call(Upstream())

        thread = threading.Thread(target=give_up)
        thread.start()
        thread.join(10)

    calls = []

    def call() -> NoReturn:
        calls.append(1)
        give_up_elsewhere()
        raise ConnectionError

    with pytest.raises(ConnectionError):
        outer.call(call)
    assert len(calls) == 3


def test_a_fallback_between_them_ends_the_failure(inner: Retry, outer: Retry) -> None:
    upstream = Upstream()
    pipeline = Pipeline("plex", [outer, Fallback(value="default"), inner])
    assert pipeline.call(upstream) == "default"
    assert upstream.calls == 3
