"""One view of several workers: what looks at the server is answered by the elected process, and by
whoever was asked where that is not to be had at once."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any, Final, Protocol

from medianest.guards.ending import STREAMED
from medianest.web.proxies import FORWARDED
from medianest.web.traffic import Wsgi, answered, note_answer

__all__ = ["BESIDE", "Looks", "likeness"]

BESIDE: Final = (
    "/api/v1/health/live", "/api/v1/health/ready", "/assets", "/login", "/logout",
    "/docs", "/problems",
)  # fmt: skip
"""What tells of the process itself, or is the same everywhere."""

_METHODS: Final = ("GET", "HEAD")
_NO_BODY: Final = ("", "0")

Headers = list[tuple[str, str]]


class _Asks(Protocol):
    def ask(self, question: bytes) -> bytes | None: ...


class Looks:
    """Stands before an app. What lies below `paths`, and not below BESIDE, is asked of the process
    that `others()` leads to; None: of this one. Who is not `like` this one answers by itself."""

    def __init__(
        self, inside: Wsgi, paths: Iterable[str], others: Callable[[], _Asks | None], like: str
    ) -> None:
        self._inside, self._others, self._like = inside, others, like
        self._paths = frozenset(paths)
        self._below = tuple(f"{path}/" for path in self._paths if path != "/")
        self._beside = tuple(f"{path}/" for path in BESIDE)

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        others = self._others() if self._looks(environ) else None
        answer = others.ask(self._question(environ)) if others is not None else None
        found = None if answer is None else _read(answer)
        if found is None:
            return self._inside(environ, start_response)
        status, headers, noted, body = found
        if noted is not None:
            note_answer(environ, *noted)
        start_response(status, headers)
        return [body]

    def _looks(self, environ: dict[str, Any]) -> bool:
        path = environ.get("PATH_INFO") or "/"
        if environ["REQUEST_METHOD"] not in _METHODS or not self._is_look(path):
            return False
        return environ.get("CONTENT_LENGTH", "") in _NO_BODY and not environ.get(
            "HTTP_TRANSFER_ENCODING"
        )

    def _is_look(self, path: str) -> bool:
        is_below = path in self._paths or path.startswith(self._below)
        return is_below and not f"{path}/".startswith(self._beside)

    def _question(self, environ: dict[str, Any]) -> bytes:
        texts = {name: value for name, value in environ.items() if isinstance(value, str)}
        known = {FORWARDED: True} if FORWARDED in environ else {}
        return json.dumps({"like": self._like, "environ": {**texts, **known}}).encode()

    def answer(self, question: bytes) -> bytes | None:
        """To another process; None where that is to answer by itself: it has other settings, or
        it would be a stream."""
        asked = json.loads(question)
        if asked["like"] != self._like:
            return None
        environ = {**asked["environ"], **_of_this_process()}
        begun: list[Any] = []
        body = self._inside(environ, lambda *head: begun.append(head))
        try:
            if environ.get(STREAMED):
                return None
            content = b"".join(body)
        finally:
            if hasattr(body, "close"):
                body.close()
        status, headers = begun[-1][:2]
        head = {"status": status, "headers": headers, "answered": answered(environ)}
        return json.dumps(head).encode() + b"\n" + content


def _read(answer: bytes) -> tuple[str, Headers, tuple[str, int] | None, bytes] | None:
    """None for what is no answer of ours."""
    told, _, body = answer.partition(b"\n")
    try:
        head = json.loads(told)
        headers = [(str(name), str(value)) for name, value in head["headers"]]
        noted = head["answered"]
        if noted is not None:
            noted = str(noted[0]), int(noted[1])
        return str(head["status"]), headers, noted, body
    except (IndexError, KeyError, TypeError, ValueError, RecursionError):
        return None


def _of_this_process() -> dict[str, Any]:
    return {
        "wsgi.version": (1, 0),
        "wsgi.input": BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }


def likeness(*parts: object) -> str:
    """The same for processes that have the same of all these, and tells none of it."""
    return hashlib.blake2b(repr(parts).encode(), digest_size=16).hexdigest()
