"""Which failures of the database new connections may mend."""

from __future__ import annotations

from medianest.resilience import CallRefusedError, Declined, RecoveryContext
from medianest.storage.compartments import SERVICE
from medianest.storage.errors import (
    DatabaseReadOnlyError,
    DatabaseUnavailableError,
    StorageError,
)

__all__ = ["lost_connection"]


def lost_connection(error: Exception, context: RecoveryContext) -> bool | Declined:
    """Whether the connection is to blame, or why not."""
    if context.service != SERVICE:
        return Declined(f"it was no call to the {SERVICE}")
    if isinstance(error, CallRefusedError):
        return Declined("the call was not made")
    # A file opened while it could only be read stays so, and after a failover a server does.
    if isinstance(error, DatabaseUnavailableError | DatabaseReadOnlyError | OSError):
        return True
    if isinstance(error, StorageError):
        return Declined("the connection is well")
    return Declined("it is no error of the database")
