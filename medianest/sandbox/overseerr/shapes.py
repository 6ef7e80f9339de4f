"""Requests and tracked titles as JSON, one by one."""

from __future__ import annotations

from typing import Any, Final

from medianest.sandbox.overseerr.records import (
    Created,
    MediaRecord,
    MediaStatus,
    RequestRecord,
    Snapshot,
)
from medianest.sandbox.overseerr.users import ADMIN, USERS, user_json

__all__ = [
    "created_json",
    "looked_at_json",
    "media_json",
    "request_json",
    "state_json",
    "tracked_json",
]

FOREIGN: Final = ("serviceId", "externalServiceId", "externalServiceSlug")


def state_json(snapshot: Snapshot) -> dict[str, Any]:
    """The requests in short, for tests."""
    return {
        "count": len(snapshot.requests),
        "requests": [
            {
                "id": each.id,
                "mediaType": each.kind,
                "mediaId": each.tmdb_id,
                "seasons": list(each.seasons),
                "is4k": each.is4k,
                "status": each.status,
                "requestedBy": each.user,
            }
            for each in snapshot.requests
        ],
    }


def created_json(created: Created) -> dict[str, Any]:
    """A new request; its title lists the requests before it, if it was tracked before."""
    request, before = created.request, created.before
    media = media_json(created.media)
    if request.key in before.media:
        others = [request_json(before, each) for each in before.requests_for(request.key)]
        media = {**tracked_json(created.media), "requests": others}
    # Users are as they were read when the request began.
    users = {
        name: {**user_json(USERS[user], before.count_of(user)), "settings": None}
        for name, user in (("requestedBy", request.user), ("modifiedBy", ADMIN))
    }
    seasons = {"seasons": _request_seasons(request)} if request.kind == "tv" else {}
    return {**_base(request), "media": media, **users, **seasons}


def request_json(snapshot: Snapshot, request: RequestRecord) -> dict[str, Any]:
    """One request."""
    return {
        **_base(request),
        "media": media_json(snapshot.media[request.key]),
        "seasons": _request_seasons(request),
        "modifiedBy": _user(snapshot, ADMIN),
        "requestedBy": _user(snapshot, request.user),
        "seasonCount": len(request.seasons),
    }


def media_json(media: MediaRecord) -> dict[str, Any]:
    """One tracked title."""
    return {
        "downloadStatus": [],
        "downloadStatus4k": [],
        "id": media.id,
        "mediaType": media.kind,
        "tmdbId": media.tmdb_id,
        "tvdbId": media.tvdb_id,
        "imdbId": None,
        "status": media.status,
        "status4k": media.status4k,
        "createdAt": media.created_at,
        "updatedAt": media.updated_at,
        "lastSeasonChange": media.created_at,
        "mediaAddedAt": media.added_at,
        **{f"{name}{quality}": None for name in FOREIGN for quality in ("", "4k")},
        "ratingKey": media.rating_key,
        "ratingKey4k": None,
    }


def tracked_json(media: MediaRecord) -> dict[str, Any]:
    """One tracked title, with the seasons that are in the library."""
    seasons = [
        {
            "id": media.id * 100 + number,
            "seasonNumber": number,
            "status": MediaStatus.AVAILABLE,
            "status4k": MediaStatus.UNKNOWN,
            "createdAt": media.created_at,
            "updatedAt": media.created_at,
        }
        for number in range(1, media.seasons + 1)
    ]
    return {**media_json(media), "seasons": seasons}


def looked_at_json(snapshot: Snapshot, media: MediaRecord) -> dict[str, Any]:
    """One tracked title as its details show it: with the requests that there are for it."""
    requests = [request_json(snapshot, each) for each in snapshot.requests_for(media.key)]
    return {**tracked_json(media), "requests": requests, "issues": []}


def _base(request: RequestRecord) -> dict[str, Any]:
    return {
        "id": request.id,
        "status": request.status,
        "createdAt": request.at,
        "updatedAt": request.updated_at,
        "type": request.kind,
        "is4k": request.is4k,
        "serverId": None,
        "profileId": None,
        "rootFolder": None,
        "languageProfileId": None,
        "tags": None,
        "isAutoRequest": False,
    }


def _request_seasons(request: RequestRecord) -> list[dict[str, Any]]:
    return [
        {
            "id": request.first_season_id + place,
            "seasonNumber": number,
            "status": request.status,
            "createdAt": request.at,
            "updatedAt": request.updated_at,
        }
        for place, number in enumerate(request.seasons)
    ]


def _user(snapshot: Snapshot, user: int) -> dict[str, Any]:
    return user_json(USERS[user], snapshot.count_of(user))
