"""Figures of the last steps of time, in a place that never grows."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass

__all__ = ["Ring", "Step"]


@dataclass(frozen=True, slots=True)
class Step:
    """What happened in one step: how many calls or requests, how many of them failed, and in which
    time half of them and 95 % of them had ended, in seconds; None where there were none."""

    number: int
    failed: int
    p50: float | None = None
    p95: float | None = None


class Ring:
    """The last `length` steps, counted from any beginning. Takes 32 bytes for each. Not
    thread-safe."""

    def __init__(self, length: int) -> None:
        self._length = length
        self._figures = array("d", [math.nan]) * (4 * length)
        self._last = -1

    def put(self, at: int, step: Step) -> None:
        """What happened in step number `at`; of those before it that are missing, nothing is
        known."""
        for missed in range(max(self._last + 1, at - self._length + 1), at):
            self._write(missed, math.nan, math.nan, math.nan, math.nan)
        nothing = math.nan
        p50 = nothing if step.p50 is None else step.p50
        p95 = nothing if step.p95 is None else step.p95
        self._write(at, step.number, step.failed, p50, p95)
        self._last = at

    def read(self, last: int, number: int) -> list[Step | None]:
        """The `number` steps up to the one with the number `last`, oldest first; None where nothing
        is known."""
        return [self._read(at) for at in range(last - number + 1, last + 1)]

    def _write(self, at: int, *figures: float) -> None:
        place = 4 * (at % self._length)
        self._figures[place : place + 4] = array("d", figures)

    def _read(self, at: int) -> Step | None:
        if not self._last - self._length < at <= self._last:
            return None
        place = 4 * (at % self._length)
        number, failed, p50, p95 = self._figures[place : place + 4]
        if math.isnan(number):
            return None
        return Step(int(number), int(failed), _known(p50), _known(p95))


def _known(figure: float) -> float | None:
    return None if math.isnan(figure) else figure
