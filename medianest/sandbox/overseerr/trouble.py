"""What can be broken around an Overseerr, and the faults that break it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from medianest.resilience.clock import Clock
from medianest.sandbox.faults import ActiveFault
from medianest.sandbox.kinds import SECONDS, Option, is_whole, one_of
from medianest.sandbox.messages import OwnFault, Reply, Request
from medianest.sandbox.overseerr.answers import AnswerError

__all__ = ["WELL", "Trouble", "own_faults"]

RACE_SECONDS: Final = 0.1
"""So long, under `racy`, a request waits between its check for duplicates and its creation."""

FAILURES: Final[Mapping[str, str]] = {
    "ECONNREFUSED": "connect ECONNREFUSED 192.0.2.1:443",
    "ENOTFOUND": "getaddrinfo ENOTFOUND api.themoviedb.org",
    "EAI_AGAIN": "getaddrinfo EAI_AGAIN api.themoviedb.org",
    "ETIMEDOUT": "connect ETIMEDOUT 192.0.2.1:443",
    "ECONNRESET": "socket hang up",
    "timeout": "timeout of 10000ms exceeded",
}
"""How the source can fail, in the words of the server's HTTP client."""

LOCKED: Final = "SQLITE_BUSY: database is locked"
READ_ONLY: Final = (
    LOCKED,
    "SQLITE_READONLY: attempt to write a readonly database",
    "SQLITE_FULL: database or disk is full",
)
"""What a database says that can still be read."""
GONE: Final = (
    "SQLITE_CANTOPEN: unable to open database file",
    "SQLITE_IOERR: disk I/O error",
    "Connection terminated unexpectedly",
    "the database system is shutting down",
)
"""What one says that cannot be read either; the last two are of PostgreSQL."""

SOURCE_STATUS: Final = Option(
    lambda value: is_whole(value) and 400 <= value <= 599,
    "a whole number from 400 to 599",
    default=500,
)


def _at_once() -> None:
    pass


@dataclass(frozen=True)
class Trouble:
    """What is broken around the server while it answers."""

    source: str | None = None
    """Its source of titles fails, in the words of the server's HTTP client."""
    waits: Callable[[], None] = _at_once
    """Takes as long as the source takes to answer."""
    between: Callable[[], None] | None = None
    """Runs after the check for duplicates and before the creation."""
    gone: str | None = None
    """Its database cannot be read, in the database's words."""
    quota: bool = False
    """Nobody may request any more for now."""
    csrf: bool = False
    """What changes anything needs a token that no API client has."""


WELL: Final = Trouble()


def own_faults(answer: Callable[[Request, Trouble], Reply], clock: Clock) -> Mapping[str, OwnFault]:
    """The faults that only this server has; `answer` is how it answers in trouble."""

    def fault(trouble: Callable[[ActiveFault], Trouble], **options: Option) -> OwnFault:
        return OwnFault(lambda request, fault: answer(request, trouble(fault)), options)

    return {
        "source": fault(_source, status=SOURCE_STATUS, failure=one_of(tuple(FAILURES))),
        "stall": fault(_stall, seconds=SECONDS),
        "locked": fault(_locked, message=one_of(READ_ONLY + GONE, LOCKED)),
        "racy": fault(lambda fault: Trouble(between=lambda: clock.sleep(RACE_SECONDS))),
        "quota": fault(lambda fault: Trouble(quota=True)),
        "csrf": fault(lambda fault: Trouble(csrf=True)),
    }


def _source(fault: ActiveFault) -> Trouble:
    """`failure`, where it is given, decides: then there is no status."""
    status, failure = fault.options["status"], fault.options["failure"]
    return Trouble(FAILURES.get(failure, f"Request failed with status code {status}"))


def _stall(fault: ActiveFault) -> Trouble:
    """As on the real server, nobody looks whether the client is still there."""

    def waits() -> None:
        fault.hold(fault.options["seconds"])

    return Trouble(waits=waits, between=waits)


def _locked(fault: ActiveFault) -> Trouble:
    message: str = fault.options["message"]

    def refuses() -> None:
        raise AnswerError(500, message)

    return Trouble(between=refuses, gone=message if message in GONE else None)
