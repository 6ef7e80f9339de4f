"""Every error as `application/problem+json` (RFC 9457)."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from flask import Flask, Response, current_app, request
from werkzeug.exceptions import HTTPException

from medianest.guards.admission import OverloadedError
from medianest.media.errors import (
    ForbiddenError,
    MediaError,
    NotConfiguredError,
    NotFoundError,
    RefusedError,
    RejectedError,
    UpstreamError,
)
from medianest.queue.errors import IdempotencyError, OperationConflictError, QueueFullError
from medianest.resilience import (
    BulkheadFullError,
    CallRefusedError,
    CircuitOpenError,
    DeadlineExceededError,
    PatienceExceededError,
)
from medianest.resilience.errors import PortableError
from medianest.storage import (
    DatabaseBusyError,
    DatabaseFullError,
    DatabaseReadOnlyError,
    SchemaError,
    StorageError,
)
from medianest.storage.selection import CursorError
from medianest.web.core import CORE, Core
from medianest.web.problem_kinds import KINDS, Kind, pages
from medianest.web.trace import route, trace_id

__all__ = ["ProblemError", "init_problems", "invalid", "problem_of", "problem_response"]

logger = logging.getLogger(__name__)

_KIND_OF_STATUS = {
    400: "bad-request", 401: "unauthorized", 403: "forbidden", 404: "not-found",
    405: "method-not-allowed", 409: "conflict", 413: "too-large", 415: "unsupported-media-type",
    422: "invalid", 429: "too-many-requests", 500: "internal-error", 503: "overloaded",
}  # fmt: skip

_KIND_OF_REFUSAL = {
    CircuitOpenError: "circuit-open",
    BulkheadFullError: "bulkhead-full",
    DeadlineExceededError: "deadline-exceeded",
    PatienceExceededError: "deadline-exceeded",
}

_KIND_OF_STORAGE: dict[type[StorageError], str] = {
    DatabaseBusyError: "database-busy",
    DatabaseFullError: "database-full",
    DatabaseReadOnlyError: "database-read-only",
    SchemaError: "schema-behind",
    StorageError: "database-unavailable",
}

MAX_RETRY_AFTER = 86400.0
"""An upstream may ask for any wait; infinity is no JSON and no header."""

DEFAULT_RETRY_AFTER = 5.0
"""Seconds for a 503 whose cause does not know."""


@dataclass(eq=False)
class ProblemError(PortableError):
    """Raise it anywhere in a view to answer with a problem of one of the KINDS; `data` are
    members of its own."""

    kind: str
    detail: str
    data: dict[str, Any] | None = None
    headers: dict[str, str] | None = None


def invalid(field: str, message: str) -> ProblemError:
    """One member of a request is wrong; to be raised."""
    fault = {"field": field, "message": message}
    return ProblemError("invalid", f"{field}: {message}", {"errors": [fault]})


def problem_response(
    kind: str,
    detail: str,
    data: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
    *,
    status: int | None = None,
    title: str | None = None,
) -> Response:
    """A response of that kind. `retry_after_seconds` in `data` becomes the Retry-After header, too;
    with None neither is there, as waiting is no help."""
    known = KINDS.get(kind, Kind(500, "", ""))
    status = status or known.status
    data = dict(data or {})
    if status in (429, 503):
        data.setdefault("retry_after_seconds", DEFAULT_RETRY_AFTER)
    if status >= 500:
        level = logging.ERROR if status == 500 else logging.WARNING
        logger.log(level, "answered %d to %s: %s: %s", status, route(), kind or title, detail)
    if data.get("retry_after_seconds") is None:
        data.pop("retry_after_seconds", None)
    else:
        wait = min(data["retry_after_seconds"], MAX_RETRY_AFTER)
        data["retry_after_seconds"] = max(round(wait, 3), 0.001)
        headers = {**(headers or {}), "Retry-After": str(max(1, math.ceil(wait)))}
    body = {
        "type": _type_of(kind),
        "title": title or known.title,
        "status": status,
        "detail": detail,
        "instance": f"{request.script_root}{request.path}",
        **data,
        "trace_id": trace_id(),
    }
    response = _page_of(body) or Response(
        json.dumps(body) + "\n",
        status,
        {"Cache-Control": "no-store"},
        content_type="application/problem+json",
    )
    response.headers.update(headers or {})
    return response


def _page_of(body: dict[str, Any]) -> Response | None:
    here: Core | None = current_app.extensions.get(CORE)
    return None if here is None else here.problem_page(body)


def _type_of(kind: str) -> str:
    """Where a page about it is, if there is one."""
    here: Core | None = current_app.extensions.get(CORE)
    base = "" if here is None else here.base
    if kind not in KINDS or base is None:
        return "about:blank"
    return f"{request.script_root}{base}/problems/{kind}"


def init_problems(app: Flask) -> None:
    """Answer every error of an app with a problem, and serve the pages about them."""
    for kind, answer in _ANSWERS:
        app.register_error_handler(kind, answer)
    app.register_blueprint(pages)


def problem_of(error: Exception) -> Response:
    """The problem that an error is answered with."""
    return next(answer for kind, answer in _ANSWERS if isinstance(error, kind))(error)


def _problem(error: ProblemError) -> Response:
    return problem_response(error.kind, error.detail, error.data, error.headers)


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    if error.response is not None:
        return cast(Response, error.get_response())
    if status < 400:  # a redirect is an exception to Werkzeug, but not a problem
        return cast(Response, error.get_response())
    headers = {k: v for k, v in error.get_headers() if k not in ("Content-Type", "Content-Length")}
    kind = _KIND_OF_STATUS.get(status, "")
    detail = error.description or error.name
    if kind and detail == type(error).description:  # Werkzeug's own words are for browsers
        detail = KINDS[kind].explanation
    return problem_response(
        kind, detail, headers=headers, status=status, title=None if kind else error.name
    )


def _refused(error: CallRefusedError) -> Response:
    kind = next((k for cls, k in _KIND_OF_REFUSAL.items() if isinstance(error, cls)), "overloaded")
    if isinstance(error, OverloadedError):
        return problem_response(
            "overloaded",
            "too many requests are in flight",
            {"retry_after_seconds": error.retry_after},
        )
    is_forced = isinstance(error, CircuitOpenError) and error.retry_after is None
    wait = None if is_forced else error.retry_after or DEFAULT_RETRY_AFTER
    return problem_response(kind, str(error), {"service": error.name, "retry_after_seconds": wait})


def _media(error: MediaError) -> Response:
    data: dict[str, Any] = {"service": error.service}
    if isinstance(error, NotFoundError):
        return problem_response("not-found", str(error), data)
    if isinstance(error, RefusedError | ForbiddenError):
        return problem_response("upstream-refused", str(error), data)
    if isinstance(error, NotConfiguredError):
        data |= {"variable": error.variable, "retry_after_seconds": None}
        return problem_response("not-configured", str(error), data)
    if isinstance(error, RejectedError):
        return problem_response("upstream-rejected", str(error), data)
    if isinstance(error, UpstreamError):
        data["retry_after_seconds"] = error.retry_after or DEFAULT_RETRY_AFTER
    return problem_response("upstream-failed", str(error), data)


def _storage(error: StorageError) -> Response:
    kind = next(k for cls, k in _KIND_OF_STORAGE.items() if isinstance(error, cls))
    retry_after = error.retry_after or DEFAULT_RETRY_AFTER
    return problem_response(
        kind, str(error), {"service": "database", "retry_after_seconds": retry_after}
    )


def _cursor(error: CursorError) -> Response:
    return _problem(invalid("cursor", str(error)))


def _conflict(error: OperationConflictError) -> Response:
    return problem_response("conflict", str(error))


def _mismatch(error: IdempotencyError) -> Response:
    return problem_response("idempotency-mismatch", str(error))


def _full(error: QueueFullError) -> Response:
    kind = "queue-full" if error.client is None else "too-many-requests"
    return problem_response(kind, str(error), {"retry_after_seconds": error.retry_after})


def _unexpected(error: Exception) -> Response:
    logger.error("unexpected error in %s %s", request.method, request.path, exc_info=error)
    return problem_response("internal-error", "unexpected error; the log has it")


_ANSWERS: tuple[tuple[type[Exception], Callable[[Any], Response]], ...] = (
    (ProblemError, _problem),
    (HTTPException, _http),
    (CallRefusedError, _refused),
    (MediaError, _media),
    (StorageError, _storage),
    (CursorError, _cursor),
    (OperationConflictError, _conflict),
    (IdempotencyError, _mismatch),
    (QueueFullError, _full),
    (Exception, _unexpected),
)
"""The more special before the more general."""
