"""How an error says that a connection failed: by its errno, its type, its SQLSTATE, or in words.

Few errors carry an errno. Python and asyncio raise ConnectionResetError() without one; drivers
and HTTP clients have classes of their own, and some say it in their text alone. What they mean by
it stands in one table.
"""

from __future__ import annotations

import errno
import os
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["is_timeout", "read", "says"]

_TIMEOUT_NAME = re.compile(r"(Timeout|TimedOut|TimeoutExpired)(Error|Exception)?$")


@dataclass(frozen=True, slots=True)
class _Signs:
    """What means a token: a type of Python's without an errno; else, as regular expressions, an
    SQLSTATE, the end of a class's full name, a driver's text."""

    kind: type[OSError] | None = None
    sqlstates: str = "(?!)"
    names: str = "(?!)"
    texts: str = "(?!)"


_NO_SIGNS: Final = _Signs()


_SIGNS: Final = {
    "ECONNREFUSED": _Signs(
        ConnectionRefusedError,
        sqlstates="08001|08004|57P03",
        names="EndpointConnectionError|ConnectError",  # botocore; httpx
        texts="database system is (starting up|shutting down|in recovery mode|not yet accepting)",
    ),
    "ECONNRESET": _Signs(
        ConnectionResetError,
        sqlstates="08(?!001|004)...|57P0[12]",
        names="SSLEOFError|SSLZeroReturnError|"  # it hung up within TLS
        r"urllib3\.exceptions\.ProtocolError|IncompleteRead|"  # http.client
        "ConnectionClosedError|IncompleteReadError|"  # botocore; asyncio
        "ReadError|RemoteProtocolError|ServerDisconnectedError",  # httpx; aiohttp
        texts="closed the connection|connection has been closed|connection already closed|"
        "terminating connection|EOF detected|no connection to the server|"  # libpq
        "connection closed by server|"  # redis-py
        "lost connection to .* server|server has gone away",  # MySQL
    ),
    "ECONNABORTED": _Signs(ConnectionAbortedError),
    "EPIPE": _Signs(BrokenPipeError, names=r"(httpx|httpcore)\.WriteError"),
    "TIMEOUT": _Signs(texts="timeout expired|timed out"),
    "ENOTFOUND": _Signs(
        texts="could not translate host name|name or service not known|"
        "temporary failure in name resolution"
    ),
}
"""SQLSTATEs: PostgreSQL manual, appendix A. What has the system's own words in its text needs no
entry."""

_NOT_MEANT: Final = re.compile(r"tarfile\.")
"""Modules with classes of such a name that speak of something else."""

_DRIVER: Final = re.compile(
    r"(psycopg2?|redis|valkey|pymysql)\b.*\.(OperationalError|InterfaceError|ConnectionError)"
)
"""Whose text can be believed: no value of a client stands in it."""

_OF_CONNECTIONS: Final = re.compile("ECONN|ENET|EHOST|EADDR|EPIPE|ETIMEDOUT|ENOTCONN|ESHUTDOWN")

_NO_HTTP: Final = {"BadStatusLine", "LineTooLong", "InvalidChunkLength"}


def says(token: str, number: int | None, chain: Iterable[BaseException]) -> bool:
    """Whether an error, given with its causes, says that of a connection: a token's name in upper
    case, and its errno where it has one. Classes' names and texts count only where no error of
    the chain says more exactly what happened."""
    errors = list(chain)
    exact = [said for error in errors if (said := _exactly(error)) is not None]
    if token in exact or number in exact:
        return True
    if any(map(_is_of_connections, exact)):
        return False
    return any(_says_roughly(error, token, number) for error in errors)


def _is_of_connections(said: int | str) -> bool:
    """Not that of a file that was missing on the way."""
    return isinstance(said, str) or _OF_CONNECTIONS.match(errno.errorcode.get(said, "")) is not None


def _exactly(error: BaseException) -> int | str | None:
    """An errno, or a token, or a word for what is neither and leaves no doubt."""
    if isinstance(error, OSError) and (said := _of_the_system(error)) is not None:
        return said
    state = read(error, "pgcode") or read(error, "sqlstate")
    if isinstance(state, str):
        return next((t for t, s in _SIGNS.items() if re.fullmatch(s.sqlstates, state)), state)
    if is_timeout(error):
        return "TIMEOUT"
    return "no HTTP" if _NO_HTTP & set(_names(error)) else None


def _of_the_system(error: OSError) -> int | str | None:
    if isinstance(error, socket.gaierror):
        return "ENOTFOUND"
    if "SSLError" in _names(error):  # its errno is OpenSSL's, and none
        return None
    if isinstance(error.errno, int):
        return error.errno
    return next((t for t, s in _SIGNS.items() if s.kind and isinstance(error, s.kind)), None)


def _says_roughly(error: BaseException, token: str, number: int | None) -> bool:
    signs = _SIGNS.get(token, _NO_SIGNS)
    kinds = [f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__]
    if any(re.search(rf"(^|\.)({signs.names})$", k) and not _NOT_MEANT.match(k) for k in kinds):
        return True
    if not any(map(_DRIVER.fullmatch, kinds)):
        return False
    text = str(error)
    if re.search(signs.texts, text, re.IGNORECASE):
        return True
    return number is not None and os.strerror(number).lower() in text.lower()


def _names(error: BaseException) -> list[str]:
    return [kind.__name__ for kind in type(error).__mro__]


def is_timeout(error: BaseException) -> bool:
    """Whether it is a timeout: by type, or by name, as those of HTTP libraries are their own."""
    if isinstance(error, TimeoutError):
        return True
    names = _names(error)
    # urllib3 derives this one from its ConnectTimeoutError, though nothing timed out.
    return "NewConnectionError" not in names and any(map(_TIMEOUT_NAME.search, names))


def read(holder: object, name: str) -> Any:
    """An attribute, or None when it is missing or cannot be read: a property may raise."""
    try:
        return getattr(holder, name, None)
    except Exception:
        return None
