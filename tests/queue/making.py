"""Operations as the queue gives them to whoever does them, and a service, without a database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from medianest.config import QueueSettings
from medianest.queue.operations import Lease, Operation
from medianest.queue.retry_policy import Handler
from medianest.resilience import BulkheadFullError, CircuitOpenError, remaining

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


REFUSALS = [CircuitOpenError("svc", 30), BulkheadFullError("svc", 1)]


class LaneError(Exception):
    """A failure that holds back one lane."""


class Service:
    """Does and finds what the test says, or raises it."""

    def __init__(self) -> None:
        self.answer: Any = "made"
        self.found: Any = None
        self.asked: list[Any] = []

    def execute(self, payload: Any) -> Any:
        self.asked.append(("execute", dict(payload), remaining()))
        return self._give(self.answer)

    def look(self, payload: Any, since: Any) -> Any:
        self.asked.append(("look", dict(payload), since))
        return self._give(self.found)

    def _give(self, answer: Any) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer


class Doubts:
    """The part of the queue that an attempt needs: other processes are told of an outage."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.error: Exception | None = None

    def doubt_anew(self, handler: Handler) -> None:
        self.told.append(handler)
        if self.error is not None:
            raise self.error
