"""What each route of the API does, for a request that passed the checks."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from medianest.sandbox.messages import Reply
from medianest.sandbox.overseerr.answers import AnswerError, answered
from medianest.sandbox.overseerr.listing import request_page
from medianest.sandbox.overseerr.records import (
    Created,
    MediaRecord,
    MediaStatus,
    RequestBody,
    RequestRecord,
    Snapshot,
)
from medianest.sandbox.overseerr.results import details, person_result, title_result
from medianest.sandbox.overseerr.shapes import (
    created_json,
    looked_at_json,
    request_json,
    tracked_json,
)
from medianest.sandbox.overseerr.store import DuplicateError, NoSeasonsError, Store, utc_text
from medianest.sandbox.overseerr.titles import Person, SandboxTitle, Titles
from medianest.sandbox.overseerr.trouble import WELL, Trouble
from medianest.sandbox.overseerr.users import ADMIN, USERS, User

__all__ = ["NOTHING_FOUND", "Api", "Call", "library_media"]

PAGE_SIZE: Final = 20
ABOUT: Final = {
    "version": "develop-local",
    "commitTag": "local",
    "updateAvailable": False,
    "commitsBehind": 0,
    "restartRequired": False,
}
NOTHING_FOUND: Final = {"page": 1, "totalPages": 1, "totalResults": 0, "results": []}
NO_SUCH_REQUEST: Final = "Request not found."


@dataclass(frozen=True)
class Call:
    """One request; `number` stands in its path."""

    query: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    number: str = ""
    trouble: Trouble = WELL


class _SourceError(Exception):
    """The source of titles has no answer: why not, in the words of the server's HTTP client."""


