"""What the server itself refuses, told as a problem (RFC 9457) and logged without what the client
has sent: a broken head may hold a token."""

from __future__ import annotations

import json
import logging
import secrets
from http import HTTPStatus
from typing import Final

from gunicorn.http import errors

__all__ = ["FewLines", "answer", "status_of"]

_STATUS: Final[tuple[tuple[str, HTTPStatus], ...]] = (
    ("LimitRequestLine", HTTPStatus.REQUEST_URI_TOO_LONG),
    ("LimitRequestHeaders", HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE),
    ("ExpectationFailed", HTTPStatus.EXPECTATION_FAILED),
    ("ForbiddenProxyRequest", HTTPStatus.FORBIDDEN),
    ("UnsupportedTransferCoding", HTTPStatus.NOT_IMPLEMENTED),
    ("InvalidResponseHeader", HTTPStatus.INTERNAL_SERVER_ERROR),
    ("InvalidResponseHeaderName", HTTPStatus.INTERNAL_SERVER_ERROR),
)
"""By name, as versions of gunicorn differ in what they have."""

_DETAIL: Final = {
    HTTPStatus.REQUEST_TIMEOUT: "the request did not come in time",
}


def status_of(error: BaseException) -> HTTPStatus:
    """What an error of the parser means for the client."""
    for name, status in _STATUS:
        kind = getattr(errors, name, None)
        if kind is not None and isinstance(error, kind):
            return status
    is_parsing = isinstance(error, errors.ParseException | TimeoutError)
    return HTTPStatus.BAD_REQUEST if is_parsing else HTTPStatus.INTERNAL_SERVER_ERROR


def answer(status: HTTPStatus) -> bytes:
    """A whole answer, after which the connection ends."""
    is_ours = status is HTTPStatus.INTERNAL_SERVER_ERROR
    otherwise = "the server failed" if is_ours else "the request could not be read"
    problem = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": _DETAIL.get(status, otherwise),
        "trace_id": secrets.token_hex(16),
    }
    body = json.dumps(problem).encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nConnection: close\r\n"
        f"Content-Type: application/problem+json\r\nContent-Length: {len(body)}\r\n"
        f"X-Content-Type-Options: nosniff\r\n\r\n"
    )
    return head.encode("latin-1") + body


class FewLines:
    """Logs a few lines, and how many there were beyond that, between two calls of `turn`: what
    strangers cause must not fill a disk."""

    def __init__(self, log: logging.Logger, most: int = 3) -> None:
        self._log, self._most = log, most
        self._seen = 0

    def warn(self, message: str, *values: object) -> None:
        """Tell it, if not too much has been told since the last turn."""
        self._seen += 1
        if self._seen <= self._most:
            self._log.warning(message, *values)

    def turn(self) -> None:
        """Begin anew."""
        untold, self._seen = self._seen - self._most, 0
        if untold > 0:
            self._log.warning("%d more like these were not told", untold)
