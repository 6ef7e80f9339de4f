"""The Plex client: one method for each question that we ask a Plex Media Server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel

from medianest.config import PlexSettings, Secrets
from medianest.media.errors import InvalidAnswerError, RejectedError
from medianest.media.http import UpstreamHttp
from medianest.media.parsing import listed, parsed_all
from medianest.media.plex.lists import (
    SERVICE,
    begins_at,
    doubt,
    doubt_of_hubs,
    unless_nothing_is_left,
)
from medianest.media.plex.models import Item, Library, LibraryPage, MediaContainer, Session
from medianest.resilience import Clock

__all__ = ["SERVICE", "PlexClient"]

M = TypeVar("M", bound=BaseModel)


def _is_own(headers: Mapping[str, str]) -> bool:
    """Whether an error is Plex's own: a proxy in front of it does not know its headers."""
    return any(name.lower().startswith("x-plex-") for name in headers)


class PlexClient:
    """Talks to one Plex Media Server. Raises the errors of medianest.media.errors.

    Elements that nobody could understand are left out. UnusableAnswerError says that nothing is
    left of what should be remembered, and carries that as its `rest`.
    """

    def __init__(
        self,
        url: str,
        settings: PlexSettings,
        clock: Clock | None = None,
        secrets: Secrets | None = None,
    ) -> None:
        headers = {"X-Plex-Client-Identifier": "medianest", "X-Plex-Product": "MediaNest"}
        self._refused = "it refused the token; check MEDIANEST_PLEX_TOKEN"
        if settings.token is not None:
            headers["X-Plex-Token"] = settings.token.get_secret_value()
        else:
            self._refused = "it wants a token; set MEDIANEST_PLEX_TOKEN"
        self._http = UpstreamHttp.of(SERVICE, url, settings, headers, clock, _is_own, secrets)

    def libraries(self) -> tuple[Library, ...]:
        """All sections."""
        found = self._ask("/library/sections")
        sent = listed(found.get("Directory"))
        libraries = _read(Library, sent, "/library/sections")
        return unless_nothing_is_left(libraries, libraries, sent, doubt(found, "Directory"))

    def items(self, key: str, offset: int, limit: int) -> LibraryPage:
        """Some items of a section, in Plex's order. Raises NotFoundError for an unknown one."""
        found = self._ask(f"/library/sections/{key}/all", page=(offset, limit))
        about, whole = MediaContainer.model_validate(found), listed(found.get("Metadata"))
        start = begins_at(about, len(whole), offset)
        sent = whole[offset - start :][:limit]
        items = _read(Item, sent, "/library/sections/<key>/all")
        page = LibraryPage(
            items=tuple(_in_section(item, key, about) for item in items),
            offset=offset,
            total=start + len(whole) if about.total_size is None else about.total_size,
        )
        return unless_nothing_is_left(page, items, sent, doubt(found, "Metadata", offset))

    def recently_added(self, limit: int) -> tuple[Item, ...]:
        """The newest items of all sections."""
        found = self._ask("/library/recentlyAdded", page=(0, limit))
        sent = listed(found.get("Metadata"))[:limit]
        items = _read(Item, sent, "/library/recentlyAdded")
        return unless_nothing_is_left(items, items, sent, doubt(found, "Metadata"))

    def search(self, query: str) -> tuple[Item, ...]:
        """Items that match, the best hubs first."""
        found = self._ask("/hubs/search", params={"query": query, "limit": 20})
        sent = [item for hub in listed(found.get("Hub")) for item in _in_hub(hub)]
        items = _read(Item, sent, "/hubs/search")
        return unless_nothing_is_left(items, items, sent, doubt_of_hubs(found))

    def sessions(self) -> tuple[Session, ...]:
        """What plays now."""
        found = self._ask("/status/sessions")
        sent = listed(found.get("Metadata"))
        sessions = _read(Session, sent, "/status/sessions")
        return unless_nothing_is_left(sessions, sessions, sent, doubt(found, "Metadata"))

    def close(self) -> None:
        """Close the idle connections."""
        self._http.close()

    def _ask(
        self,
        path: str,
        *,
        params: dict[str, str | int] | None = None,
        page: tuple[int, int] | None = None,
    ) -> Mapping[str, Any]:
        """The `MediaContainer` around every answer."""
        headers = {}
        if page is not None:
            headers["X-Plex-Container-Start"], headers["X-Plex-Container-Size"] = map(str, page)
        try:
            answer = self._http.get_json(path, params=params, headers=headers)
        except RejectedError as error:
            raise RejectedError(
                SERVICE,
                f"{self._refused} ({error.status})",
                error.status or 401,
            ) from error
        container = answer.get("MediaContainer") if isinstance(answer, dict) else None
        if not isinstance(container, dict):
            raise InvalidAnswerError(SERVICE, "its answer has no MediaContainer")
        return container


def _read(model: type[M], values: Any, endpoint: str) -> tuple[M, ...]:
    return parsed_all(SERVICE, model, values, endpoint=endpoint)


def _in_hub(hub: Any) -> Sequence[Any]:
    """What a hub holds; what is no hub is an element that makes no sense."""
    return listed(hub.get("Metadata")) if isinstance(hub, dict) else (hub,)


def _in_section(item: Item, key: str, about: MediaContainer) -> Item:
    """What all items of a section share stands on their container alone."""
    library = {
        "library_key": item.library_key or key,
        "library_title": item.library_title or about.library_title,
    }
    return item.model_copy(update=library)
