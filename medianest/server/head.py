"""What a request's head says and gunicorn's parser does not heed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from gunicorn.http.errors import InvalidHeader, InvalidRequestLine

__all__ = ["asks_to_close", "settle_host"]

_ABSOLUTE: Final = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)")


def asks_to_close(headers: Iterable[tuple[str, str]]) -> bool:
    """Whether "close" is among the tokens of all Connection headers, whatever else is
    (RFC 9112 9.3)."""
    return any(
        token.strip(" \t").lower() == "close"
        for name, value in headers
        if name == "CONNECTION"
        for token in value.split(",")
    )


def settle_host(request: Any) -> None:
    """Have the request's Host be the one that counts: that of a target which is a whole URL, as
    one who is asked as a proxy gets it (RFC 9112 3.2.2). Raises ParseException where none is."""
    hosts = [value for name, value in request.headers if name == "HOST"]
    if request.version >= (1, 1) and not hosts:
        raise InvalidHeader("a request of HTTP/1.1 names its host")  # RFC 9112, 3.2
    found = _ABSOLUTE.match(request.uri)
    if found is None:
        return
    authority = found["authority"]
    if found["scheme"].lower() not in ("http", "https") or not authority or "@" in authority:
        raise InvalidRequestLine("a target that is no URL of HTTP")
    others = [header for header in request.headers if header[0] != "HOST"]
    request.headers = [("HOST", authority), *others]
