"""Who changed what, noted for the audit and told in the log."""

from __future__ import annotations

import logging
from typing import Any

from flask import g, request

from medianest.web.parts import parts
from medianest.web.trace import trace_id

__all__ = ["audited"]

logger = logging.getLogger(__name__)


def audited(
    action: str,
    target: str,
    reason: str | None = None,
    detail: dict[str, Any] | None = None,
    *,
    log: bool = True,
) -> None:
    """Note a change that has just been made. Waits for nothing: where the database is down, the
    record follows. `log` is false for a change that tells itself."""
    if log:
        why = f": {reason}" if reason else ""
        logger.warning("%s %s by %s%s", action, target, g.actor, why, extra={"service": target})
    parts().audit.note(
        g.actor,
        action,
        target,
        reason=reason,
        address=request.remote_addr,
        correlation_id=trace_id(),
        detail=detail,
    )
