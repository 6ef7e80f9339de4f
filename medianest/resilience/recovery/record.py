"""One failure, or one outage, and everything that was tried against it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

from medianest.resilience.options import is_number
from medianest.resilience.snapshot import plain, storable

__all__ = ["RecoveryRecord", "Step", "StepOutcome", "brief", "looks_secret"]

Outcome = Literal["recovered", "failed"]
StepOutcome = Literal["returned", "repaired", "shared", "raised", "declined", "suspended"]

_MAX_ITEMS, _MAX_TEXT = 20, 200
_CREDENTIALS = re.compile(r"//[^/@\s]+@")
_SECRET = re.compile(r"token|secret|passw|api_?key|authoriz|cookie|credential", re.IGNORECASE)


@dataclass(slots=True)
class Step:
    """What one action did, `count` times in this way; `seconds` it took in all, `detail` and
    `attempt` are of the last time."""

    action: str
    outcome: StepOutcome
    detail: str
    seconds: float
    attempt: int
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryRecord:
    """One failure and everything that was tried against it; or, with a `count`, all failures of
    an operation in one outage that an action answered."""

    at: datetime
    operation: str
    service: str
    outcome: Outcome
    recovered_by: str | None
    error_type: str
    error_message: str
    """Of the last error."""
    attempts: int
    seconds: float
    """That recovery took in all."""
    steps: tuple[Step, ...]
    count: int = 1
    """How many calls failed."""
    last_at: datetime | None = None
    """When the last of them did; None: there was one only."""
    ended_at: datetime | None = None
    """When the operation succeeded again; without a success, when it was last asked."""
    oldest_age: float | None = None
    """Of the last good answers that were served, in seconds; None: there were none."""
    rehearsal: bool = False
    correlation_id: str | None = None
    user: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    id: str = field(default_factory=lambda: uuid.uuid4().hex)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        fields = asdict(self)
        fields["steps"] = list(fields["steps"])
        return {name: plain(value) for name, value in fields.items()}


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
    # What has no text of its own is told by its repr, which may show a secret.
    if type(value).__str__ is object.__str__ and not isinstance(value, int | float):
        return f"<{type(value).__name__}>"
    try:
        text = str(value)[:_MAX_TEXT]
    except Exception:
        text = f"<{type(value).__name__}>"
    return _CREDENTIALS.sub("//***@", storable(text))
