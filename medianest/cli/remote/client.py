"""Asks the running server: HTTP and JSON, with the standard library alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from medianest.cli.bounded import Errand
from medianest.cli.errors import CommandError
from medianest.cli.exits import Exit
from medianest.cli.remote.address import Token
from medianest.cli.screen.words import age

__all__ = ["Answer", "Client", "NoAnswerError"]

_API: Final = "/api/v1"
_PAGE: Final = 200
_MOST_BYTES: Final = 64 * 1024 * 1024

_EXITS: Final = {
    401: Exit.NO_TOKEN,
    403: Exit.NO_TOKEN,
    404: Exit.NOT_FOUND,
    429: Exit.TRY_LATER,
    503: Exit.TRY_LATER,
}


class NoAnswerError(CommandError):
    """No server is there, or it does not answer in time."""

    def __init__(self, message: str, code: Exit = Exit.NO_ANSWER) -> None:
        super().__init__(message, code)


@dataclass(frozen=True, slots=True)
class Answer:
    """A good answer. `body` is None where it has none; `at` is the server's time."""

    status: int
    body: Any
    at: datetime


class Client:
    """One server. `token` is None where there is none; `seconds` bound each question as a whole.
    It may be an app that has the endpoints at the URL itself, which `is_app` tells; else that is
    found out. Raises CommandError."""

    def __init__(
        self, url: str, token: Token | None, seconds: float, *, is_app: bool = False
    ) -> None:
        self.url, self.is_app = url, is_app
        self.token, self._seconds = token, seconds
        self._place = urlsplit(url)

    def get(self, *path: str, **query: Any) -> Answer:
        """What is at a path under the API's; its parts are names. A query of None is left out."""
        asked = {name: value for name, value in query.items() if value is not None}
        return self._ask("GET", path, urlencode(asked))

    def pages(self, *path: str, limit: int, **query: Any) -> Answer:
        """The first so many `items` of a list, of as many pages as that takes."""
        answer = self.get(*path, limit=min(limit, _PAGE), **query)
        items = answer.body["items"]
        more = items
        while more and answer.body["next"] and len(items) < limit:
            wanted = min(limit - len(items), _PAGE)
            answer = self.get(*path, limit=wanted, cursor=answer.body["next"], **query)
            more = answer.body["items"]
            items += more
        return replace(answer, body={**answer.body, "items": items})

    def post(self, *path: str, **members: Any) -> Answer:
        """Do something there; members of None are left out."""
        body = {name: value for name, value in members.items() if value is not None}
        return self._ask("POST", path, body=json.dumps(body).encode())

    def delete(self, *path: str, **members: Any) -> Answer:
        """Remove what is there."""
        body = {name: value for name, value in members.items() if value is not None}
        return self._ask("DELETE", path, body=json.dumps(body).encode() if body else None)

    def _ask(
        self, method: str, path: tuple[str, ...], query: str = "", body: bytes | None = None
    ) -> Answer:
        if self.is_app:
            return self._ask_at(_way_in_app(path), method, query, body)
        try:
            return self._ask_at(_way(path), method, query, body)
        except CommandError as error:
            if error.code is not Exit.STRANGER:
                raise
            return self._ask_app(error, path, method, query, body)

    def _ask_app(self, stranger: CommandError, path: tuple[str, ...], *question: Any) -> Answer:
        """Whoever has no API where ours is may be an app with the extension."""
        try:
            answer = self._ask_at(_way_in_app(path), *question)
        except CommandError as error:
            raise stranger if error.code is Exit.STRANGER else error from None
        self.is_app = True
        return answer

    def _ask_at(self, way: str, method: str, query: str, body: bytes | None) -> Answer:
        target = f"{self._place.path}{way}" + (f"?{query}" if query else "")
        try:
            head, text = Errand(partial(self._exchange, method, target, body)).result(self._seconds)
        except (OSError, HTTPException, ValueError) as error:
            raise NoAnswerError(self._no_answer(error)) from None
        return self._understood(head, text)

    def _exchange(self, method: str, target: str, body: bytes | None) -> tuple[HTTPResponse, bytes]:
        kind = HTTPSConnection if self._place.scheme == "https" else HTTPConnection
        connection = kind(str(self._place.hostname), self._place.port, timeout=self._seconds)
        try:
            connection.request(method, target, body, self._headers(body))
            response = connection.getresponse()
            text = response.read(_MOST_BYTES + 1)
            if len(text) > _MOST_BYTES:
                raise HTTPException("an answer without end")
            return response, text
        finally:
            connection.close()

    def _headers(self, body: bytes | None) -> Mapping[str, str]:
        headers = {"Accept": "application/json", "User-Agent": "medianest-command"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token.secret}"
        return headers

    def _no_answer(self, error: Exception) -> str:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            reason = "its certificate is not trusted; SSL_CERT_FILE names a file with your own"
        return (
            f"no server answers at {self.url}: {reason[0].lower()}{reason[1:]}. "
            f"Does it run? --url or MEDIANEST_URL says where"
        )

    def _understood(self, head: HTTPResponse, text: bytes) -> Answer:
        body = _parsed(text)
        if head.status == 204:
            return Answer(204, None, _date(head))
        if isinstance(body, dict):
            if isinstance(body.get("detail"), str):
                raise self._problem(head.status, body)
            if head.status < 300 or head.status == 503:  # so says health that all is not well
                return Answer(head.status, body, _date(head))
        place = head.getheader("Location") if 300 <= head.status < 400 else None
        hint = f"it answers {head.status} {head.reason}"
        if place:
            hint = f"it redirects to {place}. If that is a login, --token-file names a token for it"
        raise CommandError(f"at {self.url} is no MediaNest: {hint}", Exit.STRANGER)

    def _problem(self, status: int, problem: Mapping[str, Any]) -> CommandError:
        code = _EXITS.get(status, Exit.FAILED if status >= 500 else Exit.REFUSED)
        message, trace = problem["detail"], problem.get("trace_id")
        if code is Exit.NO_TOKEN:
            message += f" ({self._whose()})"
        wait = problem.get("retry_after_seconds")
        if code is Exit.TRY_LATER and wait and "try again" not in message:
            message += f"; try again in {age(wait)}"
        return CommandError(message + (f" [trace {trace}]" if trace else ""), code)

    def _whose(self) -> str:
        if self.token is None:
            return "none was found: name its file with --token-file"
        return f"the one of {self.token.origin} was sent"


def _way(path: tuple[str, ...]) -> str:
    return "/".join([_API, *(quote(part, safe="") for part in path)])


def _way_in_app(path: tuple[str, ...]) -> str:
    """An app has below one path what the server has below two."""
    parts = path[1:] if path[0] == "resilience" else path
    return "/" + "/".join(quote(part, safe="") for part in parts)


def _parsed(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _date(head: HTTPResponse) -> datetime:
    """The server's time where it says it: ages are then right whatever the clock here says."""
    try:
        return parsedate_to_datetime(head.getheader("Date") or "")
    except ValueError:
        from medianest.resilience.clock import SystemClock  # it takes as long to load as the rest

        return SystemClock().utc()
