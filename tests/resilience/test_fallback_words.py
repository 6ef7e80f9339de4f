"""What a fallback says of what goes wrong beside the call, and what it gives to its functions."""

from __future__ import annotations

import pytest

from medianest.resilience import Fallback, MemoryLastGood


class BrokenStore:
    """Fails in one of its methods."""

    def __init__(self, broken):
        self.broken = broken

    def _do(self, method, answer=None):
        if method == self.broken:
            raise OSError("the disk is full")
        return answer

    def now(self):
        return self._do("now", 0.0)

    def put(self, key, value, asked_at):
        self._do("put")

    def get(self, key):
        return self._do("get")


def down():
    raise ConnectionError("down")


@pytest.mark.parametrize("broken", ["now", "put"])
@pytest.mark.parametrize("name", [None, "shelf"])
def test_a_store_that_keeps_nothing_is_told_once_with_its_error(caplog, broken, name):
    fallback = Fallback(last_good=BrokenStore(broken), **({"name": name} if name else {}))
    for _ in range(3):
        assert fallback.call(int) == 0
    assert caplog.messages == [f"fallback {name or 'int'!r} cannot keep good answers"]
    assert caplog.records[0].exc_info[0] is OSError


@pytest.mark.parametrize("name", [None, "shelf"])
def test_a_store_that_cannot_be_read_is_told_with_its_error(caplog, name):
    fallback = Fallback(last_good=BrokenStore("get"), **({"name": name} if name else {}))
    with pytest.raises(ConnectionError):
        fallback.call(down)
    assert caplog.messages == [f"fallback {name or 'down'!r} cannot look for a good answer"]
    assert caplog.records[0].exc_info[0] is OSError


def test_a_failing_predicate_is_told_with_the_fallback_it_belongs_to(caplog):
    with pytest.raises(ConnectionError):
        Fallback(list, name="shelf", handles=lambda error: 1 / 0).call(down)
    assert caplog.messages == ["handles of fallback 'shelf' failed"]


def test_the_key_is_made_of_all_arguments(clock):
    keys = []
    store = MemoryLastGood(60, clock=clock)
    fallback = Fallback(last_good=store, key=lambda *args, **kwargs: keys.append((args, kwargs)))
    fallback.call(dict, [], page=2)
    assert keys == [(([],), {"page": 2})]


def test_a_fixed_answer_can_be_seen():
    assert Fallback(value="default").value == "default"
    assert Fallback(lambda: "made").value is None
