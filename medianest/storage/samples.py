"""Errors of the database that did not happen, for rehearsals: as it would raise them."""

from __future__ import annotations

from medianest.resilience import ConfigurationError
from medianest.resilience.outcome import example_of, status_of
from medianest.storage.errors import DatabaseUnavailableError

__all__ = ["sample_error"]


def sample_error(token: str) -> Exception:
    """The error that a token such as "timeout" or "ECONNREFUSED" stands for. Raises
    ConfigurationError for what is no token, and for a status: a database answers with none."""
    error = example_of(token)
    if status_of(error) is not None:
        raise ConfigurationError(f"error: a database answers no status such as {token!r}")
    if isinstance(error, TimeoutError):
        return DatabaseUnavailableError("the database did not answer in time")
    return DatabaseUnavailableError("the database cannot be reached")
