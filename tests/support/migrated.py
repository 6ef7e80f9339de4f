"""Databases with their tables, which tests copy or empty: to make the tables takes longer."""

from __future__ import annotations

from medianest.config import DatabaseSettings
from medianest.resilience import ResilienceService
from medianest.storage.database import Database
from medianest.storage.schema import head_revision
from medianest.storage.tables import metadata


def migrate(url: str) -> None:
    """Make the tables, and leave the database to others."""
    database = Database(url, DatabaseSettings(), ResilienceService(), threads=2)
    try:
        database.upgrade()
    finally:
        database.close()


def emptying() -> str:
    """The statements after which the tables are as they were made, whatever was written."""
    rows = [f"DELETE FROM {table.name}" for table in reversed(metadata.sorted_tables)]
    return "; ".join([*rows, f"UPDATE alembic_version SET version_num = '{head_revision()}'"])
