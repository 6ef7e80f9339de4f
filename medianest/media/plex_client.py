"""The Plex client: one method for each question that we ask a Plex Media Server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel

from medianest.config import PlexSettings
from medianest.media.errors import InvalidAnswerError, RejectedError, UnusableAnswerError
from medianest.media.http import UpstreamHttp
from medianest.media.parsing import listed, parsed_all
from medianest.media.plex_wire import Container, Item, Library, Page, Session
from medianest.media.wire import number
from medianest.resilience import Clock

__all__ = ["PlexClient"]

SERVICE = "plex"
_LISTS = {"Directory", "Metadata", "Hub"}
M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")


def _is_own(headers: Mapping[str, str]) -> bool:
    """Whether an error is Plex's own: a proxy in front of it does not know its headers."""
    return any(name.lower().startswith("x-plex-") for name in headers)


class PlexClient:
    """Talks to one Plex Media Server. Raises the errors of medianest.media.errors.

    Elements that nobody could understand are left out. UnusableAnswerError says that nothing is
    left of what should be remembered, and carries that as its `rest`.
    """

    def __init__(self, url: str, settings: PlexSettings, clock: Clock | None = None) -> None:
        headers = {"X-Plex-Client-Identifier": "medianest", "X-Plex-Product": "MediaNest"}
        if settings.token is not None:
            headers["X-Plex-Token"] = settings.token.get_secret_value()
        self._http = UpstreamHttp.of(SERVICE, url, settings, headers, clock, _is_own)

    def libraries(self) -> tuple[Library, ...]:
        """All sections."""
        found = self._ask("/library/sections")
        sent = listed(found.get("Directory"))
        libraries = _read(Library, sent, "/library/sections")
        return _unless_nothing_is_left(found, sent, libraries, libraries)

    def items(self, key: str, offset: int, limit: int) -> Page:
        """Some items of a section, in Plex's order. Raises NotFoundError for an unknown one."""
        found = self._ask(f"/library/sections/{key}/all", page=(offset, limit))
        about, sent = Container.model_validate(found), listed(found.get("Metadata"))
        total = about.total_size
        if total is None and len(sent) > limit:  # some servers ignore paging
            sent, total = sent[offset:], len(sent)
        sent = sent[:limit]
        items = _read(Item, sent, "/library/sections/<key>/all")
        page = Page(
            items=tuple(_in_section(item, key, about) for item in items),
            offset=offset,
            total=offset + len(sent) if total is None else total,
        )
        return _unless_nothing_is_left(found, sent, items, page)

    def recently_added(self, limit: int) -> tuple[Item, ...]:
        """The newest items of all sections."""
        container = self._ask("/library/recentlyAdded", page=(0, limit))
        sent = listed(container.get("Metadata"))[:limit]
        items = _read(Item, sent, "/library/recentlyAdded")
        return _unless_nothing_is_left(container, sent, items, items)

    def search(self, query: str) -> tuple[Item, ...]:
        """Items that match, the best hubs first."""
        found = self._ask("/hubs/search", params={"query": query, "limit": 20})
        hubs = [hub for hub in listed(found.get("Hub")) if isinstance(hub, dict)]
        sent = [item for hub in hubs for item in listed(hub.get("Metadata"))]
        items = _read(Item, sent, "/hubs/search")
        return _unless_nothing_is_left(found, sent, items, items)

    def sessions(self) -> tuple[Session, ...]:
        """What plays now."""
        found = self._ask("/status/sessions")
        sent = listed(found.get("Metadata"))
        sessions = _read(Session, sent, "/status/sessions")
        return _unless_nothing_is_left(found, sent, sessions, sessions)

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
                f"it refused the token; check MEDIANEST_PLEX_TOKEN ({error.status})",
                error.status or 401,
            ) from error
        container = answer.get("MediaContainer") if isinstance(answer, dict) else None
        if not isinstance(container, dict):
            raise InvalidAnswerError(SERVICE, "its answer has no MediaContainer")
        return container


def _read(model: type[M], values: Any, endpoint: str) -> tuple[M, ...]:
    return parsed_all(SERVICE, model, values, endpoint=endpoint)


def _in_section(item: Item, key: str, about: Container) -> Item:
    """What all items of a section share stands on their container alone."""
    library = {
        "library_key": item.library_key or key,
        "library_title": item.library_title or about.library_title,
    }
    return item.model_copy(update=library)


def _unless_nothing_is_left(
    container: Mapping[str, Any], sent: Sequence[Any], left: Sequence[Any], answer: T
) -> T:
    """The answer, unless nothing is left of what was sent, or nothing was sent without a word
    that there is nothing: then what is remembered is better."""
    if left:
        return answer
    if sent:
        why = f"none of the {len(sent)} elements of its answer makes sense"
        raise UnusableAnswerError(SERVICE, why, rest=answer)
    if not container.keys() & _LISTS and number(container.get("size")) != 0:
        why = "its answer lists nothing, and does not say that there is nothing"
        raise UnusableAnswerError(SERVICE, why, rest=answer)
    return answer
