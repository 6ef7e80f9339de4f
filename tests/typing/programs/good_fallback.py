"""Answers in the place of a call."""

from typing import assert_type

from medianest.resilience import Coalesce, Fallback, MemoryLastGood, Patience, Pipeline


def empty() -> list[str]:
    return []


def told(error: BaseException) -> list[str]:
    return [str(error)]


store = MemoryLastGood[list[str]](60, max_bytes=1_000_000, size_of=len, accept=bool)
strategies = [
    Fallback(empty),
    Fallback(told),
    Fallback(value=None),
    Fallback(last_good=store, key=str, stale=lambda answer, age, error: answer),
    Patience(1.5, last_good=store),
    Coalesce(name="shelf", timeout=10),
]


@Pipeline("shelf", strategies)
def shelf(name: str) -> list[str]:
    return [name]


assert_type(shelf("films"), list[str])