class Api:
    """The routes, over the titles and the store."""

    def __init__(self, titles: Titles, store: Store) -> None:
        self._titles = titles
        self._store = store

    def status(self, call: Call) -> Reply:
        """Its version; it looks at nothing that it depends on."""
        return answered(200, ABOUT)

    def search(self, call: Call) -> Reply:
        """Titles and people; nothing, and no error, when the source is down."""
        call.trouble.waits()
        page = call.query.get("page", 1)
        if call.trouble.source is not None or page < 1:
            return answered(200, NOTHING_FOUND)
        found = self._titles.search(call.query["query"])
        media = {} if call.trouble.gone else self._store.snapshot().media
        shown = found[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
        content = {
            "page": page,
            "totalPages": max(1, math.ceil(len(found) / PAGE_SIZE)),
            "totalResults": len(found),
            "results": [_result(each, media) for each in shown],
        }
        return answered(200, content)

    def movie(self, call: Call) -> Reply:
        """One movie."""
        return self._details(call, "movie", "Unable to retrieve movie.")

    def show(self, call: Call) -> Reply:
        """One show with its seasons."""
        return self._details(call, "tv", "Unable to retrieve series.")

    def create(self, call: Call) -> Reply:
        """A new request, unless it is for what was requested before."""
        user = _requester(call)
        _check_user(call, user)
        try:
            return answered(201, created_json(self._created(call, user)))
        except AnswerError:
            call.trouble.waits()  # refused or not, nothing is said before the source has answered
            raise

    def _created(self, call: Call, user: User) -> Created:
        kind = call.body["mediaType"]
        try:
            title = self._title(kind, call.body["mediaId"], call.trouble)
        except _SourceError as error:
            what = "movie" if kind == "movie" else "TV show"
            raise AnswerError(500, f"[TMDB] Failed to fetch {what} details: {error}") from None
        seasons = _seasons(title, call.body.get("seasons")) if kind == "tv" else ()
        wish = RequestBody(kind, title.id, call.body.get("is4k"), seasons, user.id)
        self._snapshot(call)  # the check for duplicates needs the database, too
        try:
            return self._store.create(wish, call.trouble.between)
        except DuplicateError:
            raise AnswerError(409, "Request for this media already exists.") from None
        except NoSeasonsError:
            raise AnswerError(202, "No seasons available to request") from None

    def requests(self, call: Call) -> Reply:
        """A page of the requests."""
        return answered(200, request_page(self._snapshot(call), call.query))

    def request(self, call: Call) -> Reply:
        """One request; that the database fails is, as on the real server, no other answer than
        that there is none."""
        snapshot = self._snapshot(call, 404, NO_SUCH_REQUEST)
        return answered(200, request_json(snapshot, _found(snapshot, call.number)))

    def decline(self, call: Call) -> Reply:
        """Decline one request."""
        self._store.decline(_found(self._store.snapshot(), call.number).id)
        return self.request(call)

    def _details(self, call: Call, kind: str, complaint: str) -> Reply:
        call.trouble.waits()
        try:
            title = self._title(kind, float(call.number), call.trouble)
        except _SourceError:
            raise AnswerError(500, complaint) from None
        snapshot = self._store.snapshot()
        # As on the real server, a database that fails makes a title look as if nobody wanted it.
        media = None if call.trouble.gone else snapshot.media.get((kind, title.id))
        info = None if media is None else looked_at_json(snapshot, media)
        return answered(200, details(title, info))

    def _snapshot(self, call: Call, status: int = 500, complaint: str | None = None) -> Snapshot:
        """Everything remembered; refused when the database is gone."""
        if call.trouble.gone:
            raise AnswerError(status, complaint or call.trouble.gone)
        return self._store.snapshot()

    def _title(self, kind: str, number: float, trouble: Trouble) -> SandboxTitle:
        if trouble.source is not None:
            raise _SourceError(trouble.source)
        title = self._titles.find(kind, number)
        if title is None:
            raise _SourceError("Request failed with status code 404")
        return title


def library_media(titles: Titles) -> Iterator[MediaRecord]:
    """What a scan of the library has found, before any request."""
    for number, (title, item) in enumerate(titles.in_library(), 1):
        seasons = item.get("childCount", 0)
        added = utc_text(datetime.fromtimestamp(item["addedAt"], UTC))
        partial = seasons < title.seasons
        yield MediaRecord(
            id=number,
            kind=title.kind,
            tmdb_id=title.id,
            created_at=added,
            updated_at=added,
            status=MediaStatus.PARTIALLY_AVAILABLE if partial else MediaStatus.AVAILABLE,
            seasons=seasons,
            rating_key=item["ratingKey"],
            added_at=added,
        )


def _result(
    each: SandboxTitle | Person, media: Mapping[tuple[str, int], MediaRecord]
) -> dict[str, Any]:
    if isinstance(each, Person):
        return person_result(each)
    return title_result(each, _info(media.get((each.kind, each.id))))


def _info(media: MediaRecord | None) -> dict[str, Any] | None:
    return None if media is None else tracked_json(media)


def _requester(call: Call) -> User:
    """Whose request it is to be: the owner's unless it is said otherwise."""
    number = call.body.get("userId") or ADMIN
    if number not in USERS:
        where = json.dumps({"where": {"id": number}}, indent=4)
        raise AnswerError(500, f'Could not find any entity of type "User" matching: {where}')
    return USERS[number]


def _check_user(call: Call, user: User) -> None:
    is_movie = call.body["mediaType"] == "movie"
    if not user.may_request:
        what = f"{'4K ' if call.body.get('is4k') else ''}{'movie' if is_movie else 'series'}"
        raise AnswerError(403, f"You do not have permission to make {what} requests.")
    if user.quota is not None or call.trouble.quota:
        raise AnswerError(403, f"{'Movie' if is_movie else 'Series'} Quota exceeded.")


def _seasons(title: SandboxTitle, asked: Any) -> tuple[int, ...]:
    if asked is None:  # a bug of the real server, which its clients have to know
        raise AnswerError(500, "Cannot read properties of undefined (reading 'filter')")
    numbers = title.season_numbers if asked == "all" else asked
    return tuple(int(number) for number in numbers)


def _found(snapshot: Snapshot, number: str) -> RequestRecord:
    for request in snapshot.requests:
        if str(request.id) == number:
            return request
    raise AnswerError(404, NO_SUCH_REQUEST)
