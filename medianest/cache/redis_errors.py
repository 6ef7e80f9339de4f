"""What goes wrong with Redis, in our words: those of the driver may hold what nobody is to read."""

from __future__ import annotations

from typing import Final

from redis import exceptions as theirs

from medianest.storage.errors import CacheError, CacheRefusedError, CacheUnavailableError

__all__ = ["FAILURES", "error_of"]

FAILURES: Final = (
    *(theirs.RedisError, OSError, ValueError, TypeError, AttributeError, LookupError),
    *(ArithmeticError, RecursionError, MemoryError),
)
"""What a server that is none, or has gone mad, makes of the driver."""

_AWAY: tuple[tuple[type[Exception], str], ...] = (
    (theirs.AuthenticationError, "the cache refuses the password; check MEDIANEST_REDIS_URL"),
    (theirs.BusyLoadingError, "the cache is still starting"),
    (theirs.ClusterDownError, "the cache has lost its cluster"),
    (theirs.TimeoutError, "the cache did not answer in time"),
    (theirs.ConnectionError, "the cache cannot be reached"),
    (OSError, "the cache cannot be reached"),
)
_REFUSED: tuple[tuple[type[Exception], str], ...] = (
    (theirs.OutOfMemoryError, "the cache is full"),
    (theirs.ReadOnlyError, "the cache may only be read"),
    (theirs.NoPermissionError, "the user of the cache may not do that"),
    (theirs.ResponseError, "the cache refused the command"),
)


def error_of(error: BaseException) -> CacheError:
    """What an error of the driver means."""
    for kind, text in _AWAY:
        if isinstance(error, kind):
            return CacheUnavailableError(text)
    if str(error).startswith("MISCONF"):
        return CacheRefusedError("the cache cannot write to its disk")
    for kind, text in _REFUSED:
        if isinstance(error, kind):
            return CacheRefusedError(text)
    return CacheUnavailableError("the cache does not speak the Redis protocol")
