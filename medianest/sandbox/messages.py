"""Requests and answers as plain values, and what a kind of server has to offer."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from typing import Any, Final, Protocol

from medianest.sandbox.faults import ActiveFault
from medianest.sandbox.kinds import Option

__all__ = [
    "BODILESS",
    "SPELLED",
    "OwnFault",
    "Reply",
    "Request",
    "Upstream",
    "json_answer",
    "reason",
    "status_line",
]

SPELLED: Final = "backslashreplace"
"""How JSON is encoded: what UTF-8 cannot encode, half of an emoji, becomes its escape in JSON."""
BODILESS = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)


@dataclass(frozen=True)
class Request:
    """One request as it arrived; `path` is decoded, `target` is the request line's own text."""

    method: str
    target: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    """Looked up by lower-case name."""
    header_names: tuple[str, ...] = ()
    """As the client spelled them."""
    body: bytes = b""


@dataclass(frozen=True)
class Reply:
    """What is sent back; `headers` come beside those that every answer has."""

    status: int
    body: bytes = b""
    content_type: str = "text/html"
    headers: tuple[tuple[str, str], ...] = ()

    def head(self, *, close: bool = False, with_length: bool = True) -> bytes:
        """The status line and headers, up to and with the empty line."""
        lines = [status_line(self.status), f"Date: {formatdate(usegmt=True)}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if self.status not in BODILESS:
            lines.append(f"Content-Type: {self.content_type}")
            if with_length:
                lines.append(f"Content-Length: {len(self.body)}")
        lines.append("Connection: close" if close else "Connection: keep-alive")
        return "\r\n".join([*lines, "", ""]).encode("latin-1")


@dataclass(frozen=True)
class OwnFault:
    """A fault that only one kind of server has: its options, and what it answers under them."""

    answer: Callable[[Request, ActiveFault], Reply]
    options: Mapping[str, Option] = field(default_factory=dict)


class Upstream(Protocol):
    """One kind of server: its answers, and those it gives when it is broken in its own way."""

    @property
    def own_faults(self) -> Mapping[str, OwnFault]:
        """The kinds of fault that only this kind of server has."""
        ...

    def answer(self, request: Request) -> Reply:
        """The answer of a server that is well."""
        ...

    def error(self, status: int) -> Reply:
        """An error in the words of this kind of server."""
        ...

    def unauthorized(self) -> Reply:
        """The answer to a credential that is none."""
        ...

    def maintenance(self) -> Reply:
        """The answer while the server is busy with itself."""
        ...

    def empty(self, request: Request) -> Reply:
        """A success that contains nothing."""
        ...

    def state(self) -> Mapping[str, Any]:
        """What clients have brought about in it, as plain JSON values."""
        ...


def json_answer(status: int, content: Any) -> Reply:
    """An answer of JSON."""
    return Reply(status, json.dumps(content).encode(), "application/json")


def status_line(status: int) -> str:
    """The first line of an answer."""
    return f"HTTP/1.1 {status} {reason(status)}"


def reason(status: int) -> str:
    """The phrase that belongs to a status."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
