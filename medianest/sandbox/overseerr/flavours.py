"""Overseerr and its successor Seerr: what the one answers otherwise than the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["FLAVOURS", "OVERSEERR", "Flavour"]

MEDIA: Final[Mapping[str, Any]] = {"jellyfinMediaId": None, "jellyfinMediaId4k": None}
USER: Final[Mapping[str, Any]] = {
    "warnings": [],
    "jellyfinUsername": None,
    "jellyfinUserId": None,
    "avatarETag": None,
    "avatarVersion": None,
}
NO_ERRORS: Final[Mapping[str, Any]] = {"radarr": [], "sonarr": []}


@dataclass(frozen=True)
class Flavour:
    """One of the two."""

    name: str
    takes_specials: bool
    """Whether season 0 can be requested."""
    dressed: Callable[[Any], Any] = lambda content: content
    """An answer of Overseerr's with the fields that this one has beside."""
    listed: Callable[[Any], Any] = lambda page: page
    """The same of a page of requests."""


def _as_seerr(value: Any) -> Any:
    if isinstance(value, list):
        return [_as_seerr(each) for each in value]
    if not isinstance(value, dict):
        return value
    more: Mapping[str, Any] = {}
    if "ratingKey4k" in value:
        more = {**MEDIA, "mediaAddedAt": value["mediaAddedAt"] or value["createdAt"]}
    elif "userType" in value:
        more = USER
    return {**{name: _as_seerr(each) for name, each in value.items()}, **more}


def _page_of_seerr(page: Any) -> Any:
    results = [{**each, "canRemove": False} for each in page["results"]]
    return {**page, "results": results, "serviceErrors": NO_ERRORS}


OVERSEERR: Final = Flavour("overseerr", takes_specials=True)
SEERR: Final = Flavour("seerr", takes_specials=False, dressed=_as_seerr, listed=_page_of_seerr)
FLAVOURS: Final[Mapping[str, Flavour]] = {each.name: each for each in (OVERSEERR, SEERR)}
