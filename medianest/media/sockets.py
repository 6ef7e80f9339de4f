"""Sockets that obey the current deadline in every single operation.

The timeout of `requests` starts again with each byte, so that an upstream which drips holds a
thread for ever. These sockets look at the time left before each read and write, the name look-up
and the TLS handshake included.
"""

from __future__ import annotations

import socket
import ssl
from typing import Any

from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.ssl_ import create_urllib3_context

from medianest.names import time_left
from medianest.sockets import LookUp, connect

__all__ = ["DeadlineAdapter", "connection_to", "tls_context"]


class _ObeysDeadline:
    """Put before a kind of socket: gives each of its operations the time that is left."""

    def recv_into(self, *args: Any) -> int:
        self.settimeout(time_left())  # type: ignore[attr-defined]
        return super().recv_into(*args)  # type: ignore[misc,no-any-return]

    def sendall(self, *args: Any) -> None:
        self.settimeout(time_left())  # type: ignore[attr-defined]
        super().sendall(*args)  # type: ignore[misc]


class _DeadlineSocket(_ObeysDeadline, socket.socket): ...


class _DeadlineTLSSocket(_ObeysDeadline, ssl.SSLSocket):
    def do_handshake(self, block: bool = False) -> None:
        self.settimeout(time_left())
        super().do_handshake(block)


def _connect_for(connection: HTTPConnection, find: LookUp | None) -> socket.socket:
    """Connect with the errors that urllib3 expects from its connections."""
    host, port = connection.host.strip("[]"), connection.port or connection.default_port
    try:
        return connect(host, port, _DeadlineSocket, find)
    except socket.gaierror as error:
        raise NameResolutionError(connection.host, connection, error) from error
    except TimeoutError as error:
        raise ConnectTimeoutError(connection, f"connecting took too long: {error}") from error
    except OSError as error:
        raise NewConnectionError(connection, f"cannot connect: {error}") from error


class _Connection(HTTPConnection):
    find: LookUp | None = None

    def _new_conn(self) -> socket.socket:
        return _connect_for(self, self.find)


class _SecureConnection(HTTPSConnection):
    find: LookUp | None = None

    def _new_conn(self) -> socket.socket:
        return _connect_for(self, self.find)


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


def tls_context() -> ssl.SSLContext:
    """For TLS that obeys the deadline and trusts what this system and `requests` trust."""
    context = create_urllib3_context()
    context.load_default_certs()
    context.load_verify_locations(DEFAULT_CA_BUNDLE_PATH)
    context.sslsocket_class = _DeadlineTLSSocket
    return context


def connection_to(
    host: str, port: int, *, tls: ssl.SSLContext | None, find: LookUp
) -> HTTPConnection:
    """A connection for one request, not open yet and in no pool: no proxy, no redirect, no
    cookie. With a TLS context it is an https one."""
    connection: _Connection | _SecureConnection
    if tls is None:
        connection = _Connection(host, port)
    else:
        connection = _SecureConnection(host, port, ssl_context=tls)
    connection.find = find
    return connection


class DeadlineAdapter(HTTPAdapter):
    """Lets a `requests` session obey the current deadline; it never retries by itself."""

    def __init__(self, connections: int) -> None:
        super().__init__(pool_connections=1, pool_maxsize=connections, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pool of connections."""
        super().init_poolmanager(*args, ssl_context=tls_context(), **kwargs)
        manager: PoolManager = self.poolmanager
        manager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
