"""What can go wrong with the database and the cache, for callers that need to know what to do.

StorageError                carries `retry_after`, seconds, or None when waiting is no help
├── DatabaseUnavailableError    no connection, or it broke, or it did not answer in time
├── DatabaseBusyError           somebody else holds a lock
├── DatabaseUncertainError      it may have been written or not: there was no time to learn it
├── DatabaseFullError           no space is left
├── DatabaseReadOnlyError       it may only be read
├── DatabaseReplacedError       its file is no longer the one that was opened
└── SchemaError                 its tables are not those of this version

CacheError                  of Redis; no StorageError, as nothing is lost with it
├── CacheUnavailableError       no connection, or it broke, or it did not answer in time
└── CacheRefusedError           it is there, but does not do what it was asked
"""

from __future__ import annotations

__all__ = [
    "CacheError",
    "CacheRefusedError",
    "CacheUnavailableError",
    "DatabaseBusyError",
    "DatabaseFullError",
    "DatabaseReadOnlyError",
    "DatabaseReplacedError",
    "DatabaseUnavailableError",
    "DatabaseUncertainError",
    "SchemaError",
    "StorageError",
]


class StorageError(Exception):
    """The root of the errors of the database."""

    retry_after: float | None = None


class DatabaseUnavailableError(StorageError):
    """It cannot be reached, or does not answer."""

    retry_after = 5.0


class DatabaseBusyError(StorageError):
    """Another one holds a lock for longer than there was time."""

    retry_after = 1.0


class DatabaseUncertainError(StorageError):
    """Its transaction took longer than there was time. What can be made twice with the effect of
    once, as everything of the queue, is made again by whoever wants it done."""

    retry_after = 1.0


class DatabaseFullError(StorageError):
    """No space is left: somebody must make some."""

    retry_after = 60.0


class DatabaseReadOnlyError(StorageError):
    """It may not be written: somebody must change that."""

    retry_after = 60.0


class DatabaseReplacedError(StorageError):
    """Its file was replaced or removed while it was in use: what was written now would be lost.
    Over when the file is back, or with a restart."""

    retry_after = 60.0


class SchemaError(StorageError):
    """Its tables are missing or older than this version: `medianest db upgrade`."""

    retry_after = 30.0


class CacheError(Exception):
    """The root of the errors of Redis. They name no host and no password."""


class CacheUnavailableError(CacheError):
    """It cannot be reached, lets us not in, or does not answer."""


class CacheRefusedError(CacheError):
    """It is full, may only be read, or refuses for another reason; the next call may succeed."""
