"""Last good answers as they are kept in memory: small, within one budget, and read as they were."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import TypeAdapter

from medianest.cache.last_good import TieredLastGood
from medianest.cache.packed import packed_memory
from medianest.resilience import ManualClock, MemoryLastGood
from tests.support.narrowing import not_none

HOUR, DAY = 3600.0, 86400.0
LIST = TypeAdapter(tuple[str, ...])


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Answer:
    """As Plex's are."""

    value: tuple[str, ...]


class Counting:
    """An adapter that counts what it writes."""

    def __init__(self, adapter: Any) -> None:
        self._adapter, self.written = adapter, 0

    def dump_json(self, value: Answer, **options: Any) -> bytes:
        self.written += 1
        return self._adapter.dump_json(value, **options)

    def validate_json(self, data: bytes) -> Answer:
        return self._adapter.validate_json(data)


@pytest.fixture
def memory(clock: ManualClock) -> MemoryLastGood[Any]:
    return packed_memory(DAY, clock, max_bytes=64 * 1024)


@pytest.fixture
def store(memory: MemoryLastGood[Any], clock: ManualClock) -> Callable[..., TieredLastGood[Any]]:
    def make(
        name: str = "items", max_age: float = HOUR, adapter: Any = LIST
    ) -> TieredLastGood[Any]:
        return TieredLastGood(name, max_age, adapter, clock=clock, memory=memory)

    return make


def test_several_operations_share_one_budget_and_no_answers(
    store: Callable[..., TieredLastGood[Any]], memory: MemoryLastGood[Any]
) -> None:
    items, recent = store("items"), store("recent")
    items.put((1,), ("a",), items.now())
    recent.put((1,), ("b",), recent.now())
    assert (not_none(items.get((1,)))[0], not_none(recent.get((1,)))[0]) == (("a",), ("b",))
    assert (items.snapshot().entries, recent.snapshot().entries, memory.entries) == (1, 1, 2)
    for number in range(1000):
        recent.put((number,), (str(number) * 20,), recent.now())
    assert memory.bytes <= 64 * 1024
    assert not items.has((1,))
    assert recent.has((999,))


def test_each_keeps_to_its_own_age(
    store: Callable[..., TieredLastGood[Any]], clock: ManualClock
) -> None:
    items, libraries = store("items"), store("libraries", DAY)
    for each in (items, libraries):
        each.put((), ("a",), each.now())
    clock.advance(HOUR + 1)
    assert (items.get(()), items.has(())) == (None, False)
    assert libraries.get(()) == (("a",), HOUR + 1)


def test_one_answer_is_written_once_however_many_share_it(
    store: Callable[..., TieredLastGood[Any]],
) -> None:
    """Keeps out: the work of 32 callers for the answer of one flight."""
    adapter = Counting(TypeAdapter(Answer))
    libraries, answer = store(adapter=adapter), Answer(("a",))
    for _ in range(32):
        libraries.put((), answer, libraries.now())
    assert adapter.written == 1
    libraries.put((), Answer(("a",)), libraries.now())
    assert adapter.written == 2


def test_an_older_answer_is_not_even_written(store: Callable[..., TieredLastGood[Any]]) -> None:
    adapter = Counting(TypeAdapter(Answer))
    libraries = store(adapter=adapter)
    libraries.put((), Answer(("new",)), libraries.now())
    libraries.put((), Answer(("old",)), libraries.now() - 1)
    assert (adapter.written, not_none(libraries.get(()))[0]) == (1, Answer(("new",)))


PAGING = """
import resource
from datetime import UTC, datetime
from hashlib import sha256
from medianest.media.answer import Answer
from medianest.media.plex.service import _PAGE
from medianest.media.plex.models import Item, LibraryPage
from medianest.resilience import SystemClock
from medianest.cache.last_good import TieredLastGood
from medianest.cache.packed import packed_memory

def item(number):
    return Item.model_validate({
        "ratingKey": str(number), "type": "movie", "title": f"The Film Number {number}",
        "summary": "".join(sha256(b"%d %d" % (number, n)).hexdigest() for n in range(12)),
        "year": 1900 + number % 120, "duration": 5400000, "addedAt": 1600000000 + number,
    })

def page(size, offset):
    items = tuple(item(number) for number in range(offset, offset + size))
    return Answer(LibraryPage(items=items, offset=offset, total=50000), datetime.now(UTC))

clock = SystemClock()
memory = packed_memory(86400, clock, max_bytes=32 * 1024 * 1024)
store = TieredLastGood("items", 3600, _PAGE, clock=clock, memory=memory)
store.put(("1", -1, 200), page(200, 0), store.now())
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for size in (200, 50):
    for offset in range(0, 50000, size):
        store.put(("1", offset, size), page(size, offset), store.now())
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
assert store.has(("1", 49950, 50))
print(grown // 1024, memory.entries, memory.bytes)
"""


@pytest.mark.slow
def test_a_client_that_pages_through_a_large_library_takes_little_memory() -> None:
    """Keeps out: 180 pages that end a container of 256 MiB."""
    done = subprocess.run([sys.executable, "-c", PAGING], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    mebibytes, entries, taken = map(int, done.stdout.split())
    assert mebibytes <= 64
    assert 16 * 1024 * 1024 < taken <= 32 * 1024 * 1024
    assert entries > 500  # many times as many as fitted into all of a container
