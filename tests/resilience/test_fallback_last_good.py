"""The last good answer in the place of a failed call: whose, how old, and which is kept."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, NoReturn

import pytest

from medianest.resilience import (
    ConfigurationError,
    Fallback,
    ManualClock,
    MemoryLastGood,
)
from tests.resilience.falling import broken, upstream


def test_the_last_good_answer_is_served_while_the_call_fails(store: MemoryLastGood[Any]) -> None:
    fallback = Fallback(last_good=store)
    assert fallback.call(upstream.up("good")) == "good"
    assert fallback.call(upstream.down()) == "good"


def test_each_set_of_arguments_has_its_own_last_good_answer(store: MemoryLastGood[Any]) -> None:
    fallback = Fallback(last_good=store)
    answers = {"up": True}

    @fallback
    def items(section: str, *, offset: int = 0) -> tuple[str, int]:
        if not answers["up"]:
            raise ConnectionError
        return (section, offset)

    items("movies", offset=0), items("movies", offset=50), items("shows", offset=0)
    answers["up"] = False
    assert items("movies", offset=50) == ("movies", 50)
    assert items("shows", offset=0) == ("shows", 0)
    with pytest.raises(ConnectionError):
        items("music")


def test_the_order_of_named_arguments_does_not_matter(store: MemoryLastGood[Any]) -> None:
    fallback = Fallback(last_good=store)
    fallback.call(upstream.up("good"), a=1, b=2)
    assert fallback.call(upstream.down(), b=2, a=1) == "good"


def test_a_key_function_names_the_answer(store: MemoryLastGood[Any]) -> None:
    fallback = Fallback(last_good=store, key=lambda request: request["path"])
    fallback.call(lambda request: "good", {"path": "/libraries"})
    assert fallback.call(broken, {"path": "/libraries"}) == "good"


def test_without_a_last_good_answer_the_handler_answers_or_the_error_passes(
    store: MemoryLastGood[Any],
) -> None:
    assert Fallback(lambda error: "default", last_good=store).call(broken) == "default"
    assert Fallback(value="default", last_good=store).call(broken) == "default"
    with pytest.raises(ConnectionError, match="down"):
        Fallback(last_good=store).call(broken)


def test_a_last_good_answer_goes_before_the_handler(store: MemoryLastGood[Any]) -> None:
    fallback = Fallback(lambda error: "default", last_good=store)
    fallback.call(upstream.up("good"))
    assert fallback.call(upstream.down()) == "good"


def test_an_answer_is_served_up_to_its_age_limit_and_not_beyond(
    store: MemoryLastGood[Any], clock: ManualClock
) -> None:
    fallback = Fallback(last_good=store, value="default")
    fallback.call(upstream.up("good"))
    clock.advance(60)
    assert fallback.call(upstream.down()) == "good"
    clock.advance(0.1)
    assert fallback.call(upstream.down()) == "default"


def test_serving_an_answer_does_not_make_it_younger(
    store: MemoryLastGood[Any], clock: ManualClock
) -> None:
    fallback = Fallback(last_good=store, value="default")
    fallback.call(upstream.up("good"))
    for _ in range(3):
        clock.advance(20)
        assert fallback.call(upstream.down()) == "good"
    clock.advance(1)
    assert fallback.call(upstream.down()) == "default"


def test_what_is_served_can_be_marked_with_its_age(
    store: MemoryLastGood[Any], clock: ManualClock
) -> None:
    fallback = Fallback(last_good=store, stale=lambda answer, age, error: (answer, age, str(error)))
    assert fallback.call(upstream.up("good")) == "good"
    clock.advance(7)
    assert fallback.call(upstream.down()) == ("good", 7, "down")


def test_an_answer_that_is_not_accepted_never_replaces_a_good_one(clock: ManualClock) -> None:
    store: MemoryLastGood[Any] = MemoryLastGood(
        60, accept=lambda answer: len(answer) > 0, clock=clock
    )
    fallback = Fallback(last_good=store)
    fallback.call(upstream.up(["a film"]))
    assert fallback.call(upstream.up([])) == []  # broken upstreams answer 200 with nothing
    assert fallback.call(upstream.down()) == ["a film"]


def test_the_least_recently_used_answer_goes_first(clock: ManualClock) -> None:
    store: MemoryLastGood[Any] = MemoryLastGood(60, max_entries=2, clock=clock)
    store.put("a", 1, store.now())
    store.put("b", 2, store.now())
    assert store.get("a") == (1, 0)
    store.put("c", 3, store.now())
    assert store.get("b") is None
    assert (store.get("a"), store.get("c")) == ((1, 0), (3, 0))


def test_a_newer_answer_replaces_the_older_and_takes_no_more_room(clock: ManualClock) -> None:
    store: MemoryLastGood[Any] = MemoryLastGood(60, max_entries=2, clock=clock)
    store.put("a", 1, store.now())
    store.put("b", 2, store.now())
    clock.advance(5)
    store.put("b", 3, store.now())
    assert (store.get("a"), store.get("b")) == ((1, 5), (3, 0))


def test_an_older_answer_that_comes_late_does_not_replace_a_newer_one(
    store: MemoryLastGood[Any], clock: ManualClock
) -> None:
    fallback = Fallback(last_good=store, key=lambda: "libraries")

    def slow() -> str:
        clock.advance(1)
        fallback.call(upstream.up("newer"))
        clock.advance(1)
        return "older"

    assert fallback.call(slow) == "older"
    clock.advance(5)
    assert fallback.call(upstream.down()) == "newer"
    assert store.get("libraries") == ("newer", 6)


@pytest.mark.parametrize("wrong", [{"max_age": 0}, {"max_age": 1, "max_entries": 0}])
def test_a_store_that_could_keep_nothing_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="max_age above 0"):
        MemoryLastGood(**wrong)


def test_an_answer_that_cannot_be_kept_is_good_all_the_same(
    clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    def accept(answer: str) -> NoReturn:
        raise LookupError("in accept")

    store = MemoryLastGood(60, accept=accept, clock=clock)
    assert Fallback(last_good=store).call(lambda: "good") == "good"
    assert "cannot keep" in caplog.text


def test_two_functions_never_share_a_last_good_answer(store: MemoryLastGood[Any]) -> None:
    """Keeps out: the libraries served as the sessions, since both take no arguments."""
    fallback = Fallback(last_good=store)
    fallback.call(lambda: "libraries")
    with pytest.raises(ConnectionError):
        fallback.call(broken)


def test_a_function_made_anew_never_has_the_answer_of_an_earlier_one(
    store: MemoryLastGood[Any],
) -> None:
    """Keeps out: one user's answer for another, where lambdas differ only in what they captured."""
    fallback = Fallback(last_good=store)

    def asking(user: str) -> Callable[..., Any]:
        return lambda user=user: upstream(user)

    upstream.up("for alice")
    fallback.call(asking("alice"))
    upstream.down()
    with pytest.raises(ConnectionError):
        fallback.call(asking("bob"))


