"""Which revision the tables have, and bringing them to this version's, by Alembic."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

__all__ = ["current_revision", "head_revision", "upgrade"]

_LOCK = 7_305_104
"""Names the advisory lock under which one of many processes on one PostgreSQL migrates."""


def head_revision() -> str:
    """The revision that this version works with."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None
    return head


def current_revision(connection: Connection) -> str | None:
    """The revision of the tables; None when there are none."""
    return MigrationContext.configure(connection).get_current_revision()


def upgrade(connection: Connection) -> tuple[str | None, str]:
    """Bring the tables to this version, in the transaction of `connection`: all or nothing. The
    revisions before and after."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    before, head = current_revision(connection), head_revision()
    if before != head:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return before, head


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "medianest.storage:migrations")
    return config
