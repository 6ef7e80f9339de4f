"""Errors of an upstream that did not happen, for rehearsals: as its client would raise them."""

from __future__ import annotations

from medianest.media.errors import (
    InvalidAnswerError,
    MediaError,
    NotFoundError,
    RefusedError,
    RejectedError,
    UnavailableError,
)
from medianest.media.failures import mapped
from medianest.resilience.outcome import example_of, status_of
from medianest.resilience.retry import RETRYABLE_STATUSES

__all__ = ["sample_error"]


def sample_error(service: str, token: str) -> Exception:
    """The error that a token such as "timeout", "ECONNREFUSED" or "5xx" stands for. Raises
    ConfigurationError for what is no token."""
    error = example_of(token)
    status = status_of(error)
    if status is not None:
        return _of_status(service, status)
    try:
        with mapped(service):
            raise error
    except MediaError as ours:
        ours.__cause__ = ours.__context__ = ours.__traceback__ = None
        return ours


def _of_status(service: str, status: int) -> MediaError:
    said = f"it answered {status}"
    if status in (401, 403):
        return RejectedError(service, said, status)
    if status == 404:
        return NotFoundError(service, said)
    if status >= 500 or status in RETRYABLE_STATUSES:
        return UnavailableError(service, said, status)
    if status >= 400:
        return RefusedError(service, said, status)
    return InvalidAnswerError(service, said)
