"""Overseerr's routes and keys, and the faults that only it has."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NoReturn

from medianest.resilience.clock import Clock, SystemClock
from medianest.sandbox.messages import Reply, Request, reason
from medianest.sandbox.overseerr.answers import MAINTENANCE, NOT_A_PAGE, AnswerError, answered
from medianest.sandbox.overseerr.api import (
    NOTHING_FOUND,
    Api,
    Call,
    library_media,
)
from medianest.sandbox.overseerr.checks import (
    Parameter,
    check_number,
    check_query,
    check_wish,
    parsed_body,
)
from medianest.sandbox.overseerr.journal import RequestLog
from medianest.sandbox.overseerr.listing import page_of
from medianest.sandbox.overseerr.shapes import state_json
from medianest.sandbox.overseerr.store import Store
from medianest.sandbox.overseerr.titles import Titles
from medianest.sandbox.overseerr.trouble import WELL, Trouble, own_faults

__all__ = ["OverseerrServer"]

BASE: Final = "/api/v1"
NUMBER: Final = Parameter(number=True)
TEXT: Final = Parameter()
SEARCH: Final = {"query": Parameter(required=True), "page": NUMBER, "language": TEXT}
REQUESTS: Final = {
    "take": NUMBER,
    "skip": NUMBER,
    "filter": Parameter(values=("all",)),
    "sort": Parameter(values=("added",)),
}
"""All requests, the newest first: nobody asks for others."""


@dataclass(frozen=True)
class SandboxRoute:
    """What answers one method of one path, and what is checked before."""

    handle: Callable[[Call], Reply]
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    number: str = ""
    """The name of the number in the path."""
    takes_wish: bool = False
    public: bool = False


class OverseerrServer:
    """Answers as an Overseerr does; all but /status need the API key, in its header.

    With a file for its state, requests outlive it.
    """

    def __init__(self, key: str, state: Path | None = None, clock: Clock | None = None) -> None:
        self._key = key
        self._clock = clock or SystemClock()
        titles = Titles()
        journal = None if state is None else RequestLog(state)
        self._store = Store(library_media(titles), self._clock, journal)
        self._routes = _routes(Api(titles, self._store))
        self.own_faults = own_faults(self._answer, self._clock)

    def answer(self, request: Request) -> Reply:
        """The answer of a server that is well."""
        return self._answer(request, WELL)

    def error(self, status: int) -> Reply:
        """An error as its error handler sends it."""
        return answered(status, {"message": reason(status)})

    def unauthorized(self) -> Reply:
        """The answer to an API key that is none."""
        message = "You do not have permission to access this endpoint"
        return answered(403, {"status": 403, "error": message})

    def maintenance(self) -> Reply:
        """The answer of the proxy in front while the server itself does not run."""
        return MAINTENANCE

    def empty(self, request: Request) -> Reply:
        """A list of nothing, or an object of nothing."""
        if request.path == f"{BASE}/search":
            return answered(200, NOTHING_FOUND)
        if request.method == "GET" and request.path == f"{BASE}/request":
            return answered(200, {**page_of((), {})[0], "results": []})
        return answered(200, {})

    def state(self) -> Mapping[str, Any]:
        """The requests there are, and how many."""
        return state_json(self._store.snapshot())

    def _answer(self, request: Request, trouble: Trouble) -> Reply:
        if not request.path.startswith(f"{BASE}/"):
            return NOT_A_PAGE
        try:
            return self._handled(request, trouble)
        except AnswerError as refused:
            return answered(refused.status, refused.content)

    # In the real server's order: the framework reads the body and wants its token, the API
    # description is enforced, and only then is the key compared.
    def _handled(self, request: Request, trouble: Trouble) -> Reply:
        body = parsed_body(request)
        if trouble.csrf and request.method not in ("GET", "HEAD", "OPTIONS"):
            raise AnswerError(403, "invalid csrf token")
        route, number = self._route(request)
        if not route.public and "x-api-key" not in request.headers:
            _refuse(401, request, "cookie 'connect.sid' required")
        query = check_query(request, route.parameters)
        if route.number:
            check_number(route.number, number)
        if route.takes_wish:
            check_wish(body)
        if not route.public and request.headers.get("x-api-key") != self._key:
            return self.unauthorized()
        return route.handle(Call(query, body, number, trouble))

    def _route(self, request: Request) -> tuple[SandboxRoute, str]:
        for pattern, methods in self._routes.items():
            if found := re.fullmatch(pattern, request.path.removeprefix(BASE)):
                if request.method not in methods:
                    _refuse(405, request, f"{request.method} method not allowed")
                return methods[request.method], found[1] if found.lastindex else ""
        return _refuse(404, request, "not found")


def _routes(api: Api) -> Mapping[str, Mapping[str, SandboxRoute]]:
    """By pattern and method; the first pattern that fits decides."""
    language = {"language": TEXT}
    return {
        "/status": {"GET": SandboxRoute(api.status, public=True)},
        "/search": {"GET": SandboxRoute(api.search, SEARCH)},
        "/movie/([^/]+)": {"GET": SandboxRoute(api.movie, language, number="movieId")},
        "/tv/([^/]+)": {"GET": SandboxRoute(api.show, language, number="tvId")},
        "/request": {
            "GET": SandboxRoute(api.requests, REQUESTS),
            "POST": SandboxRoute(api.create, takes_wish=True),
        },
        "/request/([^/]+)": {"GET": SandboxRoute(api.request)},
        "/request/([^/]+)/decline": {"POST": SandboxRoute(api.decline)},
    }


def _refuse(status: int, request: Request, message: str) -> NoReturn:
    raise AnswerError(status, message, [{"path": request.path, "message": message}])
