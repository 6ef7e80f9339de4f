"""What a fallback says of what goes wrong beside the call, and what it gives to its functions."""

from __future__ import annotations

from typing import Any, NoReturn

import pytest

from medianest.resilience import Fallback, ManualClock, MemoryLastGood
from tests.support.narrowing import not_none


class BrokenStore:
    """Fails in one of its methods."""

    def __init__(self, broken: Any) -> None:
        self.broken = broken

    def _do(self, method: Any, answer: Any = None) -> Any:
        if method == self.broken:
            raise OSError("the disk is full")
        return answer

    def now(self) -> Any:
        return self._do("now", 0.0)

    def put(self, key: Any, value: Any, asked_at: Any) -> None:
        self._do("put")

    def get(self, key: Any) -> Any:
        return self._do("get")


def down() -> NoReturn:
    raise ConnectionError("down")


@pytest.mark.parametrize("broken", ["now", "put"])
@pytest.mark.parametrize("name", [None, "shelf"])
def test_a_store_that_keeps_nothing_is_told_once_with_its_error(
    caplog: pytest.LogCaptureFixture, broken: Any, name: Any
) -> None:
    fallback = Fallback(last_good=BrokenStore(broken), **({"name": name} if name else {}))
    for _ in range(3):
        assert fallback.call(int) == 0
    assert caplog.messages == [f"fallback {name or 'int'!r} cannot keep good answers"]
    assert not_none(caplog.records[0].exc_info)[0] is OSError


@pytest.mark.parametrize("name", [None, "shelf"])
def test_a_store_that_cannot_be_read_is_told_with_its_error(
    caplog: pytest.LogCaptureFixture, name: Any
) -> None:
    fallback = Fallback(last_good=BrokenStore("get"), **({"name": name} if name else {}))
    with pytest.raises(ConnectionError):
        fallback.call(down)
    assert caplog.messages == [f"fallback {name or 'down'!r} cannot look for a good answer"]
    assert not_none(caplog.records[0].exc_info)[0] is OSError


def test_a_failing_predicate_is_told_with_the_fallback_it_belongs_to(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(ConnectionError):
        Fallback(list, name="shelf", handles=lambda error: bool(1 / 0)).call(down)
    assert caplog.messages == ["handles of fallback 'shelf' failed"]


def test_the_key_is_made_of_all_arguments(clock: ManualClock) -> None:
    keys: list[Any] = []
    store: MemoryLastGood[Any] = MemoryLastGood(60, clock=clock)
    fallback = Fallback(last_good=store, key=lambda *args, **kwargs: keys.append((args, kwargs)))
    fallback.call(dict, [], page=2)
    assert keys == [(([],), {"page": 2})]


def test_a_fixed_answer_can_be_seen() -> None:
    assert Fallback(value="default").value == "default"
    assert Fallback(lambda: "made").value is None
