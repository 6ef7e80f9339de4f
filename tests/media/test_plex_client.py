"""The Plex client against a server on real sockets, with each fault that one can have."""

from typing import Any

import pytest

from medianest.config import PlexSettings
from medianest.media.errors import (
    InvalidAnswerError,
    NotFoundError,
    RejectedError,
    SlowError,
    UnavailableError,
    UnreachableError,
    UnusableAnswerError,
)
from medianest.media.plex.client import PlexClient
from medianest.sandbox import SandboxProcess
from tests.support.answering import AnsweringServer
from tests.support.narrowing import not_none


def test_libraries_are_read(client: PlexClient) -> None:
    libraries = client.libraries()
    assert {library.type for library in libraries} >= {"movie", "show"}
    assert all(isinstance(library.key, str) for library in libraries)
    assert not_none(libraries[0].created_at).tzinfo is not None


def test_items_are_paged(client: PlexClient) -> None:
    first = client.items("1", 0, 2)
    second = client.items("1", 2, 2)
    assert first.total == second.total > 4
    assert len({item.rating_key for item in first.items + second.items}) == 4


def test_a_page_beyond_the_end_is_empty(client: PlexClient) -> None:
    page = client.items("1", 100_000, 5)
    assert page.items == ()
    assert page.total > 0


def test_an_unknown_library_is_not_found(client: PlexClient) -> None:
    with pytest.raises(NotFoundError):
        client.items("99", 0, 5)


def test_search_finds_by_title(client: PlexClient) -> None:
    title = client.items("1", 0, 1).items[0].title
    assert title in [item.title for item in client.search(title)]
    assert client.search("no title has this") == ()


def test_a_session_may_have_no_user(client: PlexClient) -> None:
    assert None in [session.user for session in client.sessions()]


def test_durations_are_seconds(client: PlexClient) -> None:
    assert all(
        60 < not_none(item.duration_seconds) < 20_000 for item in client.items("1", 0, 5).items
    )


def test_the_token_travels_in_a_header_and_never_in_a_url(
    client: PlexClient, plex_sandbox: SandboxProcess
) -> None:
    client.libraries()
    client.search("a b")
    requests = plex_sandbox.requests()["last"]
    assert all(plex_sandbox.token not in request["path"] for request in requests)
    assert all("X-Plex-Token" in request["headers"] for request in requests)


def test_it_asks_for_json_lest_plex_answers_in_xml() -> None:
    server = AnsweringServer()
    server.body = b'{"MediaContainer": {"size": 0}}'
    client = PlexClient(server.url, PlexSettings(url=server.url))
    client.sessions()
    client.close()
    server.stop()
    assert server.headers["Accept"] == "application/json"


def test_a_refused_token_is_told_with_the_setting_to_check(plex_sandbox: SandboxProcess) -> None:
    settings = PlexSettings(url=plex_sandbox.url, token="wrong-one")
    client = PlexClient(not_none(settings.url), settings)
    with pytest.raises(RejectedError, match="MEDIANEST_PLEX_TOKEN") as caught:
        client.libraries()
    client.close()
    assert "wrong-one" not in str(caught.value)


@pytest.mark.parametrize(
    ("token", "told"),
    [
        ("wrong-one", "it refused the token; check MEDIANEST"),
        (None, "it wants a token; set MEDIANEST"),
    ],
)
def test_a_token_that_is_missing_is_not_told_as_refused(
    plex_sandbox: SandboxProcess, token: str | None, told: str
) -> None:
    client = PlexClient(plex_sandbox.url, PlexSettings(url=plex_sandbox.url, token=token))
    with pytest.raises(RejectedError, match=told):
        client.libraries()
    client.close()


@pytest.mark.parametrize(
    ("fault", "options", "error"),
    [
        ("status", {"status": 500}, UnavailableError),
        ("status", {"status": 429, "retry_after": 7}, UnavailableError),
        ("maintenance", {}, UnavailableError),
        ("unauthorized", {}, RejectedError),
        ("reset", {}, UnreachableError),
        ("truncate", {}, InvalidAnswerError),
        ("garbage", {}, InvalidAnswerError),
        ("status", {"status": 302}, InvalidAnswerError),
        ("status", {"status": 204}, InvalidAnswerError),
    ],
)
def test_each_fault_becomes_an_error_of_ours(
    client: PlexClient,
    plex_sandbox: SandboxProcess,
    fault: str,
    options: dict[str, Any],
    error: Any,
) -> None:
    plex_sandbox.fault(fault, **options)
    with pytest.raises(error) as caught:
        client.libraries()
    assert plex_sandbox.token not in str(caught.value)


def test_a_retry_after_is_carried_on(client: PlexClient, plex_sandbox: SandboxProcess) -> None:
    plex_sandbox.fault("status", status=503, retry_after=7)
    with pytest.raises(UnavailableError) as caught:
        client.libraries()
    assert caught.value.retry_after == 7


def test_an_answer_that_is_too_large_is_not_read_to_its_end(plex_sandbox: SandboxProcess) -> None:
    settings = PlexSettings(url=plex_sandbox.url, token=plex_sandbox.token, max_bytes=100)
    client = PlexClient(not_none(settings.url), settings)
    with pytest.raises(UnusableAnswerError, match="larger than 100 bytes"):
        client.libraries()
    client.close()


def test_a_dead_server_is_unreachable() -> None:
    settings = PlexSettings(url="http://127.0.0.1:1")
    with pytest.raises(UnreachableError, match="connection refused"):
        PlexClient(not_none(settings.url), settings).libraries()


def test_an_unknown_name_is_unreachable() -> None:
    settings = PlexSettings(url="http://no-such-host.invalid", timeout=5)
    with pytest.raises((UnreachableError, SlowError)):
        PlexClient(not_none(settings.url), settings).libraries()


def test_an_empty_container_is_no_libraries(
    client: PlexClient, plex_sandbox: SandboxProcess
) -> None:
    plex_sandbox.fault("empty")
    assert client.libraries() == ()
    assert client.items("1", 0, 5).items == ()
    assert client.sessions() == ()


def test_a_client_recovers_by_itself(client: PlexClient, plex_sandbox: SandboxProcess) -> None:
    plex_sandbox.fault("reset", times=1)
    with pytest.raises(UnreachableError):
        client.libraries()
    assert client.libraries()
