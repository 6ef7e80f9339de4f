"""A deferred operation: what is to be done later, and how it stands with it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Final, Literal, get_args

from sqlalchemy import Row

from medianest.queue.errors import PayloadError
from medianest.resilience.recovery.record import looks_secret
from medianest.resilience.snapshot import plain

__all__ = [
    "Accepted",
    "Lease",
    "Operation",
    "State",
    "checked_payload",
]

State = Literal["pending", "running", "done", "dead"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One row of the queue. `attempts` counts every run, `failures` those that were its own.

    `in_doubt_since` is the end of an attempt of which nobody knows what came of it, `first_sent_at`
    the begin of the first such one, `absent_since` when the service was seen not to have it after
    that.
    """

    id: str
    handler: str
    idempotency_key: str
    subject: str | None = None
    lane: str | None = None
    payload: Mapping[str, Any]
    state: State
    attempts: int
    failures: int
    failing_since: datetime | None = None
    first_sent_at: datetime | None = None
    in_doubt_since: datetime | None = None
    absent_since: datetime | None = None
    run_at: datetime
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
    damage: str | None = None
    """What of its row cannot be read; the rest of it is right."""

    @classmethod
    def of(cls, row: Row[Any]) -> Operation:
        """From its row, whatever is in there: what cannot be read is told as `damage`."""
        found = row._mapping
        values = {name: found[name] for name in _READERS}
        wrong = [name for name, is_right in _READERS.items() if not is_right(values[name])]
        values |= {name: _NEUTRAL.get(name) for name in wrong}
        damage = f"its row cannot be read: {', '.join(wrong)}" if wrong else None
        if damage is not None and values["state"] != "done":
            values |= {"error_type": "PayloadError", "error_message": damage}
        return cls(**values, damage=damage)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {name: plain(getattr(self, name)) for name in self.__slots__}

    def state_at(self, now: datetime) -> State:
        """The state, in which one whose lease is over waits again: who held it is dead."""
        return "pending" if self.state == "running" and self.run_at <= now else self.state


_EPOCH: Final = datetime.fromtimestamp(0, UTC)
_OPTIONAL: Final = frozenset(
    {
        *("subject", "lane", "failing_since", "first_sent_at", "in_doubt_since", "absent_since"),
        *("error_type", "error_message", "requested_by", "correlation_id", "finished_at"),
    }
)
_NEUTRAL: Final[Mapping[str, Any]] = {
    "handler": "",
    "idempotency_key": "",
    "payload": {},
    "state": "dead",
    "attempts": 0,
    "failures": 0,
    "run_at": _EPOCH,
    "shared": True,
    "since": _EPOCH,
    "created_at": _EPOCH,
    "updated_at": _EPOCH,
}
"""What stands in the place of what cannot be read."""


def _reader(name: str) -> Any:
    kind = {"payload": Mapping, "state": str, "shared": bool}.get(name)
    if name in ("attempts", "failures"):
        return lambda value: isinstance(value, int) and value >= 0
    if name == "state":
        return lambda value: value in get_args(State)
    if name == "result":
        return lambda value: value is None or isinstance(value, _JSON)
    if kind is None:
        kind = datetime if name.endswith(("_at", "since")) else str
    optional = name in _OPTIONAL
    return lambda value: isinstance(value, kind) or (optional and value is None)


_JSON = (str, int, float, bool, list, dict)
_READERS: Final = {each.name: _reader(each.name) for each in fields(Operation)[:-1]}


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
