"""The errors of requests, urllib3, http.client and the socket, turned into ours."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException

import requests
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from medianest.media.errors import (
    InvalidAnswerError,
    SlowError,
    UnreachableError,
    UnresolvableError,
    UpstreamError,
)
from medianest.resilience import CallRefusedError
from medianest.resilience.outcome import causes, is_timeout

__all__ = ["mapped"]

_NOT_CONNECTED = (
    NewConnectionError,
    ConnectTimeoutError,  # is no NewConnectionError, though urllib3 derives one from it
    socket.gaierror,
    ssl.SSLCertVerificationError,
)
"""Nothing was sent yet."""


@contextmanager
def mapped(service: str) -> Iterator[None]:
    """What fails in this block with an upstream raises an error of medianest.media.errors."""
    try:
        yield
    except (requests.RequestException, HTTPError, HTTPException, OSError) as error:
        if isinstance(error, UpstreamError | CallRefusedError):
            raise
        raise _ours(service, error) from error


def _ours(service: str, error: Exception) -> UpstreamError:
    if any(isinstance(cause, _NOT_CONNECTED) for cause in causes(error)):
        return _unconnected(service, error).surely()
    if any(is_timeout(cause) for cause in causes(error)):
        return SlowError(service, "no whole answer in time")
    if isinstance(
        error,
        requests.exceptions.ChunkedEncodingError | requests.exceptions.ContentDecodingError,
    ):
        return InvalidAnswerError(service, "its answer was cut off")
    if isinstance(error, HTTPException) and not isinstance(error, OSError):
        return InvalidAnswerError(service, "its answer is not HTTP")
    return UnreachableError(service, _reason(error))


def _unconnected(service: str, error: Exception) -> UpstreamError:
    if any(isinstance(cause, socket.gaierror) for cause in causes(error)):
        return UnresolvableError(service, _reason(error))
    if any(is_timeout(cause) for cause in causes(error)):
        return SlowError(service, "no connection in time")
    return UnreachableError(service, _reason(error))


def _reason(error: Exception) -> str:
    """What the operating system said, without addresses and library names."""
    for cause in causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return "its certificate is not trusted"
        if isinstance(cause, ssl.SSLError):
            return "the TLS connection broke"
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror.lower()
    return "the connection broke"
