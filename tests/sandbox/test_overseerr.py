"""The sandbox's Overseerr: keys, requests and lists."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.sandbox.conftest import Overseerr, Reply
from tests.sandbox.wanting import message

from .conftest import ask, connected

GUARDED = ["/search?query=a", "/movie/1", "/tv/1", "/request", "/request/1"]
NO_ACCESS = {"status": 403, "error": "You do not have permission to access this endpoint"}
UNKNOWN = 9_000_000


def test_the_status_needs_no_key_and_has_no_field_of_that_name(overseerr: Overseerr) -> None:
    reply = overseerr.get("/status", key=None)
    assert reply.status == 200
    assert set(reply.json()) == {
        "version",
        "commitTag",
        "updateAvailable",
        "commitsBehind",
        "restartRequired",
    }


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE"])
def test_the_status_is_for_get_alone(overseerr: Overseerr, method: str) -> None:
    assert overseerr.call(method, "/status").status == 405


@pytest.mark.parametrize("path", GUARDED)
def test_without_a_key_every_other_path_is_401(overseerr: Overseerr, path: str) -> None:
    assert message(overseerr.get(path, key=None)) == (401, "cookie 'connect.sid' required")


@pytest.mark.parametrize("path", GUARDED)
def test_with_a_wrong_key_every_other_path_is_403(overseerr: Overseerr, path: str) -> None:
    reply = overseerr.get(path, key="wrong")
    assert (reply.status, reply.json()) == (403, NO_ACCESS)


def test_an_unknown_path_is_404_and_one_outside_of_the_api_is_a_page(overseerr: Overseerr) -> None:
    assert message(overseerr.get("/nothing")) == (404, "not found")
    with connected(overseerr.server) as connection:
        page = ask(connection, "/login")
    assert (page.status, page.headers["Content-Type"]) == (404, "text/html; charset=utf-8")


def test_a_movie_is_created_approved_and_its_title_processed(
    overseerr: Overseerr, want: Callable[..., Reply]
) -> None:
    created = want("movie", 31_001, is4k=False)
    assert (created.status, created.json()["status"]) == (201, 2)
    assert created.json()["media"]["status"] == 2
    listed = overseerr.get(f"/request/{created.json()['id']}").json()
    assert (listed["type"], listed["media"]["tmdbId"]) == ("movie", 31_001)
    assert listed["media"]["status"] == 3


def test_a_movie_requested_again_with_is4k_false_is_409(
    overseerr: Overseerr, want: Callable[..., Reply]
) -> None:
    want("movie", 31_001, is4k=False)
    again = want("movie", 31_001, is4k=False)
    assert message(again) == (409, "Request for this media already exists.")
    assert overseerr.state()["count"] == 1


def test_without_is4k_a_movie_requested_again_is_a_second_request(
    overseerr: Overseerr, want: Callable[..., Reply]
) -> None:
    assert [want("movie", 31_001).status for _ in range(2)] == [201, 201]
    assert want("movie", 31_001, is4k=False).status == 409
    assert overseerr.state()["count"] == 2


def test_4k_is_another_request_with_a_status_of_its_own(
    overseerr: Overseerr, want: Callable[..., Reply]
) -> None:
    assert want("movie", 31_001, is4k=False).status == 201
    assert want("movie", 31_001, is4k=True).json()["media"]["status4k"] == 2
    assert want("movie", 31_001, is4k=True).status == 409


def test_a_movie_and_a_show_of_the_same_id_are_two_titles(want: Callable[..., Reply]) -> None:
    assert want("movie", 31_001, is4k=False).status == 201
    assert want("tv", 31_001, seasons=[1], is4k=False).status == 201


def test_of_a_show_only_the_seasons_not_yet_requested_are_created(
    want: Callable[..., Reply],
) -> None:
    first = want("tv", 31_003, seasons=[1], is4k=False)
    second = want("tv", 31_003, seasons=[1, 2], is4k=False)
    assert [season["seasonNumber"] for season in first.json()["seasons"]] == [1]
    assert [season["seasonNumber"] for season in second.json()["seasons"]] == [2]


@pytest.mark.parametrize("seasons", [[1, 2], [2], [], "all"])
def test_a_show_with_nothing_new_in_it_is_202(
    overseerr: Overseerr, want: Callable[..., Reply], seasons: str | list[int]
) -> None:
    number = 31_006  # two seasons
    want("tv", number, seasons=[1, 2], is4k=False)
    again = want("tv", number, seasons=seasons, is4k=False)
    assert message(again) == (202, "No seasons available to request")
    assert overseerr.state()["count"] == 1


def test_all_seasons_are_those_of_the_details(
    overseerr: Overseerr, want: Callable[..., Reply]
) -> None:
    created = want("tv", 31_003, seasons="all", is4k=False).json()
    numbers = [season["seasonNumber"] for season in overseerr.get("/tv/31003").json()["seasons"]]
    assert [season["seasonNumber"] for season in created["seasons"]] == numbers == [1, 2, 3, 4]


def test_a_show_without_seasons_is_a_500_of_the_real_servers_making(
    overseerr: Overseerr, want: Callable[..., Reply]
) -> None:
    says = "Cannot read properties of undefined (reading 'filter')"
    assert message(want("tv", 31_003, is4k=False)) == (500, says)
    assert overseerr.state()["count"] == 0


@pytest.mark.parametrize("number", [UNKNOWN, UNKNOWN + 1, 0, -5, 1.5, 1e300])
@pytest.mark.parametrize(("kind", "what"), [("movie", "movie"), ("tv", "TV show")])
def test_an_unknown_title_is_500_each_time(
    want: Callable[..., Reply], kind: str, what: str, number: float
) -> None:
    says = f"[TMDB] Failed to fetch {what} details: Request failed with status code 404"
    for _ in range(2):
        assert message(want(kind, number, seasons=[1], is4k=False)) == (500, says)


def test_hundreds_of_different_titles_can_be_requested(
    overseerr: Overseerr, want: Callable[..., Reply]
) -> None:
    assert {want("movie", number, is4k=False).status for number in range(1, 301)} == {201}
    assert overseerr.state()["count"] == 300


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{bad", "Unexpected token in JSON"),
        (b'{"a": NaN}', "Unexpected token in JSON"),
        (b"[" * 100_000, "Unexpected token in JSON"),
        (b"7", "Unexpected token in JSON"),
        ([], "request.body should be object"),
        ({}, "request.body should have required property 'mediaType'"),
        ({"mediaType": "movie"}, "request.body should have required property 'mediaId'"),
        ({"mediaType": "music", "mediaId": 1}, "one of the allowed values: movie, tv"),
        ({"mediaType": ["tv"], "mediaId": 1}, "request.body.mediaType should be string"),
        ({"mediaType": "movie", "mediaId": "550"}, "request.body.mediaId should be number"),
        ({"mediaType": "movie", "mediaId": True}, "request.body.mediaId should be number"),
        (b'{"mediaType": "tv", "mediaId": 1e999}', "request.body.mediaId should be number"),
        ({"mediaType": "movie", "mediaId": 1, "is4k": 0}, "request.body.is4k should be boolean"),
        ({"mediaType": "tv", "mediaId": 1, "seasons": 1}, "request.body.seasons should be array"),
        ({"mediaType": "tv", "mediaId": 1, "seasons": ["1"]}, "seasons[0] should be number"),
    ],
)
def test_a_malformed_or_mistyped_request_is_400_and_creates_nothing(
    overseerr: Overseerr, body: bytes | dict[str, Any] | list[Any], says: str
) -> None:
    reply = overseerr.call("POST", "/request", body)
    assert reply.status == 400
    assert says in reply.json()["message"]
    assert overseerr.state()["count"] == 0


def test_a_mistyped_request_is_told_before_a_wrong_key_and_bad_json_before_everything(
    overseerr: Overseerr,
) -> None:
    assert overseerr.call("POST", "/request", {}, key="wrong").status == 400
    assert overseerr.call("POST", "/request", {}, key=None).status == 401
    assert overseerr.call("POST", "/request", b"{bad", key=None).status == 400


def test_identical_requests_at_once_create_one(
    overseerr: Overseerr, want: Callable[..., Reply]
) -> None:
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: want("movie", 31_001, is4k=False), range(8)))
    assert sorted(reply.status for reply in replies) == [201] + 7 * [409]
    assert overseerr.state()["count"] == 1


def test_specials_are_a_season_like_the_others(
    overseerr: Overseerr, want: Callable[..., Reply]
) -> None:
    show = overseerr.get("/tv/31004").json()
    assert (show["seasons"][0]["name"], show["numberOfSeasons"]) == ("Specials", 5)
    assert [season["seasonNumber"] for season in show["seasons"]] == [0, 1, 2, 3, 4, 5]
    created = want("tv", 31_004, seasons=[0, 1], is4k=False).json()
    assert [season["seasonNumber"] for season in created["seasons"]] == [0, 1]
