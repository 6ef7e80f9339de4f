"""What more workers give and take: requests a second of a media endpoint under gunicorn with one,
two and four of them, in turn, and the memory of each. The client and Plex are on the same machine.

`python -m benchmarks.workers` takes half a minute, and is not one of those of `make bench`.
"""

from __future__ import annotations

import os
import statistics
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Final

import psutil

from benchmarks.media_server import Load, MediaServer, media_server

__all__ = ["Workers", "workers"]

NUMBERS: Final = (1, 2, 4)
ROUNDS: Final = 9
_MIB: Final = 2**20


@dataclass
class Workers:
    """Of a server with so many workers: requests a second of each round, seconds of the processor
    that its workers took for each, and the bytes that are each worker's own."""

    number: int
    rates: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    memory: float = 0.0


def workers() -> list[Workers]:
    """Each of them, measured in turn."""
    found = [Workers(number) for number in NUMBERS]
    with ExitStack() as stack:
        servers = [stack.enter_context(media_server(number)) for number in NUMBERS]
        loads = [Load(server.port) for server in servers]
        for _ in range(ROUNDS):
            for one, server, load in zip(found, servers, loads, strict=True):
                _measure(one, server, load)
        for one, server in zip(found, servers, strict=True):
            own = [child.memory_full_info().uss for child in _processes(server)]
            one.memory = statistics.mean(own)
    return found


def _measure(one: Workers, server: MediaServer, load: Load) -> None:
    before = _busy(server)
    rate = load.measure()
    one.rates.append(rate)
    one.seconds.append((_busy(server) - before) / rate)


def _processes(server: MediaServer) -> list[psutil.Process]:
    return psutil.Process(server.pid).children()


def _busy(server: MediaServer) -> float:
    times = [child.cpu_times() for child in _processes(server)]
    return sum(each.user + each.system for each in times)


def _main() -> None:
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {ROUNDS} rounds")
    print("workers  requests/s (median, best)  ms of the processor each  MiB each")
    for one in workers():
        rates = f"{statistics.median(one.rates):8.0f}  {max(one.rates):8.0f}"
        cost = 1000 * statistics.median(one.seconds)
        print(f"{one.number:7}  {rates:>25}  {cost:24.2f}  {one.memory / _MIB:8.1f}")


if __name__ == "__main__":
    _main()
