"""The Overseerr client against a server on real sockets, and what its errors mean."""

import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from medianest.config import OverseerrSettings
from medianest.media.errors import (
    ForbiddenError,
    InvalidAnswerError,
    NotFoundError,
    QuotaError,
    RefusedError,
    RejectedError,
    SlowError,
    SourceError,
    UnavailableError,
    UnreachableError,
    UpstreamError,
)
from medianest.media.overseerr.client import OverseerrClient, RequestFailedError
from medianest.media.overseerr.refusals import UnknownUserError, refusal
from medianest.media.overseerr.wish import KnownRequest, Standing
from medianest.sandbox.process import SandboxProcess
from tests.media.overseerr.wishing import wish
from tests.support.narrowing import not_none

UNKNOWN = 9_000_001


def test_a_title_is_requested_once_and_found_again(client: OverseerrClient) -> None:
    made = client.create(wish("movie", 31001))
    assert made.created
    assert client.request(not_none(made.request_id)).media.tmdb_id == 31001
    assert not client.create(wish("movie", 31001)).created
    assert client.requests(0, 10).results[0].id == made.request_id


def test_seasons_of_a_show_are_requested_once(client: OverseerrClient) -> None:
    assert client.create(wish("tv", 31003, [1])).created
    assert not client.create(wish("tv", 31003, [1])).created
    assert client.create(wish("tv", 31003, [1, 2])).created


@pytest.mark.parametrize("query", ["the", "a b", "a+b", "100% & more?", "ümläut", "/"])
def test_any_text_can_be_searched_for(client: OverseerrClient, query: str) -> None:
    titles = client.search(query)
    assert all(title.media_type in ("movie", "tv") for title in titles)


def test_what_is_not_there_is_not_found(client: OverseerrClient) -> None:
    with pytest.raises(NotFoundError):
        client.request(99_999)


def test_an_unknown_title_is_not_taken_for_an_outage(client: OverseerrClient) -> None:
    """Keeps out: one bad number opens the breaker for everybody, and waits for ever."""
    with pytest.raises(NotFoundError, match="there is no movie 9000001"):
        client.create(wish("movie", UNKNOWN))


def test_a_failure_of_its_own_source_is_an_outage_of_that(
    client: OverseerrClient, overseerr_sandbox: SandboxProcess
) -> None:
    for status in (500, 429):
        overseerr_sandbox.fault("source", status=status, times=1)
        with pytest.raises(SourceError, match=r"cannot reach its source \(TMDB\)") as caught:
            client.create(wish("movie", 31010))
        assert not caught.value.uncertain


def test_while_its_source_is_down_a_search_finds_nothing(
    client: OverseerrClient, overseerr_sandbox: SandboxProcess
) -> None:
    overseerr_sandbox.fault("source")
    assert client.search("the") == ()


def test_its_locked_database_is_an_outage(
    client: OverseerrClient, overseerr_sandbox: SandboxProcess
) -> None:
    overseerr_sandbox.fault("locked")
    with pytest.raises(UnavailableError, match="locked"):
        client.create(wish("movie", 31013))


def test_a_bug_of_its_own_is_the_requests_failure(client: OverseerrClient) -> None:
    with pytest.raises(RequestFailedError) as caught:
        client.create(wish("tv", 31004))  # as it is with shows without seasons
    assert not isinstance(caught.value, UpstreamError)


def test_a_wrong_key_is_told_by_its_setting(overseerr_sandbox: SandboxProcess) -> None:
    settings = OverseerrSettings(url=overseerr_sandbox.url, api_key="wrong")
    client = OverseerrClient(not_none(settings.url), settings)
    for ask in (lambda: client.requests(0, 1), lambda: client.create(wish("movie", 1))):
        with pytest.raises(RejectedError, match="MEDIANEST_OVERSEERR_API_KEY"):
            ask()
    client.close()


@pytest.mark.parametrize(
    ("fault", "options", "error"),
    [
        ("hang", {}, SlowError),
        ("drip", {"interval": 0.02}, SlowError),
        ("reset", {}, UnreachableError),
        ("lose", {}, UnreachableError),
        ("truncate", {}, UpstreamError),
        ("garbage", {}, InvalidAnswerError),
        ("maintenance", {}, UnavailableError),
        ("status", {"status": 502}, UnavailableError),
        ("status", {"status": 504, "body": "<html>"}, UnavailableError),
    ],
)
def test_each_fault_has_its_error(
    client: OverseerrClient,
    overseerr_sandbox: SandboxProcess,
    fault: str,
    options: dict[str, Any],
    error: Any,
) -> None:
    overseerr_sandbox.fault(fault, **options)
    with pytest.raises(error):
        client.create(wish("movie", 31020))
    with pytest.raises(error):
        client.requests(0, 1)


