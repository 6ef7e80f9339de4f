"""PostgreSQL between the hosts: the table of overrides holds the entries, two more the reports and
the leases, NOTIFY wakes."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Final

import psycopg2
from sqlalchemy import Connection, make_url, text
from sqlalchemy.exc import DBAPIError

from medianest.cluster.tier import FORGOTTEN, LARGEST, MOST, Change, TierError
from medianest.storage import postgres

__all__ = ["PostgresTier"]

_CHANNEL: Final = "medianest"
_STATEMENT_SECONDS: Final = 1.0
"""After which the server gives a statement up, or a lock sooner."""

_ANSWERING: Final = "SELECT pg_backend_pid()"
_ENTRY: Final = "CASE WHEN octet_length(record::text) <= :largest THEN record::text ELSE '' END"
_READ: Final = text(f"SELECT breaker, {_ENTRY} FROM overrides ORDER BY revision DESC LIMIT :most")

_WRITE: Final = text(f"""
INSERT INTO overrides AS kept (breaker, revision, record)
VALUES (:name, :revision, CAST(:entry AS json))
ON CONFLICT (breaker) DO UPDATE SET revision = excluded.revision, record = excluded.record
WHERE {_ENTRY.replace("record", "kept.record")} = :seen
""")
_REMOVE: Final = text(f"DELETE FROM overrides WHERE breaker = :name AND {_ENTRY} = :seen")

# One of a later time would count for ever; of "infinity" there is no age.
_IS_OF_USE: Final = """(at BETWEEN clock_timestamp() - make_interval(secs => :forgotten)
    AND clock_timestamp() + make_interval(secs => 1))"""
_REPORTS: Final = text(f"""
SELECT host, greatest(0, EXTRACT(EPOCH FROM clock_timestamp() - at)), entry FROM host_reports
WHERE octet_length(entry) <= :largest AND {_IS_OF_USE} ORDER BY at DESC LIMIT :most
""")
_REPORT: Final = text("""
INSERT INTO host_reports (host, at, entry) VALUES (:host, clock_timestamp(), :entry)
ON CONFLICT (host) DO UPDATE SET at = excluded.at, entry = excluded.entry
""")
_FORGET: Final = text(f"DELETE FROM host_reports WHERE host = :host OR NOT {_IS_OF_USE}")

# All hosts lock the rows in one order, or they would wait for each other. What ends later than any
# lease is none: it would keep all hosts from probing.
_TAKE: Final = text("""
INSERT INTO probe_leases AS kept (name, host, until)
SELECT name, :host, clock_timestamp() + make_interval(secs => :seconds)
FROM unnest(CAST(:names AS text[])) AS name ORDER BY name
ON CONFLICT (name) DO UPDATE SET host = excluded.host, until = excluded.until
WHERE kept.host = excluded.host
    OR kept.until NOT BETWEEN clock_timestamp() AND excluded.until
RETURNING name
""")
_GIVE: Final = text("""
DELETE FROM probe_leases WHERE name IN (
    SELECT name FROM probe_leases
    WHERE name = ANY(CAST(:names AS text[])) AND host = :host ORDER BY name FOR UPDATE
)
""")


class PostgresTier:
    """A Tier, with a connection of its own beside the pool. `url` may hold a password, which no
    message of its errors has."""

    name = "PostgreSQL"

    def __init__(self, url: str) -> None:
        engine = postgres.make_engine(make_url(url), pool_size=1, timeout=_STATEMENT_SECONDS)
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._me = ""
        self._connection: Connection | None = None
        self._listens = False

    def connect(self) -> None:
        """Listen to the others, where that is of use: behind a pooler each statement may go to
        another process of the server, and what one of them hears reaches anybody."""
        self._me = secrets.token_hex(8)  # and not before the fork
        with _mapped():
            self._connection = self._engine.connect()
            answering = self._connection.execute(text(_ANSWERING)).scalar_one()
            self._listens = answering == self._driver.info.backend_pid
            if self._listens:
                self._connection.execute(text(f"LISTEN {_CHANNEL}"))

    def read(self) -> Mapping[str, bytes]:
        """All entries."""
        with _mapped():
            rows = self._connected.execute(_READ, {"largest": LARGEST, "most": MOST})
            return {name: entry.encode() for name, entry in rows}

    def write(self, changes: Collection[Change]) -> int:
        """Make those changes that nobody has forestalled."""
        with _mapped():
            return sum(self._made(change) for change in changes)

    def _made(self, change: Change) -> int:
        values: dict[str, Any] = {
            "name": change.name,
            "seen": change.seen.decode(),
            "largest": LARGEST,
        }
        if change.entry is None:
            return self._connected.execute(_REMOVE, values).rowcount
        values["entry"] = change.entry.decode()
        values["revision"] = json.loads(change.entry)["revision"]
        return self._connected.execute(_WRITE, values).rowcount

    def report(self, host: str, entry: bytes | None) -> Mapping[str, tuple[float, bytes]]:
        """Keep that of one host; those of all before."""
        with _mapped():
            limits = {"largest": LARGEST, "most": MOST, "forgotten": FORGOTTEN}
            rows = self._connected.execute(_REPORTS, limits)
            found = {name: (float(age), kept.encode()) for name, age, kept in rows}
            if entry is not None:
                self._connected.execute(_REPORT, {"host": host, "entry": entry.decode()})
            elif host in found:
                self._connected.execute(_FORGET, {"host": host, "forgotten": FORGOTTEN})
            return found

    def take_leases(self, names: Collection[str], host: str, seconds: float) -> Collection[str]:
        """By the clock of the server."""
        with _mapped():
            values = {"names": [*names], "host": host, "seconds": seconds}
            return set(self._connected.execute(_TAKE, values).scalars())

    def give_leases(self, names: Collection[str], host: str) -> None:
        """Those that this host has."""
        with _mapped():
            self._connected.execute(_GIVE, {"names": [*names], "host": host})

    def wake(self) -> None:
        """Have the other hosts look."""
        with _mapped():
            values = {"channel": _CHANNEL, "me": self._me}
            self._connected.execute(text("SELECT pg_notify(:channel, :me)"), values)

    def fileno(self) -> int:
        """Of the connection, where it listens."""
        return int(self._driver.fileno()) if self._listens else -1

    def is_woken(self) -> bool:
        """Whether another host has asked to look."""
        if not self._listens:
            return False
        with _mapped():
            driver = self._driver
            driver.poll()
            heard, driver.notifies[:] = driver.notifies[:], []
            return any(each.payload != self._me for each in heard)

    def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        self._listens = False
        with suppress(DBAPIError, psycopg2.Error):
            if connection is not None:
                connection.invalidate()
                connection.close()
        self._engine.dispose()

    def abandon(self) -> None:
        """The driver would say good-bye to the server in the name of the other process."""
        if self._connection is not None:
            with suppress(OSError, psycopg2.Error):
                os.close(self._driver.fileno())
        self._connection, self._listens = None, False
        self._engine.dispose(close=False)

    @property
    def _connected(self) -> Connection:
        if self._connection is None:
            raise TierError("the database cannot be reached")
        return self._connection

    @property
    def _driver(self) -> Any:
        return self._connected.connection.driver_connection


@contextmanager
def _mapped() -> Iterator[None]:
    try:
        yield
    except (DBAPIError, psycopg2.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        ours = None if cause is None else postgres.error_of(cause)
        raise TierError(str(ours or "the database refused a statement")) from error
