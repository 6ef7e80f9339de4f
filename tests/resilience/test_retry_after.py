"""Whoever asks to be left alone for some seconds is, where that is not too long."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from medianest.resilience import (
    ManualClock,
    Retry,
)
from tests.resilience.retrying import AnswerError, Upstream, always


@pytest.mark.parametrize("asked", ["7", 7, "7.0", "Thu, 01 Jan 2026 00:00:07 GMT"])
def test_a_retry_after_is_waited_for(
    make_retry: Callable[..., Retry], clock: ManualClock, asked: str | int
) -> None:
    make_retry(random=lambda: 0.0).call(Upstream(AnswerError(503, Retry_After=asked)))
    assert clock.slept == [7]


def test_a_retry_after_may_stand_on_the_error_itself(
    make_retry: Callable[..., Retry], clock: ManualClock
) -> None:
    error: Any = ConnectionError()
    error.retry_after = 7
    make_retry(random=lambda: 0.0).call(Upstream(error))
    assert clock.slept == [7]


def test_a_shorter_retry_after_does_not_shorten_the_wait(
    make_retry: Callable[..., Retry], clock: ManualClock
) -> None:
    make_retry(initial_delay=5).call(Upstream(AnswerError(503, Retry_After="1")))
    assert clock.slept == [5]


@pytest.mark.parametrize("asked", ["soon", "nan", "-5", "Wed, 21 Oct 2015 07:28:00 GMT"])
def test_a_retry_after_that_is_no_number_of_seconds_is_passed_over(
    make_retry: Callable[..., Retry], clock: ManualClock, asked: str
) -> None:
    make_retry(initial_delay=1).call(Upstream(AnswerError(503, Retry_After=asked)))
    assert clock.slept == [1]


@pytest.mark.parametrize("asked", ["3600", "inf"])
def test_a_retry_after_beyond_max_delay_is_not_waited_for(
    make_retry: Callable[..., Retry], clock: ManualClock, asked: str
) -> None:
    upstream = always(AnswerError(503, Retry_After=asked))
    with pytest.raises(AnswerError) as caught:
        make_retry(max_delay=30).call(upstream)
    assert (upstream.calls, clock.slept) == (1, [])
    assert "longer than max_delay" in caught.value.__notes__[0]
