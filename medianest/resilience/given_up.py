"""Retries never multiply: how one tells another, outside it, that it has given up."""

from __future__ import annotations

import sys
import threading
from contextlib import suppress
from contextvars import ContextVar
from types import CodeType, FrameType
from typing import Final, TypeAlias

from medianest.resilience.outcome import causes, read, reraise

__all__ = ["GIVEN_UP"]

_MARK: Final = "_medianest_given_up"

_Place: TypeAlias = tuple[CodeType, int]
"""Which code a frame runs, and how far it has come."""


class GivenUp:
    """Numbers the times that retries gave up.

    `latest` is read before each call, an attribute read of 3 ns; only when it has moved is it
    worth looking whether that was within this call. An error can be raised anew, with nothing of
    the one that was given up on: so what was given up in this context counts for what is raised by
    the code that had asked for it, until something answers or the next retry begins. What a call
    that came later raises is another failure. Another thread's is known by a mark on the error.
    """

    def __init__(self) -> None:
        self.latest = 0
        self.pending: set[int] = set()
        """Those that some context remembers; while it is empty there is nothing to forget."""
        self._lock = threading.Lock()
        self._here: ContextVar[_Remembered | None] = ContextVar("medianest-given-up", default=None)

    def mark(self, error: BaseException) -> None:
        """A retry has given up on `error`."""
        with self._lock:
            self.latest += 1
            number = self.latest
        self._here.set(_Remembered(number, self.pending))
        with suppress(Exception):
            object.__setattr__(error, _MARK, number)  # some errors are frozen

    def on(self, error: BaseException, before: int) -> bool:
        """Whether a retry within this call has given up on `error`, or on what it came of;
        `before` is `latest` from before the call. Asked where `error` was caught."""
        if self.latest == before:
            return False
        here = self._here.get()
        if here is not None and here.number > before and here.led_to(error):
            return True
        beneath = causes(error, through_suppressed=True)
        return any(_number_on(cause) > before for cause in beneath)

    def answered(self) -> None:
        """A failure in this context has an answer: what fails now is another one."""
        if self._here.get() is not None:
            self._here.set(None)


class _Remembered:
    """What a context remembers of the latest time; forgotten with the context, too."""

    __slots__ = ("_asking", "_pending", "number")

    def __init__(self, number: int, pending: set[int]) -> None:
        self.number, self._pending = number, pending
        self._asking = _stack()
        pending.add(number)

    def __del__(self) -> None:
        self._pending.discard(self.number)

    def led_to(self, error: BaseException) -> bool:
        """Whether `error` was raised by code that was waiting for the call that was given up, and
        not in a call that this code made later."""
        path = _path(error)
        if not path:
            return True  # nobody knows where it comes from
        asking = self._asking[_depth(path[0][0]) :]
        places = [(frame.f_code, reached) for frame, reached in path]
        pairs = zip(asking, places, strict=False)
        same = next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(asking), len(places)))
        later = places[same:]
        if len(later) == 1 and same < len(asking):
            return later[0][0] is asking[same][0]  # the same frame, further on
        return not later


def _stack() -> list[_Place]:
    """The place of each frame, the outermost first. No frames: they hold what their code holds."""
    places, frame = [], sys._getframe(1).f_back
    while frame is not None:
        places.append((frame.f_code, frame.f_lasti))
        frame = frame.f_back
    return places[::-1]


def _depth(frame: FrameType) -> int:
    depth, outside = 0, frame.f_back
    while outside is not None:
        depth, outside = depth + 1, outside.f_back
    return depth


def _path(error: BaseException) -> list[tuple[FrameType, int]]:
    """Where an error came through, from where it was caught to where it was raised first, without
    where it was put aside and raised again."""
    path: list[tuple[FrameType, int]] = []
    traceback = error.__traceback__
    while traceback is not None:
        frames = [frame for frame, _ in path]
        if traceback.tb_frame in frames:
            del path[frames.index(traceback.tb_frame) :]
        path.append((traceback.tb_frame, traceback.tb_lasti))
        traceback = traceback.tb_next
    if path and path[-1][0].f_code is reraise.__code__:
        path.pop()
    return path


def _number_on(error: BaseException) -> int:
    number = read(error, _MARK)
    return number if isinstance(number, int) else 0


GIVEN_UP: Final = GivenUp()
