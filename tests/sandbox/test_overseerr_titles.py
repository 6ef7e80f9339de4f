"""Searching and looking at titles, and what the library has of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from tests.sandbox.conftest import Overseerr, Reply

RESERVED = ":/?[]@!$'()*+,;="
TMDB_SALT, TMDB_NEW, TMDB_FERRYMOOR, TMDB_UNMATCHED = 410_002, 420_001, 210_001, 410_008


@pytest.fixture
def search(overseerr: Overseerr) -> Callable[..., dict[str, Any]]:
    """`search(words)` is the content of the answer."""

    def look(words: str, more: str = "") -> dict[str, Any]:
        reply = overseerr.get(f"/search?query={quote(words, safe='')}{more}")
        assert reply.status == 200
        return reply.json()

    return look


def test_results_mix_movies_shows_and_people(
    search: Callable[..., dict[str, Any]],
) -> None:
    found = search("m")
    assert {each["mediaType"] for each in found["results"]} == {"movie", "tv", "person"}
    assert found["totalResults"] == len(found["results"])


def test_each_word_of_a_search_begins_a_word_of_the_name(
    search: Callable[..., dict[str, Any]],
) -> None:
    assert [each["id"] for each in search("SALT verr low")["results"]] == [TMDB_NEW]
    assert search("alt")["results"] == []


@pytest.mark.parametrize("words", ["no such title", " ", "!!!", "%", "\x00", "夜"])
def test_a_search_that_matches_nothing_is_an_empty_list(
    search: Callable[..., dict[str, Any]], words: str
) -> None:
    assert search(words) == {"page": 1, "totalPages": 1, "totalResults": 0, "results": []}


def test_pages_of_a_search_together_are_the_whole(
    search: Callable[..., dict[str, Any]],
) -> None:
    first, second = search("the"), search("the", "&page=2&language=en")
    assert (first["page"], second["page"], first["totalPages"]) == (1, 2, 2)
    ids = [each["id"] for page in (first, second) for each in page["results"]]
    assert len(ids) == len(set(ids)) == first["totalResults"] > len(first["results"]) == 20
    assert search("the", "&page=3")["results"] == search("the", "&page=0")["results"] == []


@pytest.mark.parametrize("character", RESERVED)
def test_a_raw_reserved_character_is_400_and_the_same_one_encoded_is_not(
    overseerr: Overseerr, character: str
) -> None:
    raw = overseerr.get(f"/search?query=a{character}b")
    assert raw.status == 400
    assert "must be url encoded" in raw.json()["message"]
    assert overseerr.get(f"/search?query=a{quote(character, safe='')}b").status == 200


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("", "request.query should have required property 'query'"),
        ("?query=", "Empty value found for query parameter 'query'"),
        ("?query=a&bogus=1", "Unknown query parameter 'bogus'"),
        ("?query=a&page=two", "request.query.page should be number"),
    ],
)
def test_a_search_that_is_none_is_400(overseerr: Overseerr, query: str, says: str) -> None:
    reply = overseerr.get(f"/search{query}")
    assert (reply.status, reply.json()["message"]) == (400, says)


def test_what_the_library_has_is_available_under_its_key_in_plex(
    search: Callable[..., dict[str, Any]], get: Callable[..., Reply]
) -> None:
    (found,) = [each for each in search("salt verrin")["results"] if each["id"] == TMDB_SALT]
    movies = get("/library/sections/1/all").container()["Metadata"]
    (in_plex,) = [movie for movie in movies if movie["title"] == found["title"]]
    assert found["mediaInfo"]["status"] == 5
    assert found["mediaInfo"]["ratingKey"] == in_plex["ratingKey"]


def test_a_title_that_nobody_has_or_wants_carries_no_media_info(
    search: Callable[..., dict[str, Any]],
) -> None:
    (found,) = search("salt verrin low")["results"]
    assert "mediaInfo" not in found


def test_a_file_without_a_match_is_not_known_to_be_available(overseerr: Overseerr) -> None:
    assert "mediaInfo" not in overseerr.get(f"/movie/{TMDB_UNMATCHED}").json()


@pytest.mark.parametrize(("kind", "title"), [("movie", "salt verrin low"), ("tv", "lanternk")])
def test_a_requested_title_says_so_wherever_it_is_seen(
    overseerr: Overseerr, search: Callable[..., dict[str, Any]], kind: str, title: str
) -> None:
    (found,) = [each for each in search(title)["results"] if each["mediaType"] == kind]
    overseerr.want(kind, found["id"], seasons=[1], is4k=False)
    (again,) = [each for each in search(title)["results"] if each["mediaType"] == kind]
    details = overseerr.get(f"/{kind}/{found['id']}").json()
    assert again["mediaInfo"]["status"] == details["mediaInfo"]["status"] == 3


def test_details_are_those_of_the_result(
    overseerr: Overseerr, search: Callable[..., dict[str, Any]]
) -> None:
    (found,) = search("salt verrin low")["results"]
    details = overseerr.get(f"/movie/{found['id']}").json()
    for name in ("id", "title", "overview", "releaseDate", "popularity", "voteAverage"):
        assert details[name] == found[name]


def test_a_show_has_as_many_seasons_as_it_says(overseerr: Overseerr) -> None:
    details = overseerr.get(f"/tv/{TMDB_FERRYMOOR}").json()
    assert details["name"] == "Ferrymoor"
    assert [season["seasonNumber"] for season in details["seasons"]] == [1, 2, 3]
    assert details["numberOfSeasons"] == 3
    assert details["mediaInfo"]["status"] == 5


def test_a_show_of_which_the_library_lacks_a_season_is_partially_available(
    overseerr: Overseerr,
) -> None:
    number = TMDB_FERRYMOOR + 3
    details = overseerr.get(f"/tv/{number}").json()
    assert details["mediaInfo"]["status"] == 4
    assert len(details["seasons"]) == len(details["mediaInfo"]["seasons"]) + 1
    created = overseerr.want("tv", number, seasons="all", is4k=False).json()
    assert [season["seasonNumber"] for season in created["seasons"]] == [len(details["seasons"])]


@pytest.mark.parametrize(("kind", "what"), [("movie", "movie"), ("tv", "series")])
def test_details_of_an_unknown_title_are_500(overseerr: Overseerr, kind: str, what: str) -> None:
    reply = overseerr.get(f"/{kind}/9000001")
    assert (reply.status, reply.json()) == (500, {"message": f"Unable to retrieve {what}."})


def test_an_invented_title_is_the_same_each_time(overseerr: Overseerr) -> None:
    assert overseerr.get("/movie/31001").json() == overseerr.get("/movie/31001").json()