def test_an_answer_that_was_lost_was_a_request_all_the_same(
    client: OverseerrClient, overseerr_sandbox: SandboxProcess
) -> None:
    overseerr_sandbox.fault("lose", times=1)
    with pytest.raises(UnreachableError):
        client.create(wish("movie", 31030))
    assert not client.create(wish("movie", 31030)).created


def test_seasons_of_which_it_says_that_none_is_left_are_requested() -> None:
    """Keeps out: "it will not do this" of what is requested, told from an answer of before."""
    seasons = frozenset({1, 2})
    before = Standing((), seasons, {}, timedelta())
    assert before.part_of(wish("tv", 5, [1])) is None
    assert before.has_seasons_of(wish("tv", 5, [1]))
    assert not before.has_seasons_of(wish("tv", 5, [0]))  # Seerr leaves specials out
    assert not before.has_seasons_of(wish("tv", 5, [99]))


@pytest.mark.parametrize(
    ("status", "message", "error"),
    [
        (403, "Movie Quota exceeded.", QuotaError),
        (403, "invalid csrf token", RejectedError),
        (403, "This media is blocklisted.", RefusedError),
        (403, "You do not have permission to make movie requests.", ForbiddenError),
        (403, "You do not have permission to modify the request user.", ForbiddenError),
        (403, "You do not have permission to access this endpoint", RejectedError),
        (500, "[TMDB] Failed to fetch movie details: connect ECONNREFUSED 1.2.3.4", SourceError),
        (500, "[TMDB] Failed to fetch TV show details: timeout of 10000ms exceeded", SourceError),
        (500, "[TMDB] Failed to fetch movie details: words that nobody knows", SourceError),
        (500, "[TMDB] Failed to fetch movie details: Request failed with status code 404",
         NotFoundError),
        (500, 'Could not find any entity of type "User" matching: {}', UnknownUserError),
        (500, "SQLITE_CANTOPEN: unable to open database file", UnavailableError),
        (500, "Connection terminated unexpectedly", UnavailableError),
        (500, "words that nobody knows", RequestFailedError),
        (503, "upstream connect error or disconnect", UnavailableError),
        (408, "stream timeout", UnavailableError),
        (429, "local rate limited", UnavailableError),
    ],
)  # fmt: skip
def test_each_of_its_own_answers_has_its_meaning(status: int, message: str, error: Any) -> None:
    found = refusal(status, {"message": message}, "movie 1")
    assert type(found) is error
    is_confirmed = error not in (RequestFailedError, UnavailableError)
    assert found.uncertain is not is_confirmed


def test_a_look_needs_its_source_though_it_remembers_the_title(
    client: OverseerrClient, overseerr_sandbox: SandboxProcess
) -> None:
    """Keeps out: a title that was looked at before proves nothing of what waits for its source."""
    overseerr_sandbox.fault("source", path="/api/v1/search")
    with pytest.raises(SourceError):
        client.look(wish("movie", 31040), NOW)


NOW = datetime.now(UTC)


def test_one_lost_answer_of_a_declined_title_makes_no_second_request(
    client: OverseerrClient, overseerr_sandbox: SandboxProcess
) -> None:
    made = client.create(wish("movie", 31050))
    urllib.request.urlopen(
        urllib.request.Request(
            f"{overseerr_sandbox.url}/api/v1/request/{made.request_id}/decline",
            method="POST",
            headers={"X-Api-Key": overseerr_sandbox.token},
        )
    ).close()
    assert client.look(wish("movie", 31050), NOW + timedelta(hours=1)) is None
    found = not_none(client.look(wish("movie", 31050), NOW - timedelta(hours=1)))
    assert (found.created, found.request_id) == (True, made.request_id)


def test_what_a_server_leaves_out_of_a_request_makes_no_second_one() -> None:
    """Keeps out: specials that Seerr does not take, and the rest is requested again and again."""
    ours = KnownRequest(7, 3, False, frozenset({1}), NOW)
    standing = Standing((ours,), frozenset({0, 1, 2}), {}, timedelta())
    for seasons in ([0, 1], [1], [1, 99]):
        assert not_none(standing.find(wish("tv", 1, seasons), NOW)).request_id == 7
    assert standing.find(wish("tv", 1, [1, 2]), NOW) is None
