"""What the audit keeps of one change."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from medianest.resilience.snapshot import plain

__all__ = ["audit_row"]


def audit_row(
    at: datetime,
    actor: str,
    action: str,
    target: str,
    *,
    reason: str | None = None,
    address: str | None = None,
    correlation_id: str | None = None,
    detail: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The columns by which a change is found, and its whole `record`."""
    key = uuid.uuid4().hex
    record = {
        "id": key,
        "at": plain(at),
        "actor": actor,
        "action": action,
        "target": target,
        "reason": reason,
        "address": address,
        "correlation_id": correlation_id,
        "detail": detail or {},
    }
    return {
        "id": key,
        "at": at,
        "actor": actor,
        "action": action,
        "target": target[:200],
        "record": record,
    }
