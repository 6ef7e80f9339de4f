"""Work during which Python's garbage collector rests."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

__all__ = ["uncollected"]

_lock = threading.Lock()
_was_on: Final[list[bool]] = []
"""For each thread that is at such work, whether the collector ran before the first of them."""


@contextmanager
def uncollected() -> Iterator[None]:
    """While much is made of which nothing is in a cycle, such as what JSON becomes.

    The collector would look through all of it more than ten times while it grows, and no other
    thread does anything meanwhile: 45 ms each for 32 MiB of text, with which a probe was seen to
    wait for 330 ms, and 100 ms without it.
    """
    with _lock:
        _was_on.append(_was_on[0] if _was_on else gc.isenabled())
        gc.disable()
    try:
        yield
    finally:
        with _lock:
            if _was_on.pop() and not _was_on:
                gc.enable()


def _begin_anew() -> None:
    """In a forked child, in which those threads do not go on."""
    global _lock
    _lock = threading.Lock()
    if _was_on and _was_on[0]:
        gc.enable()
    _was_on.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
