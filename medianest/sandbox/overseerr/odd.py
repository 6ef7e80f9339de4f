"""Overseerr's answers with odd elements among the good ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from medianest.sandbox.odd import HALF_EMOJI, NO_ELEMENTS, mixed

__all__ = ["with_odd_elements"]

Content = dict[str, Any]


def with_odd_elements(content: Content) -> Content:
    """The answer with at most as many odd elements as good ones in each of its lists."""
    if good := content.get("results"):
        kinds = _kinds(good[0])
        return {**content, "results": mixed(good, [*kinds, *NO_ELEMENTS])}
    info = content.get("mediaInfo") or {}
    if good := info.get("requests"):
        requests = mixed(good, [*_odd_requests(good[0]), *NO_ELEMENTS])
        return {**content, "mediaInfo": {**info, "requests": requests}}
    return content


def _kinds(good: Content) -> Sequence[Any]:
    """Odd ones of the same kind: requests, tracked titles or results of a search."""
    if "requestedBy" in good:
        return _odd_requests(good)
    return _odd_media(good) if "tmdbId" in good else _odd_results(good)


def _odd_requests(good: Content) -> Sequence[Any]:
    def media(**changed: Any) -> Content:
        return {**good["media"], **changed}

    return [
        {**good, "id": 9001, "media": None},
        {**good, "id": 9002, "status": 99, "media": media(status=42)},
        None,
        {**good, "id": "9003", "is4k": 0, "media": media(tmdbId=str(good["media"]["tmdbId"]))},
        {**good, "id": 9004, "createdAt": "yesterday", "updatedAt": -1},
        {**good, "id": 9005, "requestedBy": None, "modifiedBy": 7, "seasons": None},
        {name: value for name, value in good.items() if name not in ("id", "type")},
        {**good, "id": 9006, "type": "music", "seasons": [None, {"seasonNumber": "one"}]},
    ]


def _odd_media(good: Content) -> Sequence[Any]:
    return [
        {**good, "id": 9001, "status": 99, "status4k": None},
        {**good, "id": 9002, "tmdbId": str(good["tmdbId"]), "createdAt": 10**18},
        {name: value for name, value in good.items() if name != "mediaType"},
        {**good, "id": 9003, "seasons": [None], "downloadStatus": [7]},
    ]


def _odd_results(good: Content) -> Sequence[Any]:
    def odd(number: int, title: str, **changed: Any) -> Content:
        name = "title" if "title" in good else "name"
        return {**good, "id": number, name: title, **changed}

    info = {"status": 99, "requests": [None]}
    return [
        odd(9001, f"Odd Half Emoji {HALF_EMOJI}"),
        {"id": 9002, "mediaType": "collection", "title": "Odd Collection", "overview": None},
        odd(9003, "Odd Dates", releaseDate="0000-00-00", firstAirDate=-1),
        odd(9004, "Odd Numbers as Text", voteAverage="6.5", popularity="much", genreIds=None),
        odd(9005, "Odd Status", mediaInfo=info),
        {name: value for name, value in good.items() if name != "id"},
        {"id": 9006, "mediaType": "person", "name": "Odd Person", "knownFor": None},
    ]
