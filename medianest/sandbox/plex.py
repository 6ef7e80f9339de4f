"""A Plex Media Server's routes over the invented library."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from medianest.sandbox.library import build_library
from medianest.sandbox.messages import SPELLED, OwnFault, Reply, Request, reason
from medianest.sandbox.plex_odd import with_odd_elements

__all__ = ["PlexServer"]

Container = dict[str, Any]

PROTOCOL: Final = (("X-Plex-Protocol", "1.0"), ("Cache-Control", "no-cache"))
JSON: Final = "application/json"
XML: Final = "text/xml;charset=utf-8"
MAINTENANCE: Final = (
    '<Response code="503" title="Maintenance" '
    'status="Plex Media Server is currently running database migrations."/>'
)
START: Final = "X-Plex-Container-Start"
SIZE: Final = "X-Plex-Container-Size"
HUBS: Final[Mapping[str, str]] = {"movie": "Movies", "show": "Shows", "artist": "Artists"}
MAX_DIGITS: Final = 9
HUB_LIMIT: Final = 3
"""Plex's own default of `limit` in a search: so many results per hub."""


class _RefusedError(Exception):
    """The request gets an error: `_RefusedError(status)`."""


class PlexServer:
    """Answers as a Plex Media Server does that is asked for JSON; all but /identity need the token,
    in its header."""

    def __init__(self, token: str) -> None:
        self._token = token
        self._library = build_library()
        self.own_faults = {"odd": OwnFault(lambda request, fault: self._odd(request))}
        self._routes: Mapping[str, Callable[[Request], Container]] = {
            "/library/sections": self._sections,
            "/library/recentlyAdded": self._recently_added,
            "/status/sessions": self._sessions,
            "/hubs/search": self._search,
        }

    def answer(self, request: Request) -> Reply:
        """The answer of a server that is well."""
        try:
            return _rendered(self._container(request))
        except _RefusedError as refused:
            return self.error(refused.args[0])

    def error(self, status: int) -> Reply:
        """Plex's errors are HTML, whatever was asked for."""
        title = reason(status)
        text = (
            f"<html><head><title>{title}</title></head>"
            f"<body><h1>{status} {title}</h1></body></html>"
        )
        return Reply(status, text.encode(), headers=PROTOCOL)

    def unauthorized(self) -> Reply:
        """The answer to a token that is none."""
        return self.error(401)

    def maintenance(self) -> Reply:
        """The answer while the server migrates its database, which may take hours."""
        return Reply(503, MAINTENANCE.encode(), XML, PROTOCOL)

    def empty(self, request: Request) -> Reply:
        """A container of nothing."""
        return _rendered({"size": 0})

    def _odd(self, request: Request) -> Reply:
        """Odd elements among the good ones."""
        answer = self.answer(request)
        if answer.status != 200:
            return answer
        container = json.loads(answer.body)["MediaContainer"]
        return _rendered(with_odd_elements(request.path, container))

    def state(self) -> Mapping[str, Any]:
        """Nothing: no request changes this server."""
        return {}

    def _container(self, request: Request) -> Container:
        if request.path == "/identity":
            return dict(self._library.identity)
        if request.headers.get("x-plex-token") != self._token:
            raise _RefusedError(401)
        if request.method not in ("GET", "HEAD"):
            raise _RefusedError(404)
        if section := re.fullmatch(r"/library/sections/([^/]+)/all", request.path):
            return self._section(request, section[1])
        if route := self._routes.get(request.path):
            return route(request)
        raise _RefusedError(404)

    def _sections(self, request: Request) -> Container:
        about = {"allowSync": False, "title1": "Plex Library"}
        return _paged(request, about, "Directory", self._library.sections)

    def _section(self, request: Request, key: str) -> Container:
        if key not in self._library.items:
            raise _RefusedError(404)
        about = self._library.headings[key]
        return _paged(request, about, "Metadata", self._library.items[key])

    def _recently_added(self, request: Request) -> Container:
        about = {"allowSync": False, "identifier": "com.plexapp.plugins.library"}
        return _paged(request, {**about, "mixedParents": True}, "Metadata", self._library.recent)

    def _sessions(self, request: Request) -> Container:
        return _paged(request, {}, "Metadata", self._library.sessions)

    def _search(self, request: Request) -> Container:
        query = request.query.get("query", "").strip().casefold()
        if not query:
            raise _RefusedError(400)
        limit = _whole(request.query.get("limit", str(HUB_LIMIT)))
        hubs = [self._hub(kind, query, limit) for kind in HUBS]
        return {"size": len(hubs), "identifier": "com.plexapp.plugins.library", "Hub": hubs}

    def _hub(self, kind: str, query: str, limit: int) -> Container:
        word = re.compile(rf"(?<!\w){re.escape(query)}")  # as Plex does: words that begin so
        found = [
            item for item in self._library.of_type(kind) if word.search(item["title"].casefold())
        ]
        shown = found[:limit]
        hub = {"title": HUBS[kind], "type": kind, "hubIdentifier": kind, "context": "hub.search"}
        results = {"Metadata": shown} if shown else {}
        more = len(found) > len(shown)
        return {**hub, "size": len(shown), "more": more, "style": "shelf", **results}


def _paged(
    request: Request, about: Mapping[str, Any], name: str, items: list[Container]
) -> Container:
    """The part of `items` that was asked for, with `about` unless it is empty."""
    start, size = (_asked(request, header) for header in (START, SIZE))
    page = {} if start is None and size is None else {"offset": start or 0, "totalSize": len(items)}
    first = start or 0
    shown = items[first:] if size is None else items[first : first + size]
    if not shown:
        return {"size": 0, **page}
    return {"size": len(shown), **page, **about, name: shown}


def _asked(request: Request, header: str) -> int | None:
    text = request.headers.get(header.lower(), request.query.get(header))
    return None if text is None else _whole(text)


def _whole(text: str) -> int:
    if not text.isdecimal() or len(text) > MAX_DIGITS:
        raise _RefusedError(400)
    return int(text)


def _rendered(container: Container) -> Reply:
    body = json.dumps({"MediaContainer": container}, ensure_ascii=False, separators=(",", ":"))
    return Reply(200, body.encode(errors=SPELLED), JSON, PROTOCOL)
