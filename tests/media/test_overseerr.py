"""The Overseerr client against a server on real sockets, and what its errors mean."""

import pytest

from medianest.config import OverseerrSettings
from medianest.media.errors import (
    InvalidAnswerError,
    NotFoundError,
    RejectedError,
    SlowError,
    SourceError,
    UnavailableError,
    UnreachableError,
    UpstreamError,
)
from medianest.media.overseerr_client import OverseerrClient, RequestFailedError
from medianest.media.overseerr_wish import Wish
from medianest.sandbox.process import SandboxProcess

UNKNOWN = 9_000_001


def wish(kind, number, seasons=(), **more):
    return Wish(kind, number, seasons if seasons == "all" else tuple(seasons), **more)


@pytest.fixture(scope="module")
def running():
    with SandboxProcess.start(kind="overseerr", port=0) as process:
        yield process


@pytest.fixture
def overseerr(running):
    running.clear_faults()
    yield running
    running.clear_faults()


@pytest.fixture
def client(overseerr):
    settings = OverseerrSettings(url=overseerr.url, api_key=overseerr.token, timeout=0.5)
    client = OverseerrClient(settings.url, settings)
    yield client
    client.close()


def test_a_title_is_requested_once_and_found_again(client):
    made = client.create(wish("movie", 31001))
    assert made.created
    assert client.request(made.request_id).media.tmdb_id == 31001
    assert not client.create(wish("movie", 31001)).created
    assert client.requests(0, 10).results[0].id == made.request_id


def test_seasons_of_a_show_are_requested_once(client):
    assert client.create(wish("tv", 31003, [1])).created
    assert not client.create(wish("tv", 31003, [1])).created
    assert client.create(wish("tv", 31003, [1, 2])).created


@pytest.mark.parametrize("query", ["the", "a b", "a+b", "100% & more?", "ümläut", "/"])
def test_any_text_can_be_searched_for(client, query):
    titles = client.search(query)
    assert all(title.media_type in ("movie", "tv") for title in titles)


def test_what_is_not_there_is_not_found(client):
    with pytest.raises(NotFoundError):
        client.request(99_999)


def test_an_unknown_title_is_not_taken_for_an_outage(client):
    """Keeps out: one bad number opens the breaker for everybody, and waits for ever."""
    with pytest.raises(NotFoundError, match="there is no movie 9000001"):
        client.create(wish("movie", UNKNOWN))


def test_a_failure_of_its_own_source_is_an_outage_of_that(client, overseerr):
    for status in (500, 429):
        overseerr.fault("source", status=status, times=1)
        with pytest.raises(SourceError, match=r"cannot reach its source \(TMDB\)") as caught:
            client.create(wish("movie", 31010))
        assert not caught.value.uncertain


def test_while_its_source_is_down_a_search_finds_nothing(client, overseerr):
    overseerr.fault("source")
    assert client.search("the") == ()


def test_its_locked_database_is_an_outage(client, overseerr):
    overseerr.fault("locked")
    with pytest.raises(UnavailableError, match="locked"):
        client.create(wish("movie", 31013))


def test_a_bug_of_its_own_is_the_requests_failure(client):
    with pytest.raises(RequestFailedError) as caught:
        client.create(wish("tv", 31004))  # as it is with shows without seasons
    assert not isinstance(caught.value, UpstreamError)


def test_a_wrong_key_is_told_by_its_setting(overseerr):
    settings = OverseerrSettings(url=overseerr.url, api_key="wrong")
    client = OverseerrClient(settings.url, settings)
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
def test_each_fault_has_its_error(client, overseerr, fault, options, error):
    overseerr.fault(fault, **options)
    with pytest.raises(error):
        client.create(wish("movie", 31020))
    with pytest.raises(error):
        client.requests(0, 1)


def test_an_answer_that_was_lost_was_a_request_all_the_same(client, overseerr):
    overseerr.fault("lose", times=1)
    with pytest.raises(UnreachableError):
        client.create(wish("movie", 31030))
    assert not client.create(wish("movie", 31030)).created
