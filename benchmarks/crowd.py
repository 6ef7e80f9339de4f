"""Many breakers in turn, as in a program with one for every host or tenant: what a call costs
among so many, relative to a call of the only one."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import repeat

from benchmarks.contestants import BREAKERS, Function
from benchmarks.measure import noop

__all__ = ["CROWD", "Crowd", "crowds"]

CROWD = 10_000
ROWS = ("ours", "circuitbreaker")
PASSES, ROUNDS = 40, 5


@dataclass(frozen=True)
class Crowd:
    """Seconds per call of one library, alone and among many."""

    row: str
    alone: float
    among: float

    @property
    def ratio(self) -> float:
        """How many times as long a call takes among many."""
        return self.among / self.alone


def crowds() -> list[Crowd]:
    """Each library's."""
    return [_crowd(row, BREAKERS[row]) for row in ROWS]


def _crowd(row: str, build: Callable[[Function, bool], Function]) -> Crowd:
    many = [build(noop, False) for _ in range(CROWD)]
    one = [many[0]] * CROWD
    gc.collect()
    gc.disable()
    try:
        pairs = [(_seconds(one), _seconds(many)) for _ in range(ROUNDS)]
    finally:
        gc.enable()
    alone, among = (statistics.median(column) for column in zip(*pairs, strict=True))
    return Crowd(row, alone, among)


def _seconds(functions: list[Function]) -> float:
    passes = repeat(None, PASSES)
    started = time.perf_counter()
    for _ in passes:
        for function in functions:
            function()
    return (time.perf_counter() - started) / (PASSES * len(functions))
