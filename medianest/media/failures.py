"""The errors of requests, urllib3, http.client and the socket, turned into ours."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.client import HTTPException, LineTooLong, RemoteDisconnected

import requests
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from medianest.media.errors import (
    InvalidAnswerError,
    SlowError,
    UnreachableError,
    UnresolvableError,
    UpstreamError,
)
from medianest.net.adapter import OtherCertificateError
from medianest.resilience import CallRefusedError
from medianest.resilience.outcome import causes, is_timeout

__all__ = ["mapped"]

_NOT_CONNECTED = (
    NewConnectionError,
    ConnectTimeoutError,  # is no NewConnectionError, though urllib3 derives one from it
    socket.gaierror,
)
"""Nothing was sent yet."""

_CERTIFICATE = {
    9: "its certificate is not valid yet",
    10: "its certificate has expired",
    **dict.fromkeys((2, 18, 19, 20, 21, 24), "its certificate is from an unknown authority"),
    **dict.fromkeys((62, 64), "its certificate is for another name"),
}
"""By the codes of OpenSSL (X509_V_ERR_*, x509_vfy.h)."""

_ADVICE = {
    "its certificate is from an unknown authority": "name the authority's file in {0}_CA_FILE, "
    "or pin the certificate with {0}_CERTIFICATE_SHA256",
    "its certificate is for another name": "correct {0}_URL, "
    "or pin the certificate with {0}_CERTIFICATE_SHA256",
    "its certificate is not the pinned one": "check {0}_CERTIFICATE_SHA256",
}


@contextmanager
def mapped(service: str, prefix: str | None = None) -> Iterator[None]:
    """What fails in this block with an upstream raises an error of medianest.media.errors. Where a
    setting can help, the error names it; `prefix` begins the names of the upstream's variables."""
    try:
        yield
    except (requests.RequestException, HTTPError, HTTPException, OSError) as error:
        if isinstance(error, UpstreamError | CallRefusedError):
            raise
        raise _ours(service, error, prefix) from error


def _ours(service: str, error: Exception, prefix: str | None) -> UpstreamError:
    chain = list(causes(error))
    if any(isinstance(cause, _NOT_CONNECTED) for cause in chain):
        return _unconnected(service, chain, prefix).surely()
    if any(map(is_timeout, chain)):
        return SlowError(service, "no complete response in time")
    if isinstance(
        error,
        requests.exceptions.ChunkedEncodingError | requests.exceptions.ContentDecodingError,
    ):
        return InvalidAnswerError(service, "its answer was cut off")
    for cause in chain:
        if isinstance(cause, HTTPException) and not isinstance(cause, OSError):
            return InvalidAnswerError(service, _fault_of_head(cause))
    return UnreachableError(service, _reason(chain))


def _unconnected(service: str, chain: Iterable[BaseException], prefix: str | None) -> UpstreamError:
    if any(isinstance(cause, socket.gaierror) for cause in chain):
        return UnresolvableError(service, _reason(chain))
    if any(map(is_timeout, chain)):
        return SlowError(service, "no connection in time")
    reason = _reason(chain)
    if prefix is not None and reason in _ADVICE:
        reason += f": {_ADVICE[reason].format(prefix)}"
    return UnreachableError(service, reason)


def _fault_of_head(error: HTTPException) -> str:
    """http.client has no type of its own for too many headers, nor for too many promises of an
    answer, which it counts from Python 3.14 on."""
    if "interim responses" in str(error):
        return "it sent too many interim responses"
    if isinstance(error, LineTooLong) or str(error).startswith("got more than"):
        return "the headers of its answer are too large"
    return "its answer is not HTTP"


def _reason(chain: Iterable[BaseException]) -> str:
    """What the operating system said, without addresses and library names."""
    for cause in chain:
        if isinstance(cause, OtherCertificateError):
            return "its certificate is not the pinned one"
        if isinstance(cause, ssl.SSLCertVerificationError):
            why = f"its certificate is not trusted: {cause.verify_message}"
            return _CERTIFICATE.get(cause.verify_code, why)
        if isinstance(cause, ssl.SSLError):
            return "the TLS connection broke"
        if isinstance(cause, RemoteDisconnected):
            return "it closed the connection without an answer"
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror.lower()
    return "the connection broke"
