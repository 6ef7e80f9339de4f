"""What coalescing costs: a call that nobody shares, and callers who all ask the same."""

from __future__ import annotations

import statistics
import threading
import time
from dataclasses import dataclass

from benchmarks.contestants import Function, stack, stack_with_coalescing
from benchmarks.measure import noop

__all__ = ["Shared", "shared"]

CALLERS = 32
ROUNDS = 20
CALLS = 2_000
TAKES = 0.005
"""Seconds that the upstream takes when callers share it."""


@dataclass(frozen=True)
class Shared:
    """Seconds per call of the whole stack, direct and as a flight; and, for one question of all
    callers, seconds until the last has its answer beyond what the upstream takes, and its calls."""

    direct: float
    flight: float
    beyond: float
    calls: float


def shared() -> Shared:
    """Measure both, in rounds that alternate."""
    direct, flight = stack(noop), stack_with_coalescing(noop)
    pairs = [(_per_call(direct), _per_call(flight)) for _ in range(ROUNDS)]
    herds = [_herd() for _ in range(ROUNDS)]
    return Shared(
        direct=statistics.median(pair[0] for pair in pairs),
        flight=statistics.median(pair[1] for pair in pairs),
        beyond=statistics.median(herd[0] for herd in herds),
        calls=statistics.mean(herd[1] for herd in herds),
    )


def _per_call(function: Function) -> float:
    started = time.perf_counter()
    for _ in range(CALLS):
        function()
    return (time.perf_counter() - started) / CALLS


def _herd() -> tuple[float, int]:
    calls: list[None] = []

    def upstream() -> None:
        calls.append(None)
        time.sleep(TAKES)

    ask, gate = stack_with_coalescing(upstream), threading.Barrier(CALLERS + 1)

    def caller() -> None:
        gate.wait()
        ask()

    threads = [threading.Thread(target=caller) for _ in range(CALLERS)]
    for thread in threads:
        thread.start()
    gate.wait()
    started = time.perf_counter()
    for thread in threads:
        thread.join()
    return time.perf_counter() - started - TAKES, len(calls)