def test_a_key_tells_functions_made_anew_apart(store: MemoryLastGood[Any]) -> None:
    fallback = Fallback(last_good=store, key=lambda section: section)

    def ask(section: str) -> str | list[str]:
        return fallback.call(lambda section: upstream(section), section)

    upstream.up("movies")
    ask("movies")
    upstream.down()
    assert ask("movies") == "movies"
    with pytest.raises(ConnectionError):
        ask("shows")


def test_named_arguments_in_another_order_are_told_apart_by_their_types(
    store: MemoryLastGood[Any],
) -> None:
    fallback = Fallback(last_good=store)
    function = upstream.up("first")
    fallback.call(function, a=1, b=True)
    upstream.down()
    assert fallback.call(function, b=True, a=1) == "first"
    with pytest.raises(ConnectionError):
        fallback.call(function, b=1, a=True)


def test_an_answer_for_1_is_none_for_true(store: MemoryLastGood[Any]) -> None:
    fallback = Fallback(last_good=store)
    fallback.call(upstream.up("one"), 1)
    with pytest.raises(ConnectionError):
        fallback.call(upstream.down(), True)


def test_a_store_that_fails_hides_no_error_and_no_answer(caplog: pytest.LogCaptureFixture) -> None:
    class Down:
        def now(self) -> float:
            return 0.0

        def put(
            self,
            key: Hashable,
            value: object,
            asked_at: float,
        ) -> NoReturn:
            raise OSError("the store is down")

        def get(self, key: Hashable) -> NoReturn:
            raise OSError("the store is down")

    fallback = Fallback(lambda error: "default", last_good=Down())
    assert fallback.call(upstream.up("good")) == "good"
    assert fallback.call(upstream.down()) == "default"


def test_a_store_whose_time_cannot_be_told_keeps_no_call_from_being_made(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Down(MemoryLastGood[str]):
        def now(self) -> NoReturn:
            raise OSError("the store is down")

    assert Fallback(last_good=Down(60)).call(lambda: "good") == "good"
    assert "cannot keep" in caplog.text
