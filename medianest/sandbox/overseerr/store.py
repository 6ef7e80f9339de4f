"""The requests and the titles they are for, in memory; safe for threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from medianest.resilience.clock import Clock
from medianest.sandbox.overseerr.journal import RequestLog
from medianest.sandbox.overseerr.records import (
    Created,
    MediaRecord,
    MediaStatus,
    RequestBody,
    RequestRecord,
    RequestStatus,
    Snapshot,
)

__all__ = ["DuplicateError", "NoSeasonsError", "Store", "utc_text"]


class DuplicateError(Exception):
    """The movie was requested before."""


class NoSeasonsError(Exception):
    """Each season was requested before, or is in the library."""


class Store:
    """Creates requests, never two for the same unless told to look away in between."""

    def __init__(
        self, media: Iterable[MediaRecord], clock: Clock, journal: RequestLog | None
    ) -> None:
        self._clock = clock
        self._media = {each.key: each for each in media}
        self._requests: dict[int, RequestRecord] = {}
        self._last_id = self._last_season_id = 0
        self._lock = threading.Lock()
        self._journal = journal
        for number, entry in enumerate(journal.read() if journal else (), 1):
            try:
                self._repeat_needs_lock(entry)
            except (KeyError, TypeError, ValueError):
                raise ValueError(f"line {number} is not of a request") from None

    def snapshot(self) -> Snapshot:
        """Everything at this moment."""
        with self._lock:
            return self._snapshot_needs_lock()

    def create(self, wish: RequestBody, between: Callable[[], None] | None = None) -> Created:
        """A new request; DuplicateError or NoSeasonsError if there is nothing new in the wish.

        The check and the creation are one step; with `between`, that runs after the check and
        before the creation, and other requests may come in between.
        """
        with self._lock:
            seasons = self._wanted_needs_lock(wish)
            if between is None:
                return self._create_needs_lock(wish, seasons)
        between()
        with self._lock:
            return self._create_needs_lock(wish, seasons)

    def decline(self, request_id: int) -> None:
        """Decline a request that there is."""
        with self._lock:
            at = utc_text(self._clock.utc())
            self._write({"declined": request_id, "at": at})
            self._decline_needs_lock(request_id, at)

    def _wanted_needs_lock(self, wish: RequestBody) -> tuple[int, ...]:
        key = (wish.kind, wish.tmdb_id)
        same = [
            each for each in self._requests.values() if (each.key, each.is4k) == (key, wish.is4k)
        ]
        if wish.kind == "movie":
            # As on the real server, which looks at the first alone: once that was declined,
            # nothing keeps any further one from being made.
            if same and same[0].stands:
                raise DuplicateError
            return ()
        taken = {number for each in same if each.stands for number in each.seasons}
        if not wish.is4k and key in self._media:
            taken |= set(range(1, self._media[key].seasons + 1))
        wanted = tuple(number for number in wish.seasons if number not in taken)
        if not wanted:
            raise NoSeasonsError
        return wanted

    def _create_needs_lock(self, wish: RequestBody, seasons: tuple[int, ...]) -> Created:
        before = self._snapshot_needs_lock()
        request = RequestRecord(
            id=self._last_id + 1,
            kind=wish.kind,
            tmdb_id=wish.tmdb_id,
            is4k=wish.is4k or False,
            seasons=seasons,
            at=utc_text(self._clock.utc()),
            first_season_id=self._last_season_id + 1,
            user=wish.user,
        )
        self._write(_entry(request))
        return Created(request, self._add_needs_lock(request), before)

    def _add_needs_lock(self, request: RequestRecord) -> MediaRecord:
        """Keep the request; the title as it is until the request is handed on for download."""
        self._requests[request.id] = request
        self._last_id = request.id
        self._last_season_id = request.first_season_id + len(request.seasons) - 1
        new = MediaRecord(
            len(self._media) + 1, request.kind, request.tmdb_id, request.at, request.at
        )
        pending = _raised(self._media.get(request.key, new), request, MediaStatus.PENDING)
        after = _raised(pending, request, MediaStatus.PROCESSING)
        self._media[request.key] = replace(after, updated_at=request.at)
        return pending

    def _decline_needs_lock(self, number: int, at: str) -> None:
        before = self._requests[number]
        request = replace(before, status=RequestStatus.DECLINED, declined_at=at)
        self._requests[number] = request
        media = self._media[request.key]
        if request.kind == "movie":  # as on the real server, a show goes on being processed
            media = media.at_level(MediaStatus.UNKNOWN, request.is4k)
        self._media[request.key] = replace(media, updated_at=at)

    def _repeat_needs_lock(self, entry: dict[str, Any]) -> None:
        if "declined" in entry:
            self._decline_needs_lock(entry["declined"], entry["at"])
            return
        request = RequestRecord(
            id=entry["id"],
            kind=entry["mediaType"],
            tmdb_id=entry["mediaId"],
            is4k=entry["is4k"],
            seasons=tuple(entry["seasons"]),
            at=entry["createdAt"],
            first_season_id=self._last_season_id + 1,
            user=entry["requestedBy"],
        )
        self._add_needs_lock(request)

    def _snapshot_needs_lock(self) -> Snapshot:
        return Snapshot(tuple(self._requests.values()), dict(self._media))

    def _write(self, entry: dict[str, Any]) -> None:
        if self._journal is not None:
            self._journal.append(entry)


def utc_text(moment: datetime) -> str:
    """A time as Overseerr writes it, whose database keeps whole seconds."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _entry(request: RequestRecord) -> dict[str, Any]:
    return {
        "id": request.id,
        "mediaType": request.kind,
        "mediaId": request.tmdb_id,
        "seasons": list(request.seasons),
        "is4k": request.is4k,
        "createdAt": request.at,
        "requestedBy": request.user,
    }


def _raised(media: MediaRecord, request: RequestRecord, status: MediaStatus) -> MediaRecord:
    """The title with at least this status; what is available stays so."""
    return media.at_level(max(status, media.level(request.is4k)), request.is4k)
