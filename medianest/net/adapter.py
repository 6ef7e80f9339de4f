"""Sockets that obey the current deadline in every single operation.

The timeout of `requests` starts again with each byte, so that an upstream which drips holds a
thread for ever. These sockets look at the time left before each read and write, the name look-up
and the TLS handshake included.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from requests.adapters import HTTPAdapter
from requests.exceptions import InvalidProxyURL
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3 import HTTPConnectionPool, PoolManager, ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import (
    ConnectTimeoutError,
    NameResolutionError,
    NewConnectionError,
    SSLError,
)
from urllib3.util.ssl_ import create_urllib3_context, resolve_cert_reqs

from medianest.net.connect import LookUp, connect
from medianest.net.dns import time_left
from medianest.net.reuse import Freshness, ReusableConnection
from medianest.resilience import Clock

if TYPE_CHECKING:
    from medianest.config import UpstreamTls

__all__ = [
    "DeadlineAdapter",
    "OtherCertificateError",
    "UpstreamAdapter",
    "connection_to",
    "tls_context",
]


class OtherCertificateError(Exception):
    """The server's certificate is not the one that is pinned."""


class _ObeysDeadline:
    """Put before a kind of socket: gives each of its operations the time that is left."""

    heard = False
    """Whether a byte has come, since it was set to False."""

    def recv_into(self, *args: Any) -> int:
        self.settimeout(time_left())  # type: ignore[attr-defined]
        size: int = super().recv_into(*args)  # type: ignore[misc]
        self.heard = self.heard or size > 0
        return size

    def sendall(self, *args: Any) -> None:
        self.settimeout(time_left())  # type: ignore[attr-defined]
        super().sendall(*args)  # type: ignore[misc]


class _DeadlineSocket(_ObeysDeadline, socket.socket): ...


class _DeadlineTLSSocket(_ObeysDeadline, ssl.SSLSocket):
    def do_handshake(self, block: bool = False) -> None:
        self.settimeout(time_left())
        super().do_handshake(block)


class _Connection(ReusableConnection):
    find: LookUp | None = None

    def connect(self) -> None:
        with _connecting(self):
            super().connect()

    def _new_conn(self) -> socket.socket:
        port = self.port or self.default_port
        return connect(self.host.strip("[]"), port, _DeadlineSocket, self.find)


class _SecureConnection(_Connection, HTTPSConnection):
    def connect(self) -> None:
        if self.ssl_context is None:  # its authorities are those that `requests` names
            self.ssl_context = _context(resolve_cert_reqs(self.cert_reqs))
        super().connect()


@contextmanager
def _connecting(connection: HTTPConnection) -> Iterator[None]:
    """What fails here, the TLS handshake included, fails before anything was sent: with the errors
    that urllib3 expects of that."""
    try:
        yield
    except socket.gaierror as error:
        raise NameResolutionError(connection.host, connection, error) from error
    except TimeoutError as error:
        raise ConnectTimeoutError(connection, f"connecting took too long: {error}") from error
    except SSLError as error:  # urllib3 raises it itself for one thing alone
        raise NewConnectionError(connection, str(error)) from OtherCertificateError(str(error))
    except OSError as error:
        raise NewConnectionError(connection, f"cannot connect: {error}") from error


def tls_context(tls: UpstreamTls | None = None) -> ssl.SSLContext:
    """For TLS that obeys the deadline and trusts what this system and `requests` trust, and the
    authority that the settings name. Where they pin a certificate, that alone is looked at.

    Raises OSError when the authority's file is gone.
    """
    context = _context()
    if tls is not None and tls.certificate_sha256 is not None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    # From Python 3.13 on it would refuse authorities that `openssl req -x509` makes at home.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.load_default_certs()
    context.load_verify_locations(DEFAULT_CA_BUNDLE_PATH)
    if tls is not None and tls.ca_file is not None:
        context.load_verify_locations(tls.ca_file)
    return context


