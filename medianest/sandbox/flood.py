"""A huge answer, written in pieces, so that it costs its reader memory and not its sender."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from medianest.sandbox.messages import SPELLED, Reply

__all__ = ["Flood", "flooded"]

PIECE: Final = 65_536
LISTS: Final = ("Metadata", "Directory", "Hub", "results")
"""What the elements of an answer stand in, on whichever server."""
MARK: Final = "the flood stands here"

RecoveryRun = tuple[bytes, int]
"""Bytes, and how many times they are sent."""


@dataclass(frozen=True)
class Flood:
    """An answer of known length, too long to be held."""

    head: bytes
    body: Sequence[RecoveryRun]

    def pieces(self) -> Iterator[bytes]:
        """The whole answer, bit by bit."""
        yield self.head
        for unit, times in self.body:
            at_once = max(1, PIECE // len(unit))
            block = unit * min(at_once, times)
            for _ in range(times // at_once):
                yield block
            yield block[: len(unit) * (times % at_once)]


def flooded(answer: Reply, what: str, size: int, sample: Any) -> Flood | None:
    """The answer with about so many bytes of elements; None when it is no JSON object.

    `sample` is an element for a list that has none.
    """
    if answer.status != 200 or not answer.content_type.startswith("application/json"):
        return None
    content = json.loads(answer.body)
    container = content.get("MediaContainer", content)
    usual = "results" if container is content else "Metadata"
    name = next((name for name in LISTS if name in container), usual)
    elements = container.get(name) or [sample]
    container[name] = MARK
    start, _, end = _spelled(content).partition(_spelled(MARK))
    body = [(start + b"[", 1), *_runs(what, size, elements), (b"]" + end, 1)]
    length = sum(len(unit) * times for unit, times in body)
    headers = (*answer.headers, ("Content-Length", str(length)))
    return Flood(replace(answer, headers=headers).head(close=True, with_length=False), body)


def _runs(what: str, size: int, elements: Sequence[Any]) -> list[RecoveryRun]:
    if what == "nesting":
        depth = max(1, size // 2)
        return [(b"[", depth), (b"]", depth)]
    unit = {"objects": b"{}", "lists": b"[]"}.get(what) or _as_many(elements, size)
    return [(unit + b",", max(0, size // (len(unit) + 1) - 1)), (unit, 1)]


def _as_many(elements: Sequence[Any], size: int) -> bytes:
    """As many of the elements as are within the size, but one at least."""
    first, *others = map(_spelled, elements)
    unit = first
    for each in others:
        if len(unit) + len(each) < size:
            unit += b"," + each
    return unit


def _spelled(content: Any) -> bytes:
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return text.encode(errors=SPELLED)
