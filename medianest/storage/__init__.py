"""What must outlive the process: the database, and what is kept in it."""

from medianest.storage.database import Database
from medianest.storage.errors import (
    DatabaseBusyError,
    DatabaseFullError,
    DatabaseReadOnlyError,
    DatabaseUnavailableError,
    SchemaError,
    StorageError,
)

__all__ = [
    "Database",
    "DatabaseBusyError",
    "DatabaseFullError",
    "DatabaseReadOnlyError",
    "DatabaseUnavailableError",
    "SchemaError",
    "StorageError",
]
