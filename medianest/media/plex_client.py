"""The Plex client: one method for each question that we ask a Plex Media Server."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel

from medianest.config import PlexSettings
from medianest.media.errors import RejectedError
from medianest.media.http import UpstreamHttp
from medianest.media.parsing import parsed, parsed_all
from medianest.media.plex_wire import Container, Hub, Item, Library, Page, Session
from medianest.resilience import Clock

__all__ = ["PlexClient"]

SERVICE = "plex"
M = TypeVar("M", bound=BaseModel)


class PlexClient:
    """Talks to one Plex Media Server. Raises the errors of medianest.media.errors."""

    def __init__(self, url: str, settings: PlexSettings, clock: Clock | None = None) -> None:
        headers = {"X-Plex-Client-Identifier": "medianest", "X-Plex-Product": "MediaNest"}
        if settings.token is not None:
            headers["X-Plex-Token"] = settings.token.get_secret_value()
        self._http = UpstreamHttp.of(SERVICE, url, settings, headers, clock)

    def libraries(self) -> tuple[Library, ...]:
        """All sections."""
        return parsed_all(SERVICE, Library, self._ask("/library/sections").directory)

    def items(self, key: str, offset: int, limit: int) -> Page:
        """Some items of a section, in Plex's order. Raises NotFoundError for an unknown one."""
        container = self._ask(f"/library/sections/{key}/all", page=(offset, limit))
        items = parsed_all(SERVICE, Item, container.metadata)[:limit]  # some servers ignore paging
        total = container.total_size
        return Page(
            items=items, offset=offset, total=offset + len(items) if total is None else total
        )

    def recently_added(self, limit: int) -> tuple[Item, ...]:
        """The newest items of all sections."""
        container = self._ask("/library/recentlyAdded", page=(0, limit))
        return parsed_all(SERVICE, Item, container.metadata)[:limit]

    def search(self, query: str) -> tuple[Item, ...]:
        """Items that match, the best hubs first."""
        found = self._ask("/hubs/search", params={"query": query, "limit": 20})
        hubs = parsed_all(SERVICE, Hub, found.hub)
        return tuple(item for hub in hubs for item in hub.items)

    def sessions(self) -> tuple[Session, ...]:
        """What plays now."""
        return parsed_all(SERVICE, Session, self._ask("/status/sessions").metadata)

    def close(self) -> None:
        """Close the idle connections."""
        self._http.close()

    def _ask(
        self,
        path: str,
        *,
        params: dict[str, str | int] | None = None,
        page: tuple[int, int] | None = None,
    ) -> Container:
        headers = {}
        if page is not None:
            headers["X-Plex-Container-Start"], headers["X-Plex-Container-Size"] = map(str, page)
        try:
            answer = self._http.get_json(path, params=params, headers=headers)
        except RejectedError as error:
            raise RejectedError(
                SERVICE,
                f"it refused the token; check MEDIANEST_PLEX_TOKEN ({error.status})",
                error.status or 401,
            ) from error
        container = answer.get("MediaContainer") if isinstance(answer, dict) else None
        return parsed(SERVICE, Container, container)
