"""Asks an Overseerr, and tells what is its own answer from what is not."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

from pydantic import BaseModel

from medianest.config import OverseerrSettings, Secrets
from medianest.media.errors import (
    InvalidAnswerError,
    MediaError,
    NotFoundError,
    RefusedError,
    RejectedError,
    UnusableAnswerError,
    UpstreamError,
)
from medianest.media.http import HttpAnswer, UpstreamHttp
from medianest.media.overseerr.details import (
    SeasonDetails,
    requests_for,
    seasons_of,
    standing_of,
    taken_seasons,
)
from medianest.media.overseerr.models import MediaRequest, RequestResults, SearchPage, Title
from medianest.media.overseerr.refusals import (
    SERVICE,
    RequestFailedError,
    foreign,
    is_own,
    message_of,
    refusal,
    source_failed,
    wrong_key,
)
from medianest.media.overseerr.wish import NOTHING, KnownRequest, Requested, Standing, Wish
from medianest.media.parsing import parsed, understood
from medianest.resilience import Clock
from medianest.resilience.clock import as_clock

__all__ = ["SERVICE", "OverseerrClient", "RequestFailedError", "Requested"]

API = "/api/v1"
_QUERIES = "abcdefghijklmnoprstuvw"
_LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl", "sv", "da", "nb", "fi", "pl", "cs", "ru")
"""Each of these words is found in thousands of titles, so that nothing found means no source."""

_LATEST = 50
"""Requests that are looked through for one that was made lately."""

M = TypeVar("M", bound=BaseModel)


class OverseerrClient:
    """Talks to one Overseerr. Raises the errors of medianest.media.errors, RequestFailedError, and
    DeadlineExceededError."""

    def __init__(
        self,
        url: str,
        settings: OverseerrSettings,
        clock: Clock | None = None,
        secrets: Secrets | None = None,
    ) -> None:
        headers = {"Cache-Control": "no-cache"}  # no cache in between knows what was requested
        if settings.api_key is not None:
            headers["X-Api-Key"] = settings.api_key.get_secret_value()
        self._clock = as_clock(clock)
        self._http = UpstreamHttp.of(SERVICE, url, settings, headers, clock, is_own, secrets)

    def search(self, query: str) -> tuple[Title, ...]:
        """Movies and shows that match. None may also mean that its own source is down."""
        return self._read(SearchPage, f"{API}/search", query=query).titles()

    def requests(self, skip: int, take: int) -> RequestResults:
        """Requests, the newest first."""
        return self._read(
            RequestResults, f"{API}/request", skip=skip, take=take, sort="added", filter="all"
        )

    def request(self, request_id: int) -> MediaRequest:
        """One request. Raises NotFoundError."""
        return understood(SERVICE, MediaRequest, self._get(f"{API}/request/{request_id}"))

    def seasons(self, media_id: int) -> tuple[SeasonDetails, ...]:
        """The seasons of a show. Raises NotFoundError."""
        found = self._details("tv", media_id)
        if found is None:
            raise NotFoundError(SERVICE, f"there is no tv {media_id}")
        return seasons_of(found[0])

    def create(self, wish: Wish) -> Requested:
        """Request a title. Where it is requested already, so that nothing is made, the request
        that there is."""
        answer = self._http.ask("POST", f"{API}/request", body=wish.body)
        body = self._body(answer)
        own = is_own(answer.headers)
        if answer.status == 201 and own and isinstance(body, dict):
            return self._made(wish, body)
        if answer.status == 409 and own and "already exists" in message_of(body):
            return self._requested_before(wish)
        if answer.status == 202 and own and "No seasons available" in message_of(body):
            return self._nothing_left(wish)
        refused = self._refusal(answer, body, str(wish))
        if isinstance(refused, NotFoundError):
            # A source that is half away says so of every title.
            self.check_source()
        raise refused

    def _made(self, wish: Wish, body: Mapping[str, Any]) -> Requested:
        """What a 201 tells of the request that was made."""
        made = next(iter(requests_for(wish.media_type, wish.media_id, [body])), None)
        if made is None:
            raise InvalidAnswerError(SERVICE, f"its answer is no request for {wish}")
        return Requested(True, made.id, taken_seasons(body) if wish.media_type == "tv" else None)

    def look(self, wish: Wish, since: datetime) -> Requested | None:
        """The request for a title that was first sent at `since`; None when there is none. Needs
        what making a request needs: raises SourceError when its source does not answer."""
        standing = self._standing(wish) or NOTHING
        found = standing.find(wish, since)
        if found is not None:
            return found
        # It remembers titles for hours: that it tells of this one does not prove that its source
        # answers, and without it what was sent may wait there still.
        self.check_source()
        # While its database is away it tells of a title without a word of its requests. The list
        # needs the database, and has what was made lately.
        return standing.with_requests(self._latest(wish)).find(wish, since)

    def check_source(self) -> None:
        """Raise SourceError when its source does not answer it."""
        # It remembers answers for minutes, by their words and their language.
        query, language = secrets.choice(_QUERIES), secrets.choice(_LANGUAGES)
        page = self._read(SearchPage, f"{API}/search", query=query, language=language)
        if not page.results:
            raise source_failed("its search finds nothing")

    def close(self) -> None:
        """Close the idle connections."""
        self._http.close()

    def _requested_before(self, wish: Wish) -> Requested:
        """The request that is in the way of another one, if it can be found now."""
        try:
            standing = self._standing(wish)
        except (UpstreamError, RejectedError):
            return Requested(False)
        return (standing.part_of(wish) if standing else None) or Requested(False)

    def _nothing_left(self, wish: Wish) -> Requested:
        """It is requested or there already, or is such as it leaves out, as Seerr does with
        specials."""
        standing = self._standing(wish)
        found = None if standing is None else standing.part_of(wish)
        if found is not None:
            return found
        if standing is not None and standing.has_seasons_of(wish):
            return Requested(False)  # by its word, whatever else it tells
        raise RefusedError(SERVICE, "it takes no request for these seasons", 202)

    def _latest(self, wish: Wish) -> tuple[KnownRequest, ...]:
        """Those of the latest requests that are for the title of a wish."""
        path = f"{API}/request"
        page = self._listed(path, take=_LATEST, skip=0, sort="added")
        if not isinstance(page, dict) or not isinstance(page.get("results"), list):
            raise InvalidAnswerError(SERVICE, "its answer is no list of requests")
        return requests_for(wish.media_type, wish.media_id, page["results"])

    def _standing(self, wish: Wish) -> Standing | None:
        """How a title stands; None when its source does not know it."""
        found = self._details(wish.media_type, wish.media_id)
        if found is None:
            return None
        details, date = found
        return standing_of(details, date, self._clock.utc())

    def _details(
        self, media_type: str, media_id: int
    ) -> tuple[Mapping[str, Any], str | None] | None:
        """All that it tells of a title, and when; None when its source does not know it."""
        answer = self._http.ask("GET", f"{API}/{media_type}/{media_id}")
        body = self._body(answer)
        if answer.status == 200 and isinstance(body, dict) and body.get("id") == media_id:
            return body, answer.headers.get("Date")
        if answer.status == 200:
            raise InvalidAnswerError(SERVICE, "its answer is not that title")
        said = message_of(body) if is_own(answer.headers) else ""
        if said.startswith("Unable to retrieve"):
            # It says the same for a title that there is not as for a source that is away.
            self.check_source()
            return None
        raise self._refusal(answer, body, f"{media_type} {media_id}")

    def _read(self, model: type[M], path: str, **params: str | int) -> M:
        return parsed(SERVICE, model, self._listed(path, **params))

    def _listed(self, path: str, **params: str | int) -> Any:
        """What is always there: who says that it is not, or refuses it, is somebody else."""
        try:
            return self._get(path, **params)
        except (NotFoundError, RefusedError) as error:
            raise foreign(error.status or 404) from error

    def _get(self, path: str, **params: str | int) -> Any:
        try:
            return self._http.get_json(path, params=params)
        except RejectedError as error:
            raise wrong_key(error.status or 403) from error

    def _refusal(self, answer: HttpAnswer, body: Any, what: str) -> Exception:
        """What an answer means that is none of success."""
        if message_of(body) and is_own(answer.headers):
            return refusal(answer.status, body, what)
        try:
            self._http.check(answer.status, answer.headers)
        except MediaError as error:
            is_refusal = 400 <= answer.status < 500 and answer.status != 401
            return foreign(answer.status) if is_refusal else error
        return InvalidAnswerError(SERVICE, f"its answer is not valid ({answer.status})")

    def _body(self, answer: HttpAnswer) -> Any:
        try:
            return self._http.parse(answer.body)
        except (InvalidAnswerError, UnusableAnswerError):
            return None
