"""Answers that are small to send and large to hold, and a healthy one of the same size."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Final

from medianest.sandbox.items import movie

__all__ = ["FLOODS", "healthy"]

DEEP: Final = 900
"""Less than Python's limit."""


def _list_of(element: bytes, size: int) -> bytes:
    head, tail = b'{"MediaContainer":{"size":1,"Metadata":[', b"]}}"
    number = (size - len(head) - len(tail)) // (len(element) + 1)
    return head + (element + b",") * (number - 1) + element + tail


def healthy(size: int) -> bytes:
    """Movies as Plex lists them."""
    return _list_of(json.dumps(movie(3)).encode(), size)


def _names(size: int) -> bytes:
    names = b",".join(b'"%010d":0' % number for number in range(size // 15))
    return b'{"MediaContainer":{"Metadata":[{' + names + b"}]}}"


FLOODS: Final[Mapping[str, Callable[[int], bytes]]] = {
    "objects": lambda size: _list_of(b"{}", size),
    "lists": lambda size: b"[" + b"[]," * (size // 3 - 1) + b"[]]",
    "lists, cut off": lambda size: b"[]," * (size // 3),
    "numbers": lambda size: _list_of(b"1", size),
    "objects as sparse as genuine ones": lambda size: _list_of(b"{}" + b" " * 25, size),
    "lists as sparse as genuine ones": lambda size: _list_of(b"[[[[[]]]]]" + b" " * 60, size),
    "deep": lambda size: b"[" * size,
    "deep in an element": lambda size: _list_of(b"[" * DEEP + b"]" * DEEP + b" " * 10_000, size),
    "deep and as sparse as genuine ones": lambda size: _list_of(
        b"[" * DEEP + b"]" * DEEP + b" " * 26_000, size
    ),
    "names": _names,
    "halves of characters": lambda size: b'["' + b"\\ud83c" * (size // 6) + b'"]',
    "elements that are understood": lambda size: _list_of(
        b'{"title":"x","type":"x"}' + b" " * 36, size
    ),
    "space": lambda size: _list_of(b"{" + b" " * (size - 100) + b"}", size),
}
