"""A deferred operation: what is to be done later, and how it stands with it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Row

from medianest.resilience.recovery.record import looks_secret
from medianest.resilience.snapshot import plain

__all__ = [
    "Accepted",
    "IdempotencyError",
    "Lease",
    "Operation",
    "OperationConflictError",
    "PayloadError",
    "State",
    "checked_payload",
]

State = Literal["pending", "running", "done", "dead"]


class PayloadError(ValueError):
    """A payload that cannot be kept: too large, no JSON, or with secrets in it."""


class IdempotencyError(Exception):
    """An idempotency key came again with something else."""


class OperationConflictError(Exception):
    """The state of an operation does not allow what was asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One row of the queue. `attempts` counts every run, `failures` those that were its own."""

    id: str
    handler: str
    idempotency_key: str
    payload: Mapping[str, Any]
    state: State
    attempts: int
    failures: int
    run_at: datetime
    not_before: datetime | None
    shared: bool
    since: datetime
    result: Any
    error_type: str | None
    error_message: str | None
    requested_by: str | None
    correlation_id: str | None
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, row: Row[Any]) -> Operation:
        """From its row."""
        fields = dict(row._mapping)
        del fields["lease"]
        return cls(**fields)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {name: plain(getattr(self, name)) for name in self.__slots__}

    def state_at(self, now: datetime) -> State:
        """The state, in which one whose lease is over waits again: who held it is dead."""
        return "pending" if self.state == "running" and self.run_at <= now else self.state


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to do an operation, until it is settled or the lease is over."""

    operation: Operation
    token: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """An operation that is kept now; `lease` is given to who made it, when that one is to try it
    at once. `created` is false when it was there before; `replayed` when its client key was."""

    operation: Operation
    created: bool
    replayed: bool = False
    lease: Lease | None = None


def checked_payload(payload: Mapping[str, Any], most: int) -> Mapping[str, Any]:
    """The payload, if it can be kept in at most so many bytes. Raises PayloadError."""
    try:
        size = len(json.dumps(payload, allow_nan=False).encode())
    except (TypeError, ValueError) as error:
        raise PayloadError(f"the payload is not JSON: {error}") from None
    if size > most:
        raise PayloadError(f"the payload has {size} bytes; at most {most} are kept")
    if (name := _secret_in(payload)) is not None:
        raise PayloadError(f"the payload has {name!r}, and secrets are not kept")
    return payload


def _secret_in(value: Any) -> str | None:
    if isinstance(value, Mapping):
        named = next((str(name) for name in value if looks_secret(str(name))), None)
        return named or _secret_in(list(value.values()))
    if isinstance(value, list | tuple):
        return next((found for item in value if (found := _secret_in(item))), None)
    return None
