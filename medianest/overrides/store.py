"""The second copy of the overrides, in the database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from medianest.overrides.override import Override
from medianest.storage.database import Database
from medianest.storage.tables import overrides as table

__all__ = ["OverrideStore"]

_DIALECTS: dict[str, Any] = {"postgresql": postgresql, "sqlite": sqlite}


class OverrideStore:
    """Keeps the last word on each breaker. Raises the errors of medianest.storage.errors.
    Thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[Override]:
        """Every word that can be read; one that is damaged is lost, and written anew by whoever
        knows it."""

        def look(connection: Connection) -> list[Any]:
            return list(connection.execute(select(table.c.record)).scalars())

        return [found for kept in self._database.read(look) if (found := _read(kept)) is not None]

    def put(self, overrides: list[Override]) -> None:
        """Keep those that no higher revision has overtaken."""

        def write(connection: Connection) -> None:
            insert: Any = _DIALECTS[connection.dialect.name].insert(table)
            newer = {name: insert.excluded[name] for name in ("revision", "record")}
            upsert = insert.on_conflict_do_update(
                index_elements=["breaker"],
                set_=newer,
                where=table.c.revision <= insert.excluded.revision,
            )
            connection.execute(upsert, [_row(override) for override in overrides])

        if overrides:
            self._database.write(write)

    def forget(self, overrides: list[Override]) -> None:
        """Remove these, unless newer words have taken their places."""

        def remove(connection: Connection) -> None:
            for override in overrides:
                same = table.c.revision == override.revision
                connection.execute(delete(table).where(table.c.breaker == override.breaker, same))

        if overrides:
            self._database.write(remove)


def _row(override: Override) -> dict[str, Any]:
    return {
        "breaker": override.breaker,
        "revision": override.revision,
        "record": override.as_dict(),
    }


def _read(kept: Any) -> Override | None:
    try:
        return Override.of(kept)
    except ValueError:
        return None
