"""The requests and the titles they are for, in memory; safe for threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

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
from medianest.sandbox.overseerr.users import ADMIN

__all__ = ["DuplicateError", "NoSeasonsError", "Store", "utc_text"]

IN_LIBRARY: Final = (MediaStatus.PARTIALLY_AVAILABLE, MediaStatus.AVAILABLE)


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

    def change(self, request_id: int, status: RequestStatus, by: int = ADMIN) -> bool:
        """Approve or decline a request; False when there is none of that id."""
        with self._lock:
            if request_id not in self._requests:
                return False
            at = utc_text(self._clock.utc())
            self._write({"changed": request_id, "status": status, "by": by, "at": at})
            self._change_needs_lock(request_id, status, by, at)
            return True

    def delete(self, request_id: int) -> bool:
        """Forget a request; False when there is none of that id."""
        with self._lock:
            if request_id not in self._requests:
                return False
            self._write({"deleted": request_id})
            self._delete_needs_lock(request_id)
            return True

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
            status=RequestStatus.APPROVED if wish.approved_by else RequestStatus.PENDING,
            changed_by=wish.approved_by,
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
        approved = request.status == RequestStatus.APPROVED
        after = _raised(pending, request, MediaStatus.PROCESSING) if approved else pending
        self._media[request.key] = replace(after, updated_at=request.at)
        return pending

    def _change_needs_lock(self, number: int, status: RequestStatus, by: int, at: str) -> None:
        before = self._requests[number]
        request = replace(before, status=status, changed_by=by, changed_at=at)
        self._requests[number] = request
        media = self._media[request.key]
        if status == RequestStatus.APPROVED:
            media = _raised(media, request, MediaStatus.PROCESSING)
        elif request.kind == "movie" or not self._is_awaited_needs_lock(request):
            media = media.at_level(MediaStatus.UNKNOWN, request.is4k)
        self._media[request.key] = replace(media, updated_at=at)

    def _is_awaited_needs_lock(self, declined: RequestRecord) -> bool:
        """Whether anything else is under way for the show."""
        others = self._snapshot_needs_lock().requests_for(declined.key)
        pending = any(each.status == RequestStatus.PENDING for each in others)
        return pending or self._media[declined.key].level(declined.is4k) != MediaStatus.PENDING

    def _delete_needs_lock(self, request_id: int) -> None:
        gone = self._requests.pop(request_id)
        media = self._media[gone.key]
        left = any(
            (each.key, each.is4k) == (gone.key, gone.is4k) for each in self._requests.values()
        )
        if not left and media.level(gone.is4k) not in IN_LIBRARY:
            self._media[gone.key] = media.at_level(MediaStatus.UNKNOWN, gone.is4k)

    def _repeat_needs_lock(self, entry: dict[str, Any]) -> None:
        if "deleted" in entry:
            self._delete_needs_lock(entry["deleted"])
            return
        if "changed" in entry:
            status = RequestStatus(entry["status"])
            self._change_needs_lock(entry["changed"], status, entry["by"], entry["at"])
            return
        request = RequestRecord(
            id=entry["id"],
            kind=entry["mediaType"],
            tmdb_id=entry["mediaId"],
            is4k=entry["is4k"],
            seasons=tuple(entry["seasons"]),
            at=entry["createdAt"],
            first_season_id=self._last_season_id + 1,
            # A file of before there were users is the owner's alone.
            user=entry.get("requestedBy", ADMIN),
            status=RequestStatus(entry.get("status", RequestStatus.APPROVED)),
            changed_by=entry.get("approvedBy", ADMIN),
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
        "approvedBy": request.changed_by,
        "status": request.status,
    }


def _raised(media: MediaRecord, request: RequestRecord, status: MediaStatus) -> MediaRecord:
    """The title with at least this status; what is available stays so."""
    return media.at_level(max(status, media.level(request.is4k)), request.is4k)
