"""What was tried after each failure, and what came of it: the last records, in memory."""

from __future__ import annotations

import logging
import re
import threading
import uuid
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

from medianest.resilience.options import is_number
from medianest.resilience.snapshot import plain, storable

__all__ = ["ActionStatistics", "RecoveryHistory", "RecoveryRecord", "Step", "brief", "looks_secret"]

logger = logging.getLogger(__name__)

Outcome = Literal["recovered", "failed"]
StepOutcome = Literal["returned", "run_again", "shared", "raised", "declined", "held_back"]

_MAX_ITEMS, _MAX_TEXT = 20, 200
_CREDENTIALS = re.compile(r"//[^/@\s]+@")
_SECRET = re.compile(r"token|secret|passw|api_?key|authoriz|cookie|credential", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Step:
    """What one action did; `seconds` it took."""

    action: str
    outcome: StepOutcome
    detail: str
    seconds: float
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryRecord:
    """One failure and everything that was tried against it."""

    at: datetime
    operation: str
    service: str
    outcome: Outcome
    recovered_by: str | None
    error_type: str
    error_message: str
    attempts: int
    seconds: float
    steps: tuple[Step, ...]
    correlation_id: str | None = None
    user: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    id: str = field(default_factory=lambda: uuid.uuid4().hex)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        fields = asdict(self)
        fields["steps"] = list(fields["steps"])
        return {name: plain(value) for name, value in fields.items()}


@dataclass(slots=True)
class ActionStatistics:
    """How often an action ended in which way, and the seconds that its runs took together."""

    outcomes: Counter[StepOutcome] = field(default_factory=Counter)
    recovered: int = 0
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "returned": self.outcomes["returned"],
            "run_again": self.outcomes["run_again"],
            "shared": self.outcomes["shared"],
            "raised": self.outcomes["raised"],
            "declined": self.outcomes["declined"],
            "held_back": self.outcomes["held_back"],
            "recovered": self.recovered,
            "seconds": round(self.seconds, 6),
        }


class RecoveryHistory:
    """The last `size` records in memory, and statistics of all. Thread-safe.

    `sinks` get each record after it was added; one that raises is logged and harms nobody.
    """

    def __init__(self, size: int = 1_000) -> None:
        self._records: deque[RecoveryRecord] = deque(maxlen=size)
        self._statistics: dict[str, ActionStatistics] = {}
        self._lock = threading.Lock()
        self.sinks: list[Callable[[RecoveryRecord], None]] = []

    def add(self, record: RecoveryRecord) -> None:
        """Keep a record and count its steps."""
        with self._lock:
            self._records.append(record)
            for step in record.steps:
                figures = self._statistics.setdefault(step.action, ActionStatistics())
                figures.outcomes[step.outcome] += 1
                figures.seconds += step.seconds
            if record.recovered_by is not None:
                self._statistics[record.recovered_by].recovered += 1
        for sink in self.sinks:
            try:
                sink(record)
            except Exception:
                logger.exception("a sink of the recovery history failed")

    def records(self) -> list[RecoveryRecord]:
        """Those in memory, newest first."""
        with self._lock:
            return list(reversed(self._records))

    def statistics(self) -> dict[str, dict[str, Any]]:
        """By action, since the start of the process."""
        with self._lock:
            return {name: figures.as_dict() for name, figures in self._statistics.items()}


def brief(metadata: Mapping[str, Any], depth: int = 3) -> dict[str, Any]:
    """Metadata as the history keeps it: few entries, short, nothing that looks like a secret."""
    kept: dict[str, Any] = {}
    for name, value in list(metadata.items())[:_MAX_ITEMS]:
        key = _text(name)
        kept[key] = "***" if looks_secret(key) else _brief(value, depth)
    return kept


def _brief(value: Any, depth: int) -> Any:
    if isinstance(value, Mapping) and depth > 1:
        return brief(value, depth - 1)
    if isinstance(value, list | tuple) and depth > 1:
        return [_brief(item, depth - 1) for item in list(value)[:_MAX_ITEMS]]
    if value is None or isinstance(value, bool | int) or is_number(value):
        return value
    return _text(value)


def looks_secret(name: str) -> bool:
    """Whether what has that name is likely to be a secret."""
    return _SECRET.search(name) is not None


def _text(value: object) -> str:
    try:
        text = str(value)[:_MAX_TEXT]
    except Exception:
        text = f"<{type(value).__name__}>"
    return _CREDENTIALS.sub("//***@", storable(text))
