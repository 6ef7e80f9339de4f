"""What Overseerr means when it refuses a request for a title. Pure: one table of meanings.

It answers 500 for a title that does not exist, for ever; for a failure of its own source (TMDB),
in whatever words its HTTP client has for it; for its database being locked or gone; and for bugs.
Only the message tells which. What stands in front of it answers as well, in words of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from medianest.media.errors import (
    ForbiddenError,
    ForeignAnswerError,
    MediaError,
    NotFoundError,
    QuotaError,
    RefusedError,
    RejectedError,
    SourceError,
    UnavailableError,
)
from medianest.media.said import said

__all__ = [
    "SERVICE",
    "RequestFailedError",
    "UnknownUserError",
    "is_own",
    "message_of",
    "refusal",
    "source_failed",
    "wrong_key",
]

SERVICE: Final = "overseerr"
SOURCE: Final = "TMDB"

_SOURCE = re.compile(r"^\[TMDB\] [^:]{1,100}: (?P<why>.*)$", re.DOTALL)
_MAY_NOT = re.compile(r"You do not have permission to (make|modify)")
_BLOCKED = re.compile(r"\b(block|black)listed\b", re.IGNORECASE)
_UNKNOWN_TITLE = re.compile(r"status code 404\b")
_UNKNOWN_USER = re.compile(r'Could not find any entity of type "?User\b')
_DATABASE = re.compile(
    r"SQLITE_\w+|database is locked|database system is|ECONNREFUSED .*:5432|QueryFailedError"
    r"|Connection terminated|connection pool|too many clients",
    re.IGNORECASE,
)


class UnknownUserError(RefusedError):
    """It has no user of that number."""


class RequestFailedError(MediaError):
    """Overseerr failed at this very request, in words that nobody knows: it may have made it."""

    status = 500
    uncertain = True


def is_own(headers: Mapping[str, str]) -> bool:
    """Whether an error is Overseerr's own: it says everything in JSON."""
    return headers.get("Content-Type", "").lower().startswith("application/json")


def message_of(body: Any) -> str:
    """The words of an error; empty where it has none."""
    words = body.get("message") or body.get("error") if isinstance(body, dict) else None
    return said(words, 300) if isinstance(words, str) else ""


def refusal(status: int, body: Any, what: str) -> MediaError:
    """What its own answer to a request for `what` means that is none of success."""
    message = message_of(body)
    if status in (401, 403):
        return _forbidden(status, message)
    if status == 500:
        return _meaning_of_500(message, what)
    if status == 400 and _is_fault(body.get("errors")):
        return RefusedError(SERVICE, message, status)  # it breaks a rule of the API, for ever
    if status > 500 or status in (408, 425, 429):
        # What stands in front may speak JSON, too, and not know what became of it.
        return UnavailableError(SERVICE, f"it answered {status}: {message}", status)
    return foreign(status)


def _is_fault(errors: object) -> bool:
    """Whether it is what Overseerr's check of requests says: which part breaks a rule."""
    if not isinstance(errors, list) or not errors:
        return False
    return all(isinstance(each, dict) and "path" in each and "message" in each for each in errors)


def foreign(status: int) -> ForeignAnswerError:
    """An answer that is not its own."""
    return ForeignAnswerError(SERVICE, f"something else answers at its address ({status})", status)


def source_failed(why: str) -> SourceError:
    """It is well, but what it asks is not."""
    return SourceError(SERVICE, SOURCE, why[:200])


def wrong_key(status: int) -> RejectedError:
    """It does not know our key, or that may do nothing."""
    reason = f"it refused the key; check MEDIANEST_OVERSEERR_API_KEY ({status})"
    return RejectedError(SERVICE, reason, status)


def _forbidden(status: int, message: str) -> MediaError:
    if "quota" in message.lower():
        return QuotaError(SERVICE, message)
    if _MAY_NOT.match(message):
        return ForbiddenError(SERVICE, message)
    if _BLOCKED.search(message):
        return RefusedError(SERVICE, message, status)
    if "csrf" in message.lower():
        return RejectedError(SERVICE, _CSRF, status)
    if status == 401 or "permission to access" in message:
        return wrong_key(status)
    return RejectedError(SERVICE, f"it refuses us: {message} ({status})", status)


_CSRF = "it takes no requests while CSRF protection is on: switch it off in Overseerr's settings"


def _meaning_of_500(message: str, what: str) -> MediaError:
    source = _SOURCE.match(message)
    if source is not None and _UNKNOWN_TITLE.search(source["why"]):
        return NotFoundError(SERVICE, f"there is no {what}")
    if source is not None:
        return source_failed(source["why"])
    if _UNKNOWN_USER.search(message):
        return UnknownUserError(SERVICE, "it has no user of that number", 500)
    if _DATABASE.search(message):
        return UnavailableError(SERVICE, f"its database fails: {message}", 500, retry_after=1.0)
    return RequestFailedError(SERVICE, f"it failed at {what}: {message}")
