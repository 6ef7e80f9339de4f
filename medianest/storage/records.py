"""Recovery history and audit: what their rows are made of."""

from __future__ import annotations

from typing import Any

from medianest.resilience import Clock
from medianest.resilience.recovery import RecoveryHistory, RecoveryRecord
from medianest.storage.audit_row import audit_row
from medianest.storage.database import Database
from medianest.storage.journal import Journal
from medianest.storage.selection import Cursor, Selection
from medianest.storage.tables import audit, recovery_history

__all__ = ["Audit", "HistoryJournal"]


class HistoryJournal(Journal):
    """The recovery history of all processes. Written when a record begins, once a minute while it
    grows, and when it is over."""

    _grows = True

    def __init__(self, database: Database, history: RecoveryHistory | None = None) -> None:
        super().__init__(database, recovery_history)
        self._history = history
        if history is not None:
            history.sinks.append(self.note)

    def note(self, record: RecoveryRecord) -> None:
        """A sink of RecoveryHistory."""
        self.add(
            {
                "id": record.id,
                "at": record.at,
                "operation": record.operation[:200],
                "service": record.service,
                "outcome": record.outcome,
                "record": record.as_dict(),
            }
        )

    def flush(self) -> int:
        """The same as of any journal, after a look at what has grown or is over."""
        if self._history is not None:
            self._history.settle()
        return super().flush()

    def page(
        self, wanted: Selection, after: Cursor | None, limit: int
    ) -> tuple[list[dict[str, Any]], Cursor | None]:
        """The same as of any journal; what grows in this process, as it is now."""
        if self._history is not None:
            for record in self._history.grown():
                self.note(record)
        return super().page(wanted, after, limit)


class Audit(Journal):
    """Who changed what, when, why and from where."""

    def __init__(self, database: Database, clock: Clock) -> None:
        super().__init__(database, audit)
        self._clock = clock

    def note(
        self,
        actor: str,
        action: str,
        target: str,
        *,
        reason: str | None = None,
        address: str | None = None,
        correlation_id: str | None = None,
        detail: dict[str, Any] | None = None,
    ) -> None:
        """Keep one change; it waits for nothing, the database least of all."""
        self.add(
            audit_row(
                self._clock.utc(),
                actor,
                action,
                target,
                reason=reason,
                address=address,
                correlation_id=correlation_id,
                detail=detail,
            )
        )
