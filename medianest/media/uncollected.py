"""Work during which Python's garbage collector rests."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["uncollected"]

_turn = threading.Lock()
_was_on = False


@contextmanager
def uncollected() -> Iterator[None]:
    """While much is made of which nothing is in a cycle, such as what JSON becomes.

    The collector would look through all of it more than ten times while it grows, and no other
    thread does anything meanwhile: 45 ms each for 32 MiB of text, with which a probe was seen to
    wait for 330 ms, and 100 ms without it. For one such work at a time: with several the collector
    might rest for ever.
    """
    global _was_on
    if not _turn.acquire(blocking=False):
        yield
        return
    try:
        _was_on = gc.isenabled()
        gc.disable()
        yield
    finally:
        if _was_on:
            gc.enable()
        _turn.release()


def _begin_anew() -> None:
    """In a forked child, in which that thread does not go on."""
    global _turn
    if _turn.locked() and _was_on:
        gc.enable()
    _turn = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
