"""What counts as given up within a call, where other contexts give up meanwhile."""

from __future__ import annotations

from contextvars import copy_context
from typing import Any

import pytest

from medianest.resilience.given_up import GIVEN_UP
from medianest.resilience.outcome import reraise


@pytest.fixture
def given_up() -> Any:
    """As at the start of a process."""
    return type(GIVEN_UP)()


def elsewhere(given_up: Any, error: BaseException) -> None:
    """A retry in another context gives up on it."""
    copy_context().run(given_up.mark, error)


def raised(error: Exception) -> Exception:
    """The same error, with the place where it was raised."""
    with pytest.raises(type(error)) as caught:
        raise error
    return caught.value


def test_an_error_that_nobody_marked_is_none_of_the_first_that_was_given_up(given_up: Any) -> None:
    elsewhere(given_up, ConnectionError())
    assert given_up.latest == 1
    assert not given_up.on(raised(ValueError()), 0)


def test_one_that_was_given_up_before_the_call_is_not_given_up_in_it(given_up: Any) -> None:
    error = raised(ConnectionError())
    elsewhere(given_up, error)
    assert given_up.on(error, 0)
    before = given_up.latest
    elsewhere(given_up, TimeoutError())
    assert not given_up.on(error, before)


def test_what_this_context_gave_up_before_the_call_says_nothing_of_it(given_up: Any) -> None:
    given_up.mark(ConnectionError())
    before = given_up.latest
    elsewhere(given_up, TimeoutError())
    with pytest.raises(ValueError, match="anew") as caught:
        raise ValueError("anew")
    assert not given_up.on(caught.value, before)
    assert given_up.on(caught.value, before - 1)


@pytest.mark.parametrize("is_suppressed", [False, True])
def test_what_came_of_one_that_was_given_up_elsewhere_is_given_up(
    given_up: Any, is_suppressed: bool
) -> None:
    def make_another() -> None:
        try:
            raise marked
        except ConnectionError:
            if is_suppressed:
                raise ValueError("anew") from None
            raise ValueError("anew")  # noqa: B904 as many do

    marked = ConnectionError()
    elsewhere(given_up, marked)
    with pytest.raises(ValueError, match="anew") as caught:
        make_another()
    assert given_up.on(caught.value, 0)


def test_an_error_that_was_put_aside_counts_for_who_raises_it(given_up: Any) -> None:
    def give_up_and_raise_another() -> None:
        given_up.mark(ConnectionError())
        reraise(ValueError("put aside"))

    with pytest.raises(ValueError, match="put aside") as caught:
        give_up_and_raise_another()
    assert given_up.on(caught.value, 0)
