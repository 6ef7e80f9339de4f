"""Numbers of things, in words."""

from typing import Any, NoReturn

import pytest

from medianest.resilience import CircuitBreaker, ManualClock, Retry
from medianest.resilience.counted import counted


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0 calls"), (1, "1 call"), (2, "2 calls"), (11, "11 calls")]
)
def test_one_is_not_several(number: int, words: str) -> None:
    assert counted(number, "call") == words


def test_what_is_not_made_with_an_s_is_given() -> None:
    assert counted(1, "breaker is", "breakers are") == "1 breaker is"
    assert counted(2, "breaker is", "breakers are") == "2 breakers are"


@pytest.mark.parametrize("counting", ["window", "consecutive"])
def test_a_breaker_that_opens_at_once_says_so_in_the_singular(
    clock: ManualClock, counting: Any
) -> None:
    """Keeps out: "1 failures in a row"."""
    breaker = CircuitBreaker("plex", failure_threshold=1, counting=counting, clock=clock)
    with pytest.raises(ZeroDivisionError):
        breaker.call(lambda: 1 / 0)
    assert breaker.snapshot().reason in ("1 failure in a row", "1 of 1 call failed")


def test_who_gives_up_after_the_first_attempt_says_so_in_the_singular(clock: ManualClock) -> None:
    """Keeps out: "after 1 attempts"."""
    error: Any = ConnectionError()
    error.retry_after = 3600
    with pytest.raises(ConnectionError) as caught:
        Retry(clock=clock).call(_raise, error)
    assert "after 1 attempt: it asked to wait" in caught.value.__notes__[0]


def _raise(error: ConnectionError) -> NoReturn:
    raise error
