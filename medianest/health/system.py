"""Memory and processor: of the container where it has limits, else of the machine."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from medianest.resilience import Clock

__all__ = ["Cpu", "Memory", "System"]

_ROOT = Path("/sys/fs/cgroup")

_LEAST = 5.0
"""Seconds over which the use of the processors says something."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes in use and allowed, and whose limit that is; `process_bytes` is what this process
    has resident."""

    used_bytes: int
    limit_bytes: int
    limited_by: str
    process_bytes: int

    @property
    def share(self) -> float:
        """The share of the limit that is in use, from 0."""
        return round(self.used_bytes / self.limit_bytes, 4)


@dataclass(frozen=True, slots=True)
class Cpu:
    """The share of the processors allowed that was in use lately (None at the first look), how
    many those are, and whose limit that is."""

    share: float | None
    process_share: float | None
    cores: float
    limited_by: str


class System:
    """Looks at the memory and the processors of this process, its container or its machine.

    `memory_limit` bytes are what this process may use, for where there is no container. `root`
    and `own` are where the kernel tells of control groups. Thread-safe.
    """

    def __init__(
        self,
        clock: Clock,
        memory_limit: int | None = None,
        root: Path = _ROOT,
        own: Path = Path("/proc/self/cgroup"),
    ) -> None:
        self._clock = clock
        self._memory_limit = memory_limit
        self._root, self._own = root, own
        self._lock = threading.Lock()
        self._looks: deque[tuple[float, float, float]] = deque()

    def memory(self) -> Memory:
        """What is in use now; of several limits, the one that is nearest."""
        resident = psutil.Process().memory_info().rss
        if self._memory_limit is not None:
            return Memory(resident, self._memory_limit, "setting", resident)
        machine = psutil.virtual_memory()
        found = [Memory(machine.total - machine.available, machine.total, "machine", resident)]
        for group in self._groups("memory"):
            limit, used = _first(group, "memory.max", "memory.limit_in_bytes"), _used(group)
            if limit is not None and used is not None and limit < machine.total:
                found.append(Memory(used, limit, "container", resident))
        return max(found, key=lambda memory: memory.share)

    def cpu(self) -> Cpu:
        """The share in use since the look before, or since one that was five seconds ago or more:
        of two that follow each other at once, the second would say anything."""
        cores, used = self._cores()
        limited_by = "machine" if used is None else "container"
        used = _machine_seconds() if used is None else used
        times = psutil.Process().cpu_times()
        now, own = self._clock.now(), times.user + times.system
        before = self._before(now, used, own)
        if now <= before[0]:
            return Cpu(None, None, cores, limited_by)
        possible = (now - before[0]) * cores
        share, mine = ((new - old) / possible for new, old in ((used, before[1]), (own, before[2])))
        return Cpu(_share(share), _share(mine), cores, limited_by)

    def _before(self, *look: float) -> tuple[float, float, float]:
        """The look to compare this one with; itself, if there is none."""
        now, used, own = look
        with self._lock:
            looks = self._looks
            looks.append((now, used, own))
            while len(looks) > 2 and now - looks[1][0] >= _LEAST:
                looks.popleft()
            return looks[0]

    def _cores(self) -> tuple[float, float | None]:
        """How many processors there are to use, and the seconds that were used of them in the
        group that allows no more."""
        cores, used = float(psutil.cpu_count() or 1), None
        for group in self._groups("cpu"):
            allowed, seconds = _quota(group), _cpu_seconds(group)
            if allowed is not None and allowed < cores and seconds is not None:
                cores, used = allowed, seconds
        return cores, used

    def _groups(self, controller: str) -> Iterator[Path]:
        """The control group of this process and those around it, of either version."""
        try:
            lines = self._own.read_text().splitlines()
        except OSError:
            return
        for line in lines:
            number, _, rest = line.partition(":")
            names, _, path = rest.partition(":")
            if controller in names.split(",") or (number == "0" and not names):
                base = self._root / (controller if names else "")
                inner = base / path.strip("/")
                if not inner.is_dir():
                    inner = base  # in a container, the path is the one that the host knows
                yield inner
                yield from (above for above in inner.parents if above.is_relative_to(base))


def _first(group: Path, *names: str) -> int | None:
    for name in names:
        try:
            return int((group / name).read_text())
        except (OSError, ValueError):  # not there, or "max"
            continue
    return None


def _used(group: Path) -> int | None:
    """What the kubelet calls the working set: file pages that can be dropped do not count."""
    used = _first(group, "memory.current", "memory.usage_in_bytes")
    if used is None:
        return None
    figures = _table(group / "memory.stat")
    # Version 1 has both, and only the total is of the whole group, as the usage is.
    dropped = figures.get("total_inactive_file", figures.get("inactive_file", 0))
    return max(0, used - dropped)


def _quota(group: Path) -> float | None:
    try:
        quota, period = (int(word) for word in (group / "cpu.max").read_text().split())
    except (OSError, ValueError):
        found = _first(group, "cpu.cfs_quota_us"), _first(group, "cpu.cfs_period_us")
        if found[0] is None or found[1] is None or found[0] <= 0:
            return None
        quota, period = found[0], found[1]
    return quota / period if period > 0 else None


def _cpu_seconds(group: Path) -> float | None:
    usage = _table(group / "cpu.stat").get("usage_usec")
    if usage is not None:
        return usage / 1e6
    nanoseconds = _first(group, "cpuacct.usage")
    return None if nanoseconds is None else nanoseconds / 1e9


def _machine_seconds() -> float:
    times = psutil.cpu_times()
    # Linux counts the time of guests as that of users, too.
    others = ("iowait", "guest", "guest_nice")
    return float(sum(times) - times.idle - sum(getattr(times, name, 0.0) for name in others))


def _table(path: Path) -> dict[str, int]:
    try:
        rows = [line.split() for line in path.read_text().splitlines()]
    except OSError:
        return {}
    return {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdigit()}


def _share(value: float) -> float:
    return round(min(1.0, max(0.0, value)), 4)
