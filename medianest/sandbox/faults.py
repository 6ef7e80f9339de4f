"""Which faults are on, and which of them meet a request.

A fault is a JSON object: `kind`, the options that every kind has (`path`, `for_seconds`, `share`,
`times`) and the kind's own.
"""

from __future__ import annotations

import math
import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from medianest.resilience.clock import Clock, SystemClock
from medianest.resilience.errors import PortableError
from medianest.sandbox.kinds import COMMON, KINDS, Kinds, Option

__all__ = ["ActiveFault", "FaultError", "FaultTable"]

DELAYS: Final = frozenset({"latency", "hang"})
"""After these kinds the request goes on, to another fault or to its normal answer."""
TICK: Final = 0.05
"""How often a held request looks whether its time is over, and whether it is still wanted."""


class FaultError(PortableError, ValueError):
    """A fault that cannot be switched on; `allowed` says what can."""

    def __init__(self, message: str, allowed: Any) -> None:
        super().__init__(message)
        self.allowed = allowed


@dataclass
class ActiveFault:
    """A fault that is switched on; it is over when removed or when its time is up."""

    id: str
    kind: str
    options: Mapping[str, Any]
    clock: Clock
    hits: int = 0
    removed: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        lasts = self.options["for_seconds"]
        self._ends = math.inf if lasts is None else self.clock.now() + lasts

    @property
    def delays(self) -> bool:
        """Whether the request goes on after this fault."""
        return self.kind in DELAYS

    @property
    def over(self) -> bool:
        """Whether it was removed or its time is up."""
        return self.removed.is_set() or self.clock.now() >= self._ends

    @property
    def spent(self) -> bool:
        """Whether it has met as many requests as it was to meet."""
        times = self.options["times"]
        return times is not None and self.hits >= times

    def meets(self, path: str) -> bool:
        """Whether requests for this path are to suffer from it now."""
        return path.startswith(self.options["path"]) and not self.spent and not self.over

    def hold(self, seconds: float, wanted: Callable[[], bool] = lambda: True) -> bool:
        """Wait until the time or the fault is over; False when it was no longer wanted before."""
        until = self.clock.now() + seconds
        while not self.over and (left := until - self.clock.now()) > 0:
            if not wanted():
                return False
            self.removed.wait(min(TICK, left))
        return True

    def describe(self) -> dict[str, Any]:
        """The fault as plain JSON values."""
        given = {name: value for name, value in self.options.items() if value is not None}
        times = self.options["times"]
        return {
            "id": self.id,
            "kind": self.kind,
            **given,
            "remaining_seconds": self._remaining(),
            "remaining_times": None if times is None else times - self.hits,
            "hits": self.hits,
        }

    def _remaining(self) -> float | None:
        if math.isinf(self._ends):
            return None
        return round(max(0.0, self._ends - self.clock.now()), 3)


class FaultTable:
    """The faults that are on, in the order they were switched on; safe for threads."""

    def __init__(
        self,
        clock: Clock | None = None,
        draw: Callable[[], float] = random.random,
        kinds: Kinds = KINDS,
    ) -> None:
        self._kinds = kinds
        self._clock = clock or SystemClock()
        self._draw = draw
        self._faults: dict[str, ActiveFault] = {}
        self._issued = 0
        self._lock = threading.Lock()

    def add(self, wish: object) -> ActiveFault:
        """Switch on the fault that a JSON object describes; FaultError says what is wrong."""
        kind, options = _checked(wish, self._kinds)
        with self._lock:
            self._issued += 1
            fault = ActiveFault(str(self._issued), kind, options, self._clock)
            self._faults[fault.id] = fault
            return fault

    def active(self) -> list[dict[str, Any]]:
        """The faults that can still meet a request."""
        with self._lock:
            self._forget_needs_lock()
            return [fault.describe() for fault in self._faults.values() if not fault.spent]

    def meet(self, path: str) -> list[ActiveFault]:
        """The faults that this request suffers: any delays, then at most one of another kind."""
        suffered: list[ActiveFault] = []
        with self._lock:
            self._forget_needs_lock()
            for fault in self._faults.values():
                if not fault.meets(path) or self._draw() >= fault.options["share"]:
                    continue
                fault.hits += 1
                suffered.append(fault)
                if not fault.delays:
                    break
        return suffered

    def remove(self, fault_id: str) -> bool:
        """Switch one off and release whom it holds; False when there is none of that id."""
        with self._lock:
            fault = self._faults.pop(fault_id, None)
        if fault is not None:
            fault.removed.set()
        return fault is not None

    def clear(self) -> int:
        """Switch all off, release whom they hold, and say how many there were."""
        with self._lock:
            gone = list(self._faults.values())
            self._faults.clear()
        for fault in gone:
            fault.removed.set()
        return len(gone)

    # A spent fault stays until it is removed or over: it may still hold the request it met.
    def _forget_needs_lock(self) -> None:
        for fault in [fault for fault in self._faults.values() if fault.over]:
            del self._faults[fault.id]


def _checked(wish: object, kinds: Kinds) -> tuple[str, dict[str, Any]]:
    if not isinstance(wish, dict):
        raise FaultError("a fault must be a JSON object", ["kind", *COMMON])
    kind = wish.get("kind")
    if not isinstance(kind, str) or kind not in kinds:
        message = f"unknown kind {kind!r} for this server" if "kind" in wish else "no kind"
        raise FaultError(message, list(kinds))
    known = {**COMMON, **kinds[kind]}
    if unknown := [name for name in wish if name != "kind" and name not in known]:
        raise FaultError(f"{kind}: unknown option {', '.join(unknown)}", list(known))
    return kind, {name: _value(kind, name, option, wish) for name, option in known.items()}


def _value(kind: str, name: str, option: Option, wish: Mapping[str, Any]) -> Any:
    if name not in wish:
        if option.required:
            raise FaultError(f"{kind}: {name} is missing", {name: option.words})
        return option.default
    if not option.allows(wish[name]):
        message = f"{kind}: {name} must be {option.words}, not {wish[name]!r}"
        raise FaultError(message, {name: option.words})
    return wish[name]