def _context(verify: ssl.VerifyMode = ssl.CERT_REQUIRED) -> ssl.SSLContext:
    context = create_urllib3_context(cert_reqs=verify)
    context.sslsocket_class = _DeadlineTLSSocket
    return context


def connection_to(
    host: str, port: int, *, tls: ssl.SSLContext | None, find: LookUp
) -> HTTPConnection:
    """A connection for one request, not open yet and in no pool: no proxy, no redirect, no
    cookie. With a TLS context it is an https one."""
    connection: _Connection
    if tls is None:
        connection = _Connection(host, port)
    else:
        connection = _SecureConnection(host, port, ssl_context=tls)
    connection.find = find
    return connection


class _Pooling:
    """Put before a kind of PoolManager: its connections obey the deadline."""

    def __init__(self, *args: Any, freshness: Freshness, **options: Any) -> None:
        super().__init__(*args, **options)
        self._freshness = freshness

    def _new_pool(
        self, scheme: str, host: str, port: int, request_context: dict[str, Any] | None = None
    ) -> HTTPConnectionPool:
        pool: HTTPConnectionPool = super()._new_pool(  # type: ignore[misc]
            scheme, host, port, request_context
        )
        pool.ConnectionCls = _SecureConnection if scheme == "https" else _Connection
        pool.conn_kw["freshness"] = self._freshness
        return pool


class _Manager(_Pooling, PoolManager): ...


class _ThroughProxy(_Pooling, ProxyManager): ...


class DeadlineAdapter(HTTPAdapter):
    """Lets a `requests` session obey the current deadline, and trust whom it says; it never
    retries what has failed by itself. `hosts` are so many pools of so many `connections`."""

    def __init__(
        self, *, hosts: int = 10, connections: int = 10, clock: Clock | None = None
    ) -> None:
        self._freshness = Freshness(clock)
        super().__init__(pool_connections=hosts, pool_maxsize=connections, max_retries=0)

    def init_poolmanager(
        self, connections: int, maxsize: int, block: bool = False, **options: Any
    ) -> None:
        """Make the pools of connections."""
        self.poolmanager = _Manager(
            freshness=self._freshness,
            num_pools=connections,
            maxsize=maxsize,
            block=block,
            **options,
        )

    def proxy_manager_for(self, proxy: str, **options: Any) -> PoolManager:
        """The pools of connections through a proxy. Raises InvalidProxyURL for one that is not
        asked in plain HTTP: the deadline would not bound what is said to it."""
        if urlsplit(proxy).scheme.lower() != "http":
            raise InvalidProxyURL("only an http:// proxy can be left at the deadline")
        known: dict[str, PoolManager] = self.proxy_manager
        if proxy not in known:
            known[proxy] = _ThroughProxy(
                proxy,
                freshness=self._freshness,
                proxy_headers=self.proxy_headers(proxy),
                **options,
            )
        return known[proxy]


class UpstreamAdapter(DeadlineAdapter):
    """The same for one upstream, which is trusted as its context says. With https it needs one;
    with a pinned certificate, one for that."""

    def __init__(
        self,
        connections: int,
        *,
        context: ssl.SSLContext | None = None,
        certificate_sha256: str | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._tls = {"ssl_context": context, "assert_fingerprint": certificate_sha256}
        super().__init__(hosts=1, connections=connections, clock=clock)

    def init_poolmanager(
        self, connections: int, maxsize: int, block: bool = False, **options: Any
    ) -> None:
        """Make the pool of connections."""
        super().init_poolmanager(connections, maxsize, block, **self._tls, **options)

    def cert_verify(self, conn: Any, url: str, verify: object, cert: object) -> None:
        """Leave that to the context: `requests` would load its authorities for each connection."""
        pinned = self._tls["assert_fingerprint"] is not None
        conn.cert_reqs = "CERT_NONE" if pinned else "CERT_REQUIRED"
