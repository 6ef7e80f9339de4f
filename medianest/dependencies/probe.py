"""One request to a health_check_url, which cannot be led to a place that is forbidden."""

from __future__ import annotations

import socket
import ssl
import threading
from dataclasses import dataclass
from functools import cached_property
from http.client import HTTPConnection as PlainConnection
from typing import Any, Final

from medianest.dependencies.addresses import Addresses
from medianest.dependencies.url import HealthUrl
from medianest.media.errors import SlowError
from medianest.media.failures import mapped
from medianest.net.adapter import connection_to, tls_context
from medianest.net.dns import resolve
from medianest.resilience import Clock, Deadline
from medianest.resilience.clock import as_clock

__all__ = ["HealthProbe", "ProbeResult"]

_HEADERS: Final = {"Accept": "*/*", "Connection": "close", "User-Agent": "medianest"}
_MOST_LOOK_UPS = 150
"""More than can be registered; each that hangs keeps a thread."""

_REDIRECTS = (301, 302, 303, 307, 308)


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What a service answered: its status, after how many seconds."""

    status: int
    seconds: float

    @property
    def message(self) -> str:
        """The status for people."""
        if self.status in _REDIRECTS:
            return f"it redirects ({self.status}), which is not followed"
        return f"it answered {self.status}"


class _LookUps:
    """The names that are being looked up: each once at a time, as one may hang for long, and no
    other name must wait for it. Not those of the media servers."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.changed = threading.Condition()


class _Turn:
    """The right to look up one name."""

    def __init__(self, look_ups: _LookUps, name: str) -> None:
        self._look_ups = look_ups
        self._name = name

    def acquire(self, *, timeout: float) -> bool:
        """Wait for it; whether it came."""
        names = self._look_ups.names
        with self._look_ups.changed:
            is_free = self._look_ups.changed.wait_for(
                lambda: self._name not in names and len(names) < _MOST_LOOK_UPS, timeout
            )
            if is_free:
                names.add(self._name)
            return is_free

    def release(self) -> None:
        """Let others have it."""
        with self._look_ups.changed:
            self._look_ups.names.discard(self._name)
            self._look_ups.changed.notify_all()


class HealthProbe:
    """Asks services that an operator registered. `timeout` seconds bound a whole `ask`, and a
    whole `resolve`. Thread-safe.

    Nothing is kept between two requests: no connection, address or cookie. Raises
    DeadlineExceededError when the deadline around a call has nothing left.
    """

    def __init__(self, addresses: Addresses, *, timeout: float, clock: Clock | None = None) -> None:
        self._addresses = addresses
        self._clock = as_clock(clock)
        self._deadline = Deadline(timeout, name="health check", clock=clock)
        self._look_ups = _LookUps()

    def resolve(self, url: HealthUrl) -> tuple[str, ...]:
        """The addresses of the host, each of them allowed.

        Raises ForbiddenAddressError if one is not, UnresolvableError if there is none, SlowError
        if the look-up takes too long.
        """
        with self._deadline.scope(), mapped(url.authority):
            try:
                found = self._allowed(url.host, url.port)
            except TimeoutError as error:
                raise SlowError(url.authority, "the DNS lookup timed out") from error
        return tuple(dict.fromkeys(address[0] for _, address in found))

    def ask(self, url: HealthUrl) -> ProbeResult:
        """GET the URL and read no more than the head of the answer, whatever its status.

        Raises ForbiddenAddressError if one of the addresses that the host has now is not allowed,
        and an UpstreamError when there is no answer.
        """
        tls = self._tls if url.scheme == "https" else None
        started = self._clock.now()
        # The name is looked up once, in the connect itself: between a check and a second look-up
        # its owner could lead it elsewhere.
        connection = connection_to(url.host, url.port, tls=tls, find=self._allowed)
        try:
            with self._deadline.scope(), mapped(url.authority):
                connection.request("GET", url.target, headers=_HEADERS)
                # Not by urllib3: it logs the headers that it cannot parse, which are not ours.
                with PlainConnection.getresponse(connection) as response:
                    status = response.status
        finally:
            connection.close()
        return ProbeResult(status, self._clock.now() - started)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        # Its authorities take longer to load than all else at the start, and few need them.
        return tls_context()

    def _allowed(self, host: str, port: int) -> list[tuple[int, Any]]:
        found = resolve(host, port, _Turn(self._look_ups, host))
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "the name does not resolve")
        for _, address in found:
            self._addresses.check(address[0])
        return found
