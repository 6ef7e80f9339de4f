"""The database: every statement through one pipeline, bounded by the deadline, with own errors."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Concatenate, Final, Literal, ParamSpec, TypeVar, cast

from sqlalchemy import Connection, Engine, make_url, text
from sqlalchemy.exc import DBAPIError

from medianest.config import DatabaseSettings
from medianest.resilience import (
    RETRY_OPERATION,
    Deadline,
    Dependency,
    Pipeline,
    Recovery,
    RecoveryAction,
    RecoveryContext,
    ResilienceService,
)
from medianest.storage import postgres, schema, sqlite
from medianest.storage.callers import CALLER
from medianest.storage.compartments import SERVICE, Places, Ways
from medianest.storage.errors import (
    DatabaseReadOnlyError,
    DatabaseUnavailableError,
    StorageError,
)
from medianest.storage.group_commit import GroupCommit
from medianest.storage.lost_connection import lost_connection
from medianest.storage.scarcity import ScarceConnections

__all__ = ["READ", "SERVICE", "WRITE", "Database", "DatabaseFacts", "Dialect", "PoolFigures"]

logger = logging.getLogger(__name__)

READ: Final = "database.read"
WRITE: Final = "database.write"
"""The operations of the database, for recovery."""

_PROOF = 1.0
"""Seconds within which a database that is well has answered."""
_LONGEST = 600.0
"""Seconds for a migration."""

_PROOF_OF_WRITING: Final = text(
    "INSERT INTO write_proof (id, number) VALUES (1, 1) "
    "ON CONFLICT (id) DO UPDATE SET number = write_proof.number + 1"
)

P = ParamSpec("P")
T = TypeVar("T")

Dialect = Literal["sqlite", "postgresql"]

_KINDS = {"sqlite": sqlite, "postgresql": postgres}


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """What a database says of itself."""

    server_version: str
    revision: str | None


@dataclass(frozen=True, slots=True)
class PoolFigures:
    """The connections of this process, and the calls that wait for one."""

    size: int
    in_use: int
    waiting: int


class Database:
    """Runs functions of a connection, each in a transaction of its own, through the pipelines of
    the dependency "database". Opens no connection before the first call. Thread-safe.

    `threads` and `in_flight` are those of a worker: all, and those that requests of clients get.
    A call takes its place in the compartment of whom CALLER names.

    Raises the errors of medianest.storage.errors, and what the pipelines refuse.
    """

    def __init__(
        self,
        url: str,
        settings: DatabaseSettings,
        service: ResilienceService,
        *,
        threads: int,
        in_flight: int | None = None,
    ) -> None:
        location, clock = make_url(url), service.registry.clock
        self._kind = _KINDS[location.get_backend_name()]
        places = Places.fitting(threads, in_flight or max(1, threads - 4), settings.pool_size)
        self.engine: Engine = self._kind.make_engine(
            location, pool_size=places.connections, timeout=settings.timeout
        )
        self._scarce = (
            ScarceConnections(self.engine, postgres.is_full, postgres.CROWDED, clock)
            if self.dialect == "postgresql"
            else None
        )
        self._longest_wait = settings.timeout
        self._proof = Deadline(min(settings.timeout, _PROOF), name=SERVICE, clock=clock)
        self._migration = Deadline(_LONGEST, name=SERVICE, clock=clock)
        self._told: set[type[StorageError]] = set()
        self._clock, self._written_at = clock, -math.inf
        # A file has one writer, and its own waiting is by chance: some would wait for ever.
        self._group = GroupCommit(
            self._transaction, sqlite.SqliteSavepoint, settings.timeout, clock
        )
        service.recovery.register_recovery_action(self._reconnect_action())
        recovery = Recovery(
            service.recovery, service=SERVICE, operation=_name_of, metadata=_statement_of
        )
        inside = settings.policy(DatabaseUnavailableError).build(SERVICE, service.registry)
        common = Pipeline(SERVICE, [recovery, inside])
        self._ways = Ways(places, settings, service.registry, common)
        service.registry.add_dependency(
            Dependency(SERVICE, "critical", self._ways.reading["client"], type="database")
        )

    @property
    def dialect(self) -> Dialect:
        """`sqlite` or `postgresql`."""
        return cast(Dialect, self.engine.dialect.name)

    def write(
        self,
        operation: Callable[Concatenate[Connection, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run `operation(connection, …)` in a transaction, which is committed when it returns."""
        way = self._ways.writing[CALLER.get()]
        return way.call(self._in_turn, False, operation, args, kwargs)

    def read(
        self,
        operation: Callable[Concatenate[Connection, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """The same for one that only reads, and so waits for no writer."""
        way = self._ways.reading[CALLER.get()]
        return way.call(self._in_transaction, True, operation, args, kwargs)

    def upgrade(self) -> tuple[str | None, str]:
        """Bring the tables to this version; the revisions before and after. It may take long, so
        it does not go through the pipeline."""
        with self._migration.scope():
            return self._in_transaction(False, schema.upgrade, (), {})

    def revision(self) -> str | None:
        """The revision of the tables now; None when there are none."""
        return self.read(schema.current_revision)

    def prove(self) -> None:
        """Open a connection and have it answer. Raises StorageError."""
        with self._proof.scope(), self._mapped(), self.engine.connect() as connection:
            connection.execute(text("SELECT 1"))

    def ping(self) -> DatabaseFacts:
        """Ask how it is, past the circuit breaker. Raises StorageError."""
        with self._mapped(), self._transaction(reads=True) as connection:
            version = connection.execute(text(self._kind.VERSION)).scalar_one()
            return DatabaseFacts(str(version), schema.current_revision(connection))

    def prove_write(self, within: float) -> None:
        """Write a small row of its own and commit it, past the circuit breaker; nothing where it
        is known of the last `within` seconds that a change was committed. Raises StorageError."""
        if self._clock.now() - self._written_at >= within:
            try:
                self._in_turn(False, _count_up, (), {})
            except DatabaseReadOnlyError:
                self.engine.dispose()  # a file opened while it could only be read stays so
                raise
        self._told.clear()

    def pool(self) -> PoolFigures:
        """How its connections are used now; asks nobody."""
        pool: Any = self.engine.pool
        return PoolFigures(pool.size(), pool.checkedout(), self._ways.waiting)

    @property
    def waiting_writes(self) -> int:
        """Changes that wait to be committed together; always 0 where writers take no turns."""
        return self._group.waiting

    def release_idle(self) -> int:
        """Close the idle connections if the server has few left for others; how many. Raises
        StorageError."""
        if self._scarce is None:
            return 0
        with self._proof.scope(), self._mapped():
            return self._scarce.release_idle()

    def close(self) -> None:
        """Close the idle connections."""
        self.engine.dispose()

    def _in_turn(
        self,
        reads: bool,
        operation: Callable[..., T],
        args: tuple[object, ...],
        kwargs: dict[str, object],
    ) -> T:
        """One after the other, where there can be only one writer."""
        if self.dialect != "sqlite":
            return self._in_transaction(reads, operation, args, kwargs)
        with self._mapped():
            result: T = self._group.run(lambda connection: operation(connection, *args, **kwargs))
        return result

    def _in_transaction(
        self,
        reads: bool,
        operation: Callable[..., T],
        args: tuple[object, ...],
        kwargs: dict[str, object],
    ) -> T:
        with self._mapped(), self._transaction(reads) as connection:
            return operation(connection, *args, **kwargs)

    @contextmanager
    def _transaction(self, reads: bool = False) -> Iterator[Connection]:
        with self._connection() as connection:
            connection = connection.execution_options(**{sqlite.READS: reads})
            before = self._kind.changes(connection)
            with connection.begin():
                yield connection
            if self._kind.changes(connection) > before:
                self._written_at = self._clock.now()

    def _connection(self) -> Connection:
        if self._scarce is None:
            return self.engine.connect()
        return self._scarce.take(self._longest_wait)

    @contextmanager
    def _mapped(self) -> Iterator[None]:
        """Turn the errors of SQLAlchemy and the drivers into ours."""
        try:
            yield
        except DBAPIError as error:
            ours = self._kind.error_of(error.orig) if error.orig is not None else None
            if ours is None:
                raise
            self._say(type(ours), str(error.orig))
            raise ours from error

    def _say(self, kind: type[StorageError], cause: str) -> None:
        """The driver's own words, for the log alone: once for each kind of trouble until the
        next proof, as each statement has other words for the same."""
        if kind not in self._told:
            self._told.add(kind)
            logger.warning("the database: %s", cause.strip().replace("\n", " "))

    def _reconnect_action(self) -> RecoveryAction:
        return RecoveryAction(
            name="database-reconnect",
            priority=10,
            concerns=lambda context: context.service == SERVICE,
            should_execute=lost_connection,
            execute=self._reconnect,
            cooldown=0.2,
            suspend_for=10.0,
        )

    def _reconnect(self, error: Exception, context: RecoveryContext) -> object:
        """New connections for all: those in the pool may be as broken as the one that failed."""
        self.engine.dispose()
        self.prove()
        return RETRY_OPERATION


def _count_up(connection: Connection) -> None:
    connection.execute(_PROOF_OF_WRITING)


def _name_of(reads: bool, *arguments: object) -> str:
    return READ if reads else WRITE


def _statement_of(
    reads: bool, operation: Callable[..., object], *arguments: object
) -> dict[str, str]:
    name = getattr(operation, "__qualname__", "statement")
    return {"statement": name.partition(".<locals>")[0]}
