"""Which revision the tables have, and bringing them to this version's, by Alembic."""

from __future__ import annotations

from functools import cache
from pkgutil import iter_modules
from typing import Final

from sqlalchemy import Connection, inspect, text

from medianest.storage.errors import SchemaError
from medianest.storage.migrations import versions

__all__ = [
    "NO_TABLES",
    "current_revision",
    "head_revision",
    "in_words",
    "known_revisions",
    "upgrade",
]

NO_TABLES: Final = "none"
"""The revision of a database in which there are none yet."""

_LOCK = 7_305_104
"""Names the advisory lock under which one of many processes on one PostgreSQL migrates."""


@cache
def _revisions() -> tuple[str, ...]:
    """Of this version, the oldest first: the names of their files begin with them."""
    return tuple(sorted(each.name.partition("_")[0] for each in iter_modules(versions.__path__)))


def head_revision() -> str:
    """The revision that this version works with."""
    return _revisions()[-1]


def known_revisions() -> set[str]:
    """All revisions that this version knows."""
    return set(_revisions())


def current_revision(connection: Connection) -> str | None:
    """The revision of the tables; None when there are none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def in_words(revision: str | None) -> str:
    """Where the tables of a database are, for people."""
    known = revision is not None and revision != NO_TABLES
    return f"its tables are at {revision}" if known else "it has no tables yet"


def upgrade(connection: Connection) -> tuple[str | None, str]:
    """Bring the tables to this version, in the transaction of `connection`: all or nothing. The
    revisions before and after."""
    if connection.dialect.name == "postgresql":
        # It may take its time, and so may whoever migrates now.
        connection.execute(text("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    before, head = current_revision(connection), head_revision()
    if before is not None and before not in known_revisions():
        raise SchemaError(f"the tables are at {before}, which is newer than this version ({head})")
    if before != head:
        _migrate(connection)
    return before, head


def _migrate(connection: Connection) -> None:
    # Most starts find nothing to do, and Alembic takes a tenth of a second to load.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "medianest.storage:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
