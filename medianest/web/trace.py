"""Which request this is: its route, and its trace id, taken from `traceparent` (W3C Trace
Context) or made."""

from __future__ import annotations

import re
import secrets
from typing import cast

from flask import g, has_request_context, request

__all__ = ["route", "trace_id"]

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?")


def trace_id() -> str | None:
    """The id of the current request, 32 hexadecimal digits; None outside of one."""
    if not has_request_context():
        return None
    if "trace_id" not in g:
        g.trace_id = _given() or secrets.token_hex(16)
    return cast(str, g.trace_id)


def route() -> str | None:
    """The method and the route of the current request, such as "GET /api/v1/media/libraries";
    None outside of one, and for a path that leads nowhere."""
    if not has_request_context() or request.url_rule is None:
        return None
    return f"{request.method} {request.url_rule.rule}"


def _given() -> str | None:
    found = _TRACEPARENT.fullmatch(request.headers.get("traceparent", "").strip())
    if found is None:
        return None
    version, trace, parent, more = found.groups()
    known = version != "ff" and not (version == "00" and more)  # only later versions may go on
    return trace if known and trace.strip("0") and parent.strip("0") else None
