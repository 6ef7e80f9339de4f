"""What somebody wishes from Overseerr, and what Overseerr has of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal, Self, cast

from medianest.queue.errors import PayloadError

__all__ = ["NOTHING", "KnownRequest", "Requested", "Standing", "Wish"]

MediaType = Literal["movie", "tv"]

_DECLINED, _COMPLETED = 3, 5
_TICK = timedelta(seconds=2)
"""Its times are whole seconds, and so is the difference of two clocks."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A title, its seasons if it is a show, in which quality, and for whom; `user_id` None: for
    whoever the API key belongs to."""

    media_type: MediaType
    media_id: int
    seasons: tuple[int, ...] | Literal["all"] = ()
    is4k: bool = False
    user_id: int | None = None

    @classmethod
    def of(cls, payload: Mapping[str, Any]) -> Self:
        """From what the queue has kept. Raises PayloadError for what no version understands."""
        kind, number = payload.get("media_type"), payload.get("media_id")
        seasons, user = payload.get("seasons") or (), payload.get("user_id")
        whole = seasons == "all" or (
            isinstance(seasons, list | tuple) and all(_is_whole(each, 0) for each in seasons)
        )
        if kind not in ("movie", "tv") or not _is_whole(number, 1) or not whole:
            raise PayloadError("the payload is no request for a title")
        if user is not None and not _is_whole(user, 1):
            raise PayloadError("the payload names no user")
        return cls(
            cast(MediaType, kind),
            cast(int, number),
            "all" if seasons == "all" else tuple(seasons),
            bool(payload.get("is4k")),
            user,
        )

    @property
    def subject(self) -> str:
        """The same for wishes that one request of Overseerr could fulfil."""
        return f"{self.media_type}:{self.media_id}{':4k' if self.is4k else ''}"

    @property
    def body(self) -> dict[str, Any]:
        """As Overseerr takes it. Without `is4k` it would not notice a second request."""
        body: dict[str, Any] = {
            "mediaType": self.media_type,
            "mediaId": self.media_id,
            "is4k": self.is4k,
        }
        if self.seasons:
            body["seasons"] = self.seasons if self.seasons == "all" else list(self.seasons)
        if self.user_id is not None:
            body["userId"] = self.user_id
        return body

    def __str__(self) -> str:
        return f"{self.media_type} {self.media_id}"


@dataclass(frozen=True, slots=True)
class Requested:
    """A wish is a request of Overseerr: made by us, or `created` false when it was there before.
    `seasons` are those of the request; None for a movie, and where it was not told."""

    created: bool
    request_id: int | None = None
    seasons: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class KnownRequest:
    """A request that Overseerr has for a title."""

    id: int
    status: int | None
    is4k: bool
    seasons: frozenset[int]
    created_at: datetime | None

    @property
    def is_open(self) -> bool:
        """Whether it stands: neither declined nor fulfilled and gone."""
        return self.status not in (_DECLINED, _COMPLETED)


@dataclass(frozen=True, slots=True)
class Standing:
    """What Overseerr has for one title: `seasons` that there are, `taken` those that are in
    the library or on their way there, by quality; `ahead` is how far its clock is ahead of ours."""

    requests: tuple[KnownRequest, ...]
    seasons: frozenset[int]
    taken: Mapping[bool, frozenset[int]]
    ahead: timedelta

    def with_requests(self, more: tuple[KnownRequest, ...]) -> Self:
        """The same with requests that were found elsewhere."""
        known = {each.id: each for each in (*more, *self.requests)}
        return replace(self, requests=tuple(known.values()))

    def find(self, wish: Wish, since: datetime) -> Requested | None:
        """The request that fulfils a wish which we first sent at `since` or later.

        One that was there before and was declined, or is over, is not it: the server would take
        another one. One that came after that time is it, whatever has become of it.
        """
        same = [each for each in self.requests if each.is4k == wish.is4k]
        ours = [each for each in same if self._is_after(each, since)]
        standing = [each for each in same if each.is_open or each in ours]
        if wish.media_type == "movie":
            return _newest(ours or standing, created=bool(ours))
        wanted = self._wanted(wish)
        covered = frozenset().union(*(each.seasons for each in standing))
        mine = [each for each in ours if each.seasons & wanted]
        missing = wanted - covered - self.taken.get(wish.is4k, frozenset())
        if mine:  # of ours, the server may have left out specials, and what there is not
            missing &= self.seasons - {0}
        if not wanted or missing:
            return None
        theirs = [each for each in standing if each.seasons & wanted]
        return _newest(mine or theirs, created=bool(mine), wanted=wanted) or Requested(False)

    def part_of(self, wish: Wish) -> Requested | None:
        """What there is of a wish of which the server says that nothing is left to request."""
        if wish.media_type == "movie":
            same = [each for each in self.requests if each.is4k == wish.is4k]
            return _newest([each for each in same if each.is_open] or same, created=False)
        wanted = self._wanted(wish)
        same = [each for each in self.requests if each.is4k == wish.is4k and each.is_open]
        theirs = [each for each in same if each.seasons & wanted]
        found = _newest(theirs, created=False, wanted=wanted)
        if found is None and wanted & self.taken.get(wish.is4k, frozenset()):
            return Requested(False)
        return found

    def has_seasons_of(self, wish: Wish) -> bool:
        """Whether there are seasons that a wish is for, the specials aside."""
        return bool(self._wanted(wish) & self.seasons - {0})

    def _wanted(self, wish: Wish) -> frozenset[int]:
        if wish.seasons == "all":
            return frozenset(number for number in self.seasons if number > 0)
        return frozenset(wish.seasons)

    def _is_after(self, request: KnownRequest, since: datetime) -> bool:
        # By either clock: the time of the answer may be that of a proxy.
        created = request.created_at
        return created is not None and created + _TICK - min(self.ahead, timedelta()) >= since


NOTHING: Final = Standing((), frozenset(), {}, timedelta())
"""A title of which nothing is known."""


def _newest(
    found: Collection[KnownRequest], *, created: bool, wanted: frozenset[int] = frozenset()
) -> Requested | None:
    if not found:
        return None
    newest = max(found, key=lambda each: each.id)
    seasons = tuple(sorted(newest.seasons & wanted)) if wanted else None
    return Requested(created, newest.id, seasons)


def _is_whole(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least
