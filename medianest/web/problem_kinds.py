"""The kinds of problems, each with a page for people: the `type` of an error leads there."""

from __future__ import annotations

from typing import NamedTuple

from flask import Blueprint, Response, abort
from markupsafe import escape

from medianest.web.headers import page as page_of

__all__ = ["KEEPING", "KINDS", "READING", "REFUSALS", "UPSTREAM", "WRITING", "Kind", "pages"]


class Kind(NamedTuple):
    """One kind of problem."""

    status: int
    title: str
    explanation: str


KINDS = {
    "bad-request": Kind(
        400,
        "The request is malformed",
        "The request could not be read: for example, its JSON is broken.",
    ),
    "unauthorized": Kind(
        401,
        "A token is needed",
        "Send a token as “Authorization: Bearer …”. The detail says which one, and how to "
        "set one if none is set.",
    ),
    "forbidden": Kind(
        403,
        "This is not allowed",
        "Whoever has sent the request may not do this. The detail says who may.",
    ),
    "not-found": Kind(
        404,
        "Not found",
        "Nothing exists at this path.",
    ),
    "method-not-allowed": Kind(
        405,
        "The method is not allowed here",
        "The path exists, but not for this method; the Allow header lists those that it has.",
    ),
    "conflict": Kind(
        409,
        "The request conflicts with the current state",
        "The detail says what it conflicts with.",
    ),
    "too-large": Kind(
        413,
        "The request is too large",
        "The body is larger than this server accepts.",
    ),
    "unsupported-media-type": Kind(
        415,
        "The body must be JSON",
        "Send the body with “Content-Type: application/json”.",
    ),
    "misdirected": Kind(
        421,
        "The host name is not allowed",
        "The Host header of the request names another server. The detail says which setting to "
        "change.",
    ),
    "invalid": Kind(
        422,
        "The request is not valid",
        "Something in it has a wrong type, a wrong value or an unknown name; “errors” lists each "
        "fault.",
    ),
    "too-many-requests": Kind(
        429,
        "Too many pending requests",
        "This client has as many pending operations as one client may have. Try again after "
        "“retry_after_seconds”.",
    ),
    "too-many-attempts": Kind(
        429,
        "Too many failed attempts",
        "Too many requests from this address had no valid token. Try again after "
        "“retry_after_seconds”. An address that sent a valid token within the last day is always "
        "answered.",
    ),
    "internal-error": Kind(
        500,
        "Internal error",
        "An unexpected error. The log of the server has it under the trace id.",
    ),
    "queue-full": Kind(
        503,
        "The queue is full",
        "The queue holds as many pending operations and dead letters as it may. Find out why they "
        "are not done; dead letters can be retried or dropped.",
    ),
    "overloaded": Kind(
        503,
        "The server is busy",
        "The server is handling as many requests as it can. Try again after “retry_after_seconds”.",
    ),
    "circuit-open": Kind(
        503,
        "The circuit breaker of the service is open",
        "The service has failed, so it is not called for a while and then tried again "
        "automatically. Without “retry_after_seconds” an operator has opened the circuit breaker, "
        "and it stays open until an operator closes it.",
    ),
    "bulkhead-full": Kind(
        503,
        "The service is busy",
        "As many calls to the service are in flight as are allowed.",
    ),
    "deadline-exceeded": Kind(
        503,
        "Time ran out",
        "The request could not be answered within the time it is allowed.",
    ),
    "upstream-failed": Kind(
        503,
        "The service failed",
        "The service did not answer, or its answer could not be understood, and there is no "
        "earlier answer to fall back on.",
    ),
    "upstream-rejected": Kind(
        503,
        "The service refuses our credentials",
        "A token or key in the settings is wrong; waiting does not help. The detail names the "
        "setting.",
    ),
    "upstream-refused": Kind(
        422,
        "The service refuses the request",
        "The service works, and refuses the request; the detail has its reason. Trying again does "
        "not help.",
    ),
    "idempotency-mismatch": Kind(
        422,
        "The Idempotency-Key came before with another request",
        "A key stands for one request. Send a new key with a new request.",
    ),
    "still-running": Kind(
        409,
        "The first request with this Idempotency-Key is still being served",
        "Ask again after “retry_after_seconds”, or look at the Location.",
    ),
    "database-unavailable": Kind(
        503,
        "The database does not answer",
        "It cannot be reached, or did not answer in time. It is tried again automatically.",
    ),
    "database-busy": Kind(
        503,
        "The database is locked",
        "Another process holds its lock. Nothing was changed; try again.",
    ),
    "database-full": Kind(
        503,
        "The disk of the database is full",
        "Nothing was changed, and nothing that was accepted is lost. Free some disk space.",
    ),
    "database-read-only": Kind(
        503,
        "The database is read-only",
        "Nothing was changed. Give this server permission to write the file.",
    ),
    "schema-behind": Kind(
        503,
        "The tables of the database are not those of this version",
        "Run “medianest db upgrade”.",
    ),
    "not-configured": Kind(
        503,
        "The service is not configured",
        "The detail names the variable to set.",
    ),
}

REFUSALS = ("circuit-open", "bulkhead-full", "deadline-exceeded")
"""What the pipeline of a service answers with when it does not call it."""

UPSTREAM = (
    "not-found",
    "upstream-refused",
    "not-configured",
    *REFUSALS,
    "upstream-failed",
    "upstream-rejected",
)
"""What can come of a question to a media server."""

READING = (*REFUSALS, "database-unavailable", "database-busy", "schema-behind")
"""What can come of reading from the database."""

WRITING = (*READING, "database-full", "database-read-only")
"""What can come of writing to it."""

KEEPING = (*WRITING, "queue-full", "too-many-requests")
"""What can come of keeping an operation for later."""

_STYLE = "body{font:1.1rem/1.5 system-ui;max-width:40rem;margin:4rem auto;padding:0 1rem}"

pages = Blueprint("problems", __name__, url_prefix="/problems")


@pages.get("/<kind>")
def page(kind: str) -> Response:
    """A page for people about one kind of problem."""
    if kind not in KINDS:
        abort(404, f"there is no problem of the kind {kind!r}")
    status, title, explanation = KINDS[kind]
    html = (
        "<!doctype html><html lang=en><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width'>"
        f"<title>{escape(title)}</title>"
        f"<style>{_STYLE}</style>"
        f"<p><code>{status} {escape(kind)}</code><h1>{escape(title)}</h1>"
        f"<p>{escape(explanation)}</html>\n"
    )
    return page_of(html, _STYLE)
