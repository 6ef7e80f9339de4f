"""The storage of a process: the database, its tables, and the records that are written behind."""

from __future__ import annotations

from medianest.config import Settings
from medianest.health.change_history import ChangeHistory
from medianest.jobs import Job
from medianest.resilience import ResilienceService
from medianest.resilience.recovery import NamedOperation, breaker_reset
from medianest.resilience.steps import ClockSteps
from medianest.storage.change_journal import ChangeJournal
from medianest.storage.database import READ, SERVICE, WRITE, Database
from medianest.storage.journal import Journal
from medianest.storage.migrator import Migrator
from medianest.storage.records import Audit, HistoryJournal
from medianest.storage.samples import sample_error

__all__ = ["Storage"]

_PREPARE_SECONDS, _WRITE_SECONDS, _RELEASE_SECONDS = 2.0, 1.0, 1.0
_FOLLOW_SECONDS = 2.0
_PRUNE_SECONDS, _PRUNE_FIRST = 3600.0, 60.0


class Storage:
    """Everything that outlives the process. Opens no connection before the first call."""

    def __init__(
        self, settings: Settings, service: ResilienceService, changes: ChangeHistory
    ) -> None:
        clock = service.registry.clock
        self.database = Database(
            settings.database_url,
            settings.database,
            service,
            threads=settings.threads,
            in_flight=settings.in_flight_limit,
        )
        self.migrator = Migrator(self.database, migrate=settings.database.migrate)
        self.history = HistoryJournal(self.database, service.recovery.history)
        self.audit = Audit(self.database, clock)
        self.events = ChangeJournal(self.database, changes)
        self._settings = settings.database
        self._steps = ClockSteps(clock)
        self._register(service)

    def _register(self, service: ResilienceService) -> None:
        """What recovery knows of the database."""
        manager, proofs = service.recovery, {SERVICE: self.database.prove}
        manager.register_recovery_action(breaker_reset(service.registry, proofs, cooldown=1.0))
        for name in (READ, WRITE):
            manager.register_operation(NamedOperation(name=name, service=SERVICE, max_attempts=2))
        manager.operations.sample_with(SERVICE, sample_error)

    def jobs(self) -> list[Job]:
        """What is done beside the requests."""
        kept = {"history": self.history, "audit": self.audit, "events": self.events}
        return [
            Job(
                name="prepare the database",
                run=self.migrator.prepare,
                every=_PREPARE_SECONDS,
                at_start=self.migrator.begin,
            ),
            *(_writing(name, journal) for name, journal in kept.items()),
            Job(
                name="learn of events",
                run=self.events.follow,
                every=_FOLLOW_SECONDS,
                needs_tables=True,
            ),
            Job(name="release connections", run=self.database.release_idle, every=_RELEASE_SECONDS),
            Job(
                name="prune what is old",
                run=self._prune,
                every=_PRUNE_SECONDS,
                first=_PRUNE_FIRST,
                needs_tables=True,
            ),
        ]

    def close(self) -> None:
        """Close the idle connections."""
        self.database.close()

    def _prune(self) -> None:
        """Not what a clock that was set forward makes look old."""
        self.history.prune(self._steps.ago(self._settings.keep_history))
        self.audit.prune(self._steps.ago(self._settings.keep_audit))
        self.events.prune(self._steps.ago(self._settings.keep_history))


def _writing(name: str, journal: Journal) -> Job:
    """Writes what a journal holds, also at the end."""
    return Job(
        name=f"write the {name}",
        run=journal.flush,
        every=_WRITE_SECONDS,
        needs_tables=True,
        at_end=journal.flush,
    )
