"""Operations, as the queue would give them to whoever does them, without a database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from medianest.config import QueueSettings
from medianest.queue.operations import Lease, Operation

NOW = datetime(2026, 1, 1, tzinfo=UTC)
"""The time of day of a ManualClock that nobody has advanced."""

SETTINGS = QueueSettings(
    lease=60, initial_delay=10, max_delay=100, max_attempts=3, give_up_after=3600, settle=40
)


def at(seconds: float) -> datetime:
    """So many seconds after NOW."""
    return NOW + timedelta(seconds=seconds)


def operation(**values: Any) -> Operation:
    """One that is tried for the first time now, but for these values."""
    usual: dict[str, Any] = {
        "id": "1",
        "handler": "h",
        "idempotency_key": "k",
        "payload": {"n": 1},
        "state": "running",
        "attempts": 1,
        "failures": 0,
        "run_at": at(60),
        "shared": False,
        "since": at(-100),
        "result": None,
        "error_type": None,
        "error_message": None,
        "requested_by": None,
        "correlation_id": None,
        "created_at": at(-100),
        "updated_at": at(-1),
        "finished_at": None,
    }
    return Operation(**{**usual, **values})


def lease(**values: Any) -> Lease:
    """The right to do such a one."""
    return Lease(operation(**values), "token")
