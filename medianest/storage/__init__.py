"""What must outlive the process: the database, and what is kept in it; and what better did."""

from medianest.storage.errors import (
    CacheError,
    CacheRefusedError,
    CacheUnavailableError,
    DatabaseBusyError,
    DatabaseFullError,
    DatabaseReadOnlyError,
    DatabaseReplacedError,
    DatabaseUnavailableError,
    DatabaseUncertainError,
    SchemaError,
    StorageError,
)

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
