"""Databases with their tables, of which tests take copies: to make the tables takes longer."""

from __future__ import annotations

from medianest.config import DatabaseSettings
from medianest.resilience import ResilienceService
from medianest.storage import Database


def migrate(url: str) -> None:
    """Make the tables, and leave the database to others."""
    database = Database(url, DatabaseSettings(), ResilienceService(), threads=2)
    try:
        database.upgrade()
    finally:
        database.close()
