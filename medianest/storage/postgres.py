"""PostgreSQL by psycopg2, with no wait beyond the deadline.

libpq waits for ever for a server that has stopped answering without closing the connection.
psycopg2 lets a callback do its waiting: ours polls the socket until the deadline and then raises.
It must only raise: closing the connection inside the callback deadlocks, so the connection is
thrown away afterwards, as the error says that it is lost.
"""

from __future__ import annotations

import select
from functools import partial
from typing import Any

import psycopg2
import psycopg2.extensions
from psycopg2.extensions import POLL_OK, POLL_READ, POLL_WRITE
from sqlalchemy import Connection, Engine, ExceptionContext, create_engine, event
from sqlalchemy.engine import URL

from medianest.net.dns import resolve
from medianest.resilience import remaining
from medianest.resilience.errors import PortableError
from medianest.storage.errors import (
    DatabaseBusyError,
    DatabaseFullError,
    DatabaseReadOnlyError,
    DatabaseUnavailableError,
    SchemaError,
    StorageError,
)

__all__ = ["CROWDED", "VERSION", "changes", "error_of", "is_full", "make_engine"]

VERSION = "SHOW server_version"

CROWDED = """
SELECT bool_or(used >= 0.8 * most) FROM (
    SELECT count(*) AS used, current_setting('max_connections')::int
        - current_setting('superuser_reserved_connections')::int AS most
    FROM pg_stat_activity WHERE datname IS NOT NULL
    UNION ALL
    SELECT count(*), (SELECT nullif(rolconnlimit, -1) FROM pg_roles WHERE rolname = current_user)
    FROM pg_stat_activity WHERE usename = current_user
    UNION ALL
    SELECT count(*), (SELECT nullif(datconnlimit, -1) FROM pg_database
        WHERE datname = current_database())
    FROM pg_stat_activity WHERE datname = current_database()
) AS limits
"""
"""Whether few connections are left: of the server, of our role or of our database."""

_FULL = (
    "too many clients", "too many connections", "connection slots are reserved",
    "no more connections allowed",  # PgBouncer
)  # fmt: skip
"""libpq gives no SQLSTATE for a connection that was refused, only the server's words; what a
server says in another language is taken as before, for a server that cannot be reached."""

MAX_WAIT = 30.0
"""Seconds to wait for an answer where there is no deadline."""

_EVENTS = {POLL_READ: select.POLLIN, POLL_WRITE: select.POLLOUT}

_ERRORS: dict[str, tuple[type[StorageError], str]] = {
    "53100": (DatabaseFullError, "the disk of the database is full"),
    "25006": (DatabaseReadOnlyError, "the database may only be read"),
    "42P01": (SchemaError, "the tables are not those of this version; run medianest db upgrade"),
    "42703": (SchemaError, "the tables are not those of this version; run medianest db upgrade"),
    "55P03": (DatabaseBusyError, "the database is locked"),
    "57014": (DatabaseBusyError, "the database took too long"),
    "40P01": (DatabaseBusyError, "the database resolved a deadlock"),
    "40001": (DatabaseBusyError, "the database serialised two transactions"),
}
"""By SQLSTATE (PostgreSQL manual, appendix A)."""


class NoAnswerError(PortableError, psycopg2.OperationalError):
    """The server did not answer before the deadline."""


def make_engine(url: URL, *, pool_size: int, timeout: float) -> Engine:
    """An engine whose every wait ends with the deadline, and whose server waits no longer than
    `timeout` seconds: neither for a lock nor for us."""
    psycopg2.extensions.set_wait_callback(_wait)
    engine = create_engine(
        url.set(drivername="postgresql+psycopg2"),
        pool_size=pool_size,
        max_overflow=0,
        pool_use_lifo=True,
        hide_parameters=True,
        connect_args={
            "application_name": "medianest",
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 15_000,
        },
    )
    event.listen(engine, "connect", partial(_bound_server, timeout))
    event.listen(engine, "begin", partial(_bound_locks, timeout))
    event.listen(engine, "handle_error", _give_up_connection)
    event.listen(engine, "do_connect", _look_up_host)
    return engine


def changes(connection: Connection) -> int:
    """It does not say how many rows a connection has changed."""
    return 0


def _bound_server(timeout: float, connection: Any, record: object) -> None:
    """A host that dies in the middle of a transaction must not keep its locks from all others,
    and a statement that we gave up must not run on. Not by startup options: poolers refuse them."""
    milliseconds = int(timeout * 1000)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(
            f"SET lock_timeout = {milliseconds * 3 // 4}; SET statement_timeout = {milliseconds};"
            f"SET idle_in_transaction_session_timeout = {milliseconds + 5000};"
            "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5;"
            "SET tcp_keepalives_count = 3"
        )
    connection.autocommit = False


def _bound_locks(timeout: float, connection: Connection) -> None:
    """Where less time is left than usual, the server must give a lock up before we do, or a lock
    would look like a server that is away."""
    left = remaining(timeout)
    if left < 0.9 * timeout:
        milliseconds = max(1, int(left * 750))
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {milliseconds}")


def _look_up_host(dialect: Any, record: Any, args: Any, parameters: dict[str, Any]) -> None:
    """libpq would look the name up by itself, without regard to the deadline."""
    hosts = [host for host in str(parameters.get("host") or "").split(",") if host]
    ports = str(parameters.get("port") or 5432).split(",")
    if not hosts or hosts[0].startswith("/") or "hostaddr" in parameters:
        return
    ports = ports * len(hosts) if len(ports) == 1 else ports
    found: list[tuple[str, str, str]] = []
    try:
        for host, port in zip(hosts, ports, strict=True):
            found += [(host, address[0], port) for _, address in resolve(host, int(port))]
    except (OSError, ValueError) as error:
        raise psycopg2.OperationalError(f"the name of the database: {error}") from error
    names, addresses, used = zip(*found, strict=True)
    # The names are for the certificates.
    parameters.update(host=",".join(names), hostaddr=",".join(addresses), port=",".join(used))


def _wait(connection: Any) -> None:
    while (state := connection.poll()) != POLL_OK:
        poller = select.poll()
        poller.register(connection.fileno(), _EVENTS[state])
        left = remaining(MAX_WAIT)
        if left <= 0 or not poller.poll(left * 1000):
            raise NoAnswerError("the database did not answer in time")


def _give_up_connection(context: ExceptionContext) -> None:
    """A connection with an unread answer on it is of no use to anybody."""
    if isinstance(context.original_exception, NoAnswerError):
        context.is_disconnect = True
        context.invalidate_pool_on_disconnect = False  # the others may be well


def is_full(error: object) -> bool:
    """Whether the server is there, but has no connection left for us."""
    said = str(error)
    return isinstance(error, psycopg2.OperationalError) and any(word in said for word in _FULL)


def error_of(error: BaseException) -> StorageError | None:
    """What an error of the driver means; None for one that is nobody's trouble but ours."""
    if not isinstance(error, psycopg2.Error):
        return None
    kind = _ERRORS.get(error.pgcode or "")
    if kind is not None:
        return kind[0](kind[1])
    if is_full(error):
        return DatabaseBusyError("the database has no connection free")
    if isinstance(error, NoAnswerError):
        return DatabaseUnavailableError("the database did not answer in time")
    if isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError):
        # Its text may name hosts and users, and those who read this need not know them.
        return DatabaseUnavailableError("the database cannot be reached")
    return None
