"""Silences of alerts: obeyed here at once, by all processes once the database knows."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from medianest.health.alerts import Silence, Silences
from medianest.resilience import CallRefusedError, Clock, Deadline
from medianest.storage.database import Database
from medianest.storage.errors import StorageError
from medianest.storage.tables import silences as table

__all__ = ["SilenceKeeper"]

logger = logging.getLogger(__name__)

_AT_ONCE: Final = 0.5
"""How long an operator waits for the database, in seconds."""

_DIALECTS: Final[dict[str, Any]] = {"postgresql": postgresql, "sqlite": sqlite}


class SilenceKeeper:
    """Keeps the silences of a process and of all others on its database. Thread-safe."""

    def __init__(self, database: Database, silences: Silences, clock: Clock) -> None:
        self._database = database
        self._silences = silences
        self._clock = clock
        self._at_once = Deadline(_AT_ONCE, name="silences", clock=clock)
        self._stored: dict[str, int] = {}
        """The revisions that the database has."""
        self.on_change: Callable[[Silence], object] = lambda silence: None
        """Called with what an operator has silenced here, or ended."""

    def silence(self, key: str, seconds: float, reason: str, actor: str) -> Silence:
        """Tell nobody of that alert for so long; whether that is kept, `is_kept` knows."""
        made = self._silences.silence(key, seconds, reason, actor)
        self._store_now(made)
        self.on_change(made)
        return made

    def end(self, key: str) -> Silence | None:
        """Have an alert told again; None when it was not silenced."""
        ended = self._silences.end(key)
        if ended is not None:
            self._store_now(ended)
            self.on_change(ended)
        return ended

    def of(self, key: str) -> Silence | None:
        """The silence of an alert, while it lasts."""
        return self._silences.of(key)

    def active(self) -> list[Silence]:
        """Those that last now, by their keys."""
        return self._silences.active()

    def learn(self, silence: Silence) -> None:
        """Take over one that another process has, if it is newer."""
        self._silences.learn([silence])

    def is_kept(self, silence: Silence) -> bool:
        """Whether the database has it, so that it outlives the process."""
        return self._stored.get(silence.key) == silence.revision

    def sync(self) -> None:
        """Learn from the database, and give it what it lacks. Raises the errors of
        medianest.storage.errors."""
        stored, now = self._database.read(_all), self._clock.utc()
        self._silences.learn(stored)
        self._stored = {each.key: each.revision for each in stored}
        old = [each for each in stored if each.is_forgettable(now)]
        if old:
            self._database.write(_forget, old)
        self._put([each for each in self._silences.known() if not self.is_kept(each)])

    def _store_now(self, silence: Silence) -> None:
        try:
            with self._at_once.scope():
                self._put([silence])
        except (StorageError, CallRefusedError) as error:
            logger.debug("the silence of %s waits for the database: %s", silence.key, error)

    def _put(self, silences: list[Silence]) -> None:
        """Keep those that no higher revision has overtaken."""
        if silences:
            self._database.write(_write, silences)
            self._stored |= {each.key: each.revision for each in silences}


def _all(connection: Connection) -> list[Silence]:
    found = []
    for kept in connection.execute(select(table.c.record)).scalars():
        try:
            found.append(Silence.of(kept))
        except ValueError as error:
            logger.debug("a silence cannot be read: %s", error)
    return found


def _write(connection: Connection, silences: list[Silence]) -> None:
    insert: Any = _DIALECTS[connection.dialect.name].insert(table)
    upsert = insert.on_conflict_do_update(
        index_elements=["key"],
        set_={name: insert.excluded[name] for name in ("revision", "record")},
        where=table.c.revision <= insert.excluded.revision,
    )
    rows = [{"key": s.key, "revision": s.revision, "record": s.as_dict()} for s in silences]
    connection.execute(upsert, rows)


def _forget(connection: Connection, silences: list[Silence]) -> None:
    for silence in silences:
        same = table.c.revision == silence.revision
        connection.execute(delete(table).where(table.c.key == silence.key, same))
