"""Who changed what, noted for the audit and told in the log."""

from __future__ import annotations

import logging
from typing import Any

from flask import g, request

from medianest.resilience import CallRefusedError, Deadline
from medianest.storage import StorageError
from medianest.web.core import core
from medianest.web.trace import trace_id

__all__ = ["audited"]

logger = logging.getLogger(__name__)
events = logging.getLogger("medianest.events")

_AT_ONCE = Deadline(0.5, name="audit")
"""How long an operator waits for the record, in seconds, and no longer."""


def audited(
    action: str,
    target: str,
    reason: str | None = None,
    detail: dict[str, Any] | None = None,
    *,
    log: bool = True,
) -> None:
    """Note a change that has just been made: in the database, if that answers at once; where it
    is down, the record follows. `log` is false for a change that tells itself."""
    if log:
        why = f": {reason}" if reason else ""
        events.warning("%s %s by %s%s", action, target, g.actor, why, extra={"service": target})
    audit = core().audit
    audit.note(
        g.actor,
        action,
        target,
        reason=reason,
        address=request.remote_addr,
        correlation_id=trace_id(),
        detail=detail,
    )
    try:
        with _AT_ONCE.scope():
            audit.flush()
    except (StorageError, CallRefusedError) as error:
        logger.warning("a record of the audit waits: %s", error)
