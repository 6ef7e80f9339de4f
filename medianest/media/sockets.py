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
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.ssl_ import create_urllib3_context

from medianest.names import time_left
from medianest.sockets import connect

__all__ = ["DeadlineAdapter"]


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


def _connect_for(connection: HTTPConnection) -> socket.socket:
    """Connect with the errors that urllib3 expects from its connections."""
    try:
        port = connection.port or connection.default_port
        return connect(connection.host.strip("[]"), port, _DeadlineSocket)
    except socket.gaierror as error:
        raise NameResolutionError(connection.host, connection, error) from error
    except TimeoutError as error:
        raise ConnectTimeoutError(connection, f"connecting took too long: {error}") from error
    except OSError as error:
        raise NewConnectionError(connection, f"cannot connect: {error}") from error


class _Connection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _connect_for(self)


class _SecureConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _connect_for(self)


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class DeadlineAdapter(HTTPAdapter):
    """Lets a `requests` session obey the current deadline; it never retries by itself."""

    def __init__(self, connections: int) -> None:
        super().__init__(pool_connections=1, pool_maxsize=connections, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pool of connections."""
        context = create_urllib3_context()
        context.load_default_certs()
        context.sslsocket_class = _DeadlineTLSSocket
        super().init_poolmanager(*args, ssl_context=context, **kwargs)
        manager: PoolManager = self.poolmanager
        manager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
