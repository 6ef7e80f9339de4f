"""How it is measured: many short slices over all cells, in an order that rotates.

What slows the machine down for a while then slows all of them, and each round gives one ratio
between cells that were measured within the same second.
"""

from __future__ import annotations

import gc
import statistics
import threading
import time
from collections.abc import Callable
from functools import partial
from itertools import repeat

from benchmarks.contestants import BREAKERS, RETRIES, STACKS, Function

__all__ = ["FAILURE", "REFUSED", "SUCCESS", "THREADED", "Cell", "cells", "measure"]

SLICE = 0.01
MIN_CALLS = 500
"""In one slice: what a library does once in a while must not look as if it did it every time."""

THREADS = 8
THREADED_SLICE = 0.06

SUCCESS, FAILURE, REFUSED, THREADED = "success", "failure", "refused", "8 threads"


class DependencyError(Exception):
    """What the guarded function raises."""


def noop() -> int:
    """The cheapest guarded function."""
    return 1


def fail() -> None:
    """A dependency that is down."""
    raise DependencyError


class Cell:
    """One place of the tables: seconds per call, one value for each round; or what went wrong."""

    def __init__(self, table: str, row: str, column: str, prepare: Callable[[], Function]) -> None:
        self.table, self.row, self.column = table, row, column
        self.seconds: list[float] = []
        self.error: Exception | None = None
        self._prepare = prepare
        self._function: Function = noop
        self._calls = 1

    def set_up(self) -> None:
        """Build, check and calibrate it; a peer that fails here loses this cell."""
        try:
            self._function = self._prepare()
            self._calibrate()
        except Exception as error:
            self.error = error

    def run(self, round_number: int) -> None:
        """Measure one slice; the threaded cells take part in every fourth round."""
        if self.error is not None or (self.column == THREADED and round_number % 4):
            return
        try:
            self.seconds.append(self._slice(self._calls))
        except Exception as error:
            self.error = error

    @property
    def median(self) -> float | None:
        """Seconds per call."""
        return statistics.median(self.seconds) if self.seconds and not self.error else None

    def ratio(self, other: Cell) -> float | None:
        """How many times as long as the other one it takes, by the median of all rounds."""
        if self.median is None or other.median is None:
            return None
        pairs = zip(self.seconds, other.seconds, strict=True)
        return statistics.median(mine / theirs for mine, theirs in pairs)

    def _calibrate(self) -> None:
        wanted = THREADED_SLICE if self.column == THREADED else SLICE
        while (took := self._slice(self._calls) * self._calls) < wanted / 4:
            self._calls *= 2
        self._calls = max(MIN_CALLS, round(self._calls * wanted / took))

    def _slice(self, calls: int) -> float:
        timed = {SUCCESS: _quiet, THREADED: _threaded}.get(self.column, _raising)
        gc.disable()
        try:
            return timed(self._function, calls) / calls
        finally:
            gc.enable()


def _quiet(function: Function, calls: int) -> float:
    rounds = repeat(None, calls)
    started = time.perf_counter()
    for _ in rounds:
        function()
    return time.perf_counter() - started


def _raising(function: Function, calls: int) -> float:
    rounds = repeat(None, calls)
    started = time.perf_counter()
    for _ in rounds:
        try:
            function()
        except Exception:
            pass
    return time.perf_counter() - started


def _threaded(function: Function, calls: int) -> float:
    gate = threading.Barrier(THREADS + 1)

    def work(rounds: repeat[None]) -> None:
        gate.wait()
        for _ in rounds:
            function()

    shares = [repeat(None, max(1, calls // THREADS)) for _ in range(THREADS)]
    threads = [threading.Thread(target=work, args=(rounds,)) for rounds in shares]
    for thread in threads:
        thread.start()
    gate.wait()
    started = time.perf_counter()
    for thread in threads:
        thread.join()
    return time.perf_counter() - started


def _closed(build: Callable[[Function, bool], Function]) -> Callable[[], Function]:
    def prepare() -> Function:
        guarded = build(noop, False)
        guarded()
        return guarded

    return prepare


def _failing(build: Callable[[Function, bool], Function]) -> Callable[[], Function]:
    def prepare() -> Function:
        calls: list[None] = []
        guarded = build(_noting(calls), True)
        _exhaust(guarded, 50)
        if len(calls) != 50:
            raise RuntimeError("it opened")
        return build(fail, True)

    return prepare


def _refused(build: Callable[[Function, bool], Function]) -> Callable[[], Function]:
    def prepare() -> Function:
        calls: list[None] = []
        guarded = build(_noting(calls), False)
        _exhaust(guarded, 200)
        before = len(calls)
        _exhaust(guarded, 10)
        if len(calls) != before:
            raise RuntimeError("it did not open")
        return guarded

    return prepare


def _noting(calls: list[None]) -> Function:
    def fail_and_note() -> None:
        calls.append(None)
        raise DependencyError

    return fail_and_note


def _exhaust(guarded: Function, times: int) -> None:
    for _ in range(times):
        try:
            guarded()
        except Exception:
            pass


def cells() -> list[Cell]:
    """Every cell of every table."""
    made = []
    for row, build in BREAKERS.items():
        made.append(Cell("breakers", row, SUCCESS, _closed(build)))
        made.append(Cell("breakers", row, FAILURE, _failing(build)))
        if row != "bare call":
            made.append(Cell("breakers", row, REFUSED, _refused(build)))
        made.append(Cell("breakers", row, THREADED, _closed(build)))
    for table, contestants in (("stacks", STACKS), ("retries", RETRIES)):
        for row, wrap in contestants.items():
            made.append(Cell(table, row, SUCCESS, partial(wrap, noop)))
    return made


def measure(all_cells: list[Cell], rounds: int) -> None:
    """Fill the cells."""
    for cell in all_cells:
        cell.set_up()
    gc.collect()
    gc.freeze()
    for number in range(rounds):
        first = number * 7 % len(all_cells)
        for cell in all_cells[first:] + all_cells[:first]:
            cell.run(number)
    gc.unfreeze()
