"""Dependencies that operators registered, for all processes on this database."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from medianest.resilience import Clock
from medianest.storage.database import Database
from medianest.storage.tables import dependencies as table

__all__ = ["MOST", "DependencyConflictError", "DependencyStore", "UnknownDependencyError"]

MOST = 100
"""So many can be registered: each is checked all the time, by every process."""

Definition = dict[str, Any]

_DIALECTS: dict[str, Any] = {"postgresql": postgresql, "sqlite": sqlite}


class DependencyConflictError(Exception):
    """It cannot be registered, or removed, beside what there is."""


class UnknownDependencyError(Exception):
    """It depends on something that is not registered."""


class DependencyStore:
    """Keeps definitions (plain JSON values, with `name` and `depends_on`). Thread-safe.

    Raises the errors of medianest.storage.errors.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def all(self) -> list[Definition]:
        """Every definition, the oldest first, by the clocks of those who registered them."""

        def look(connection: Connection) -> list[Definition]:
            rows = select(table.c.definition).order_by(table.c.created_at, table.c.name)
            return list(connection.execute(rows).scalars())

        return self._database.read(look)

    def add(self, definition: Definition, actor: str, known: Collection[str]) -> bool:
        """Keep a definition; False when exactly that is kept already. Raises
        DependencyConflictError when another one has its name or there are too many, and
        UnknownDependencyError when it depends on what is neither kept nor among `known`."""
        return self._database.write(self._add, definition, actor, known)

    def _add(
        self,
        connection: Connection,
        definition: Definition,
        actor: str,
        known: Collection[str],
    ) -> bool:
        if self._is_kept(connection, definition):
            return False
        others = [name for name in definition["depends_on"] if name not in known]
        # Those that it depends on cannot be removed until this is done.
        wanted = select(table.c.name).where(table.c.name.in_(others)).with_for_update()
        found = set(connection.execute(wanted).scalars())
        if missing := [name for name in others if name not in found]:
            raise UnknownDependencyError(f"{', '.join(missing)} is not registered")
        if connection.execute(select(func.count()).select_from(table)).scalar_one() >= MOST:
            raise DependencyConflictError(f"{MOST} dependencies are registered: remove some first")
        now, dialect = self._clock.utc(), _DIALECTS[connection.dialect.name]
        row = {"name": definition["name"], "definition": definition, "registered_by": actor}
        row |= {"created_at": now, "updated_at": now}
        added = connection.execute(dialect.insert(table).on_conflict_do_nothing(), row).rowcount
        return bool(added) or not self._is_kept(connection, definition)

    def _is_kept(self, connection: Connection, definition: Definition) -> bool:
        kept = select(table.c.definition).where(table.c.name == definition["name"])
        found = connection.execute(kept).scalar()
        if found is not None and found != definition:
            name = definition["name"]
            raise DependencyConflictError(f"{name!r} is registered with another definition")
        return found is not None

    def remove(self, name: str) -> bool:
        """Forget one; False when it is not there. Raises DependencyConflictError while another
        one depends on it."""
        return self._database.write(self._remove, name)

    def _remove(self, connection: Connection, name: str) -> bool:
        wanted = select(table.c.name).where(table.c.name == name).with_for_update()
        if connection.execute(wanted).first() is None:
            return False
        rows = connection.execute(select(table.c.definition)).scalars()
        kept = [row for row in rows if isinstance(row, dict)]
        needed_by = [row["name"] for row in kept if name in row.get("depends_on", ())]
        if needed_by:
            raise DependencyConflictError(f"{name!r} is needed by {', '.join(sorted(needed_by))}")
        connection.execute(delete(table).where(table.c.name == name))
        return True
