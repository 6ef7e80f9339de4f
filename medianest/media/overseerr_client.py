"""Asks an Overseerr, and tells its many meanings of 500 apart.

It answers 500 for a title that does not exist, for ever; for a failure of its own source (TMDB);
for its own database being locked; and for bugs. Only the message tells which, and only the second
and third are outages.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from pydantic import BaseModel

from medianest.config import OverseerrSettings
from medianest.media.errors import (
    InvalidAnswerError,
    MediaError,
    NotFoundError,
    RefusedError,
    RejectedError,
    UnavailableError,
    UpstreamError,
)
from medianest.media.http import HttpAnswer, UpstreamHttp
from medianest.media.overseerr_wire import MediaRequest, RequestPage, SearchPage, Title
from medianest.media.parsing import parsed, parsed_all
from medianest.resilience import Clock

__all__ = ["SERVICE", "OverseerrClient", "RequestFailedError", "Requested"]

SERVICE = "overseerr"
API = "/api/v1"
M = TypeVar("M", bound=BaseModel)
MediaType = Literal["movie", "tv"]

_SOURCE = re.compile(r"\[TMDB\].*status code (\d{3})")


class RequestFailedError(MediaError):
    """Overseerr failed at this very request, though it is well otherwise."""

    status = 500


@dataclass(frozen=True, slots=True)
class Requested:
    """A title is requested: by this call, or `created` false when it was before."""

    created: bool
    request_id: int | None = None


class OverseerrClient:
    """Talks to one Overseerr. Raises the errors of medianest.media.errors, RequestFailedError, and
    DeadlineExceededError."""

    def __init__(self, url: str, settings: OverseerrSettings, clock: Clock | None = None) -> None:
        headers = {}
        if settings.api_key is not None:
            headers["X-Api-Key"] = settings.api_key.get_secret_value()
        self._http = UpstreamHttp.of(SERVICE, url, settings, headers, clock)

    def search(self, query: str) -> tuple[Title, ...]:
        """Movies and shows that match. None may also mean that its own source is down."""
        page = self._read(SearchPage, f"{API}/search", query=query)
        wanted = [found for found in page.results if found.get("mediaType") in ("movie", "tv")]
        return parsed_all(SERVICE, Title, wanted)

    def requests(self, skip: int, take: int) -> RequestPage:
        """Requests, the newest first."""
        return self._read(
            RequestPage, f"{API}/request", skip=skip, take=take, sort="added", filter="all"
        )

    def request(self, request_id: int) -> MediaRequest:
        """One request. Raises NotFoundError."""
        return self._read(MediaRequest, f"{API}/request/{request_id}")

    def create(self, media_type: MediaType, media_id: int, seasons: Sequence[int]) -> Requested:
        """Request a title; harmless when it is requested already."""
        body: dict[str, Any] = {"mediaType": media_type, "mediaId": media_id, "is4k": False}
        if seasons:
            body["seasons"] = list(seasons)
        answer = self._http.ask("POST", f"{API}/request", body=body)
        if answer.status == 201:
            return Requested(True, parsed(SERVICE, MediaRequest, self._http.parse(answer.body)).id)
        if answer.status in (202, 409):  # no seasons left to request; requested already
            return Requested(False)
        raise self._refusal(answer, f"{media_type} {media_id}")

    def close(self) -> None:
        """Close the idle connections."""
        self._http.close()

    def _read(self, model: type[M], path: str, **params: str | int) -> M:
        try:
            return parsed(SERVICE, model, self._http.get_json(path, params=params))
        except RejectedError as error:
            raise self._rejected(error.status or 403) from error

    def _refusal(self, answer: HttpAnswer, what: str) -> Exception:
        message = self._message(answer)
        if answer.status == 500:
            return _meaning_of_500(message, what)
        if answer.status == 403 and "access this endpoint" not in message:
            return RefusedError(SERVICE, message or "it may not be requested", 403)
        if answer.status in (401, 403):
            return self._rejected(answer.status)
        try:
            self._http.check(answer.status, answer.headers)
        except RefusedError as error:
            return RefusedError(SERVICE, message or str(error), answer.status)
        except UpstreamError as error:
            return error.surely() if message else error  # no proxy speaks its language
        except MediaError as error:
            return error
        return InvalidAnswerError(SERVICE, f"it answered {answer.status}")

    def _message(self, answer: HttpAnswer) -> str:
        try:
            body = self._http.parse(answer.body)
        except InvalidAnswerError:
            return ""
        said = body.get("message") or body.get("error") if isinstance(body, dict) else None
        return said[:300] if isinstance(said, str) else ""

    def _rejected(self, status: int) -> RejectedError:
        reason = f"it refused the key; check MEDIANEST_OVERSEERR_API_KEY ({status})"
        return RejectedError(SERVICE, reason, status)


def _meaning_of_500(message: str, what: str) -> MediaError:
    source = _SOURCE.search(message)
    if source is not None and source[1] == "404":
        return NotFoundError(SERVICE, f"there is no {what}")
    if source is not None:
        return UnavailableError(SERVICE, f"its own source answers {source[1]}", 500).surely()
    if "SQLITE_BUSY" in message:
        return UnavailableError(SERVICE, "its database is locked", 500, retry_after=1.0).surely()
    return RequestFailedError(SERVICE, f"it failed at {what}: {message or '500'}")
