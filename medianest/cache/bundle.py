"""Last good answers as bytes of a file: for each a line of JSON that says what it is, and then its
compressed JSON. What cannot be read is no answer; nothing is ever unpickled."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Iterator
from typing import IO, Any, Final, NamedTuple

from medianest.cache.packed import VERSION, Packed

__all__ = ["MOST_BYTES", "Kept", "read", "write"]

MOST_BYTES: Final = 16 * 1024 * 1024
"""Of all answers together; the rest is not worth the wait."""

_LONGEST_LINE: Final = 10_000


class Kept(NamedTuple):
    """One answer, under the name of its operation and its key there, and when it was asked for:
    monotonic seconds of the host."""

    key: Hashable
    answer: Packed
    asked_at: float


def write(file: IO[bytes], kept: Iterable[Kept], now: float) -> None:
    """Those that were used last, in the order in which they were used. `kept` is in that order."""
    file.write(_line({"version": VERSION, "written_at": now}))
    chosen: list[tuple[bytes, bytes]] = []
    left = MOST_BYTES
    for key, answer, asked_at in reversed(list(kept)):
        head = _head(key, len(answer), asked_at)
        left -= len(answer) + len(head or b"")
        if left < 0:
            break
        if head is not None:
            chosen.append((head, answer.data))
    for head, data in reversed(chosen):
        file.write(head)
        file.write(data)


def read(file: IO[bytes], now: float, max_age: float) -> Iterator[Kept]:
    """Those of a file that was written no longer ago than `max_age` seconds, up to the first that
    cannot be read."""
    try:
        start = json.loads(file.readline(_LONGEST_LINE))
        if start["version"] != VERSION or not 0 <= now - start["written_at"] <= max_age:
            return
        left = MOST_BYTES
        while left > 0 and (line := file.readline(_LONGEST_LINE)):
            head = json.loads(line)
            size, asked_at = head["size"], float(head["asked_at"])
            if type(size) is not int or not 0 < size <= left or not asked_at <= now:
                return
            data = file.read(size)
            if len(data) < size:  # its writer died, or the disk is full
                return
            left -= size + len(line)
            yield Kept(_as_key(head["key"]), Packed(data), asked_at)
    except (KeyError, TypeError, ValueError, RecursionError):
        return


def _head(key: Hashable, size: int, asked_at: float) -> bytes | None:
    """None where the key cannot be written."""
    try:
        line = _line({"key": key, "size": size, "asked_at": asked_at})
    except (TypeError, ValueError):
        return None
    return line if len(line) < _LONGEST_LINE else None


def _line(body: Any) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode() + b"\n"


def _as_key(value: Any) -> Hashable:
    """JSON has no tuples, which keys are made of. Raises TypeError and ValueError for what is no
    key."""
    name, own = value
    if not isinstance(name, str):
        raise ValueError(name)
    return name, _as_tuple(own)


def _as_tuple(value: Any) -> Hashable:
    if isinstance(value, list):
        return tuple(map(_as_tuple, value))
    hash(value)
    return value  # type: ignore[no-any-return]
