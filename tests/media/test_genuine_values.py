"""What genuine servers of all versions send, and what it means."""

import itertools
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from medianest.media.errors import InvalidAnswerError, UnusableAnswerError
from medianest.media.overseerr.models import MediaRequest, RequestResults, SearchPage, Title
from medianest.media.parsing import MOST_ELEMENTS, parsed, parsed_all, understood
from medianest.media.plex.client import PlexClient
from medianest.media.plex.models import Item, Library, Session
from tests.support.narrowing import not_none

LIBRARY = {"key": "1", "title": "Films", "type": "movie"}
ITEM = {"ratingKey": "7", "title": "Alba", "type": "movie"}


@pytest.mark.parametrize(
    ("sent", "hidden"),
    [
        *itertools.product((0, "0", False, "false", None, "", "so", []), [False]),
        *itertools.product((1, "1", True, "true", 2, "2"), [True]),
    ],
)
def test_a_library_is_hidden_from_the_home_screen_or_from_all(
    sent: str | int | list[Any] | None, hidden: bool
) -> None:
    """Keeps out: one library hidden from the search, and none is served."""
    assert Library.model_validate({**LIBRARY, "hidden": sent}).hidden is hidden


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ({"year": "2006"}, {"year": 2006}),
        ({"rating": "7.1"}, {"rating": 7.1}),
        ({"duration": "8669529"}, {"duration_seconds": 8669.529}),
        ({"duration": -1}, {"duration_seconds": None}),
        ({"addedAt": "1749324286"}, {"added_at": datetime(2025, 6, 7, 19, 24, 46, tzinfo=UTC)}),
        ({"addedAt": 10**30}, {"added_at": None}),
        ({"year": 10**30}, {"year": None}),
        ({"year": True}, {"year": None}),
        ({"rating": "nan"}, {"rating": None}),
        ({"title": 1917}, {"title": "1917"}),
        ({"librarySectionID": 1}, {"library_key": "1"}),
        ({"ratingKey": 8}, {"rating_key": "8"}),
        ({"summary": None}, {"summary": None}),
    ],
)
def test_numbers_and_times_may_be_text_and_nonsense_is_null(
    sent: dict[str, Any], meant: dict[str, Any]
) -> None:
    item = Item.model_validate({**ITEM, **sent})
    assert {name: getattr(item, name) for name in meant} == meant


def test_an_episode_carries_its_numbers_and_nothing_else_does() -> None:
    numbers = {"parentIndex": 0, "index": "4"}
    episode = Item.model_validate({**ITEM, **numbers, "type": "episode"})
    assert (episode.season_number, episode.episode_number) == (0, 4)
    for kind in ("track", "season", "movie", "photo"):
        other = Item.model_validate({**ITEM, **numbers, "type": kind})
        assert (other.season_number, other.episode_number) == (None, None)


@pytest.mark.parametrize(
    "session",
    [
        {"title": "News", "type": "clip", "live": "1", "viewOffset": "60000"},
        {"title": "preroll", "type": "clip", "key": "/x", "viewOffset": 60000, "extraType": 5},
        {"title": "IMG_1", "type": "photo", "ratingKey": None, "viewOffset": 60000.0},
    ],
)
def test_what_plays_without_being_in_a_library_has_no_key(session: dict[str, Any]) -> None:
    """Keeps out: live TV opens the breaker of Plex with one request."""
    playing = Session.model_validate(session)
    assert (playing.rating_key, playing.view_offset_seconds) == (None, 60.0)


def test_a_session_may_lack_its_user_or_have_an_odd_one() -> None:
    for user in (None, "adela", {"title": ["adela"]}, {}):
        session = Session.model_validate({**ITEM, "User": user, "Player": {"title": "TV"}})
        assert not_none(session.player).title == "TV"
        assert session.user is None or session.user.title is None


def test_the_library_of_an_item_stands_on_the_container(
    answering: Callable[[str], PlexClient],
) -> None:
    client = answering(
        '{"MediaContainer": {"librarySectionID": 2, "librarySectionTitle": "Films", "Metadata":'
        ' [{"title": "A", "type": "movie"}, {"title": "B", "type": "movie",'
        ' "librarySectionID": 3, "librarySectionTitle": "Kids"}]}}'
    )
    found = client.items("2", 0, 10).items
    assert [(item.library_key, item.library_title) for item in found] == [
        ("2", "Films"),
        ("3", "Kids"),
    ]


def test_a_server_that_ignores_paging_is_paged_here(answering: Callable[[str], PlexClient]) -> None:
    titles = ",".join(f'{{"title": "{number}", "type": "movie"}}' for number in range(10))
    client = answering(f'{{"MediaContainer": {{"Metadata": [{titles}]}}}}')
    page = client.items("1", 4, 3)
    assert ([item.title for item in page.items], page.total) == (["4", "5", "6"], 10)
    assert client.items("1", 20, 3).items == ()


def test_of_an_answer_that_is_remembered_something_must_be_left(
    answering: Callable[[str], PlexClient],
) -> None:
    """Keeps out: an empty list that takes the place of what is remembered."""
    client = answering('{"MediaContainer": {"Directory": [{}], "Metadata": [{}], "totalSize": 1}}')
    for ask, rest in (
        (client.libraries, ()),
        (lambda: client.recently_added(5), ()),
        (lambda: client.items("1", 0, 5).items, None),
        (client.sessions, ()),
    ):
        with pytest.raises(UnusableAnswerError) as caught:
            ask()
        assert rest is None or caught.value.rest == rest


def test_a_request_without_its_media_is_a_request() -> None:
    """Keeps out: one request of Seerr with `media: null` opens the breaker."""
    for media in (None, {}, "x", {"tmdbId": None, "status": "new"}):
        request = MediaRequest.model_validate({"id": 5, "type": "tv", "media": media})
        assert (request.media.tmdb_id, request.media.status) == (None, "unknown")


def test_states_that_nobody_knows_are_unknown() -> None:
    for status, name in ((2, "approved"), ("3", "declined"), (99, "unknown"), (None, "unknown")):
        request = MediaRequest.model_validate({"id": 5, "type": "tv", "status": status})
        assert request.status == name


def test_a_page_of_requests_is_read_without_what_is_odd_in_it() -> None:
    seasons = [{"seasonNumber": 1}, {}, None, {"seasonNumber": "2"}]
    good = {"id": 1, "type": "tv", "seasons": seasons, "createdAt": "2026-11-26T22:59:53.000Z"}
    page = parsed(
        "overseerr", RequestResults, {"results": [good, {"id": 2}, None], "pageInfo": None}
    )
    assert [request.id for request in page.results] == [1]
    assert [season.season_number for season in page.results[0].seasons] == [1, 2]
    assert page.page_info.results is None


def test_a_search_is_read_without_what_is_odd_in_it() -> None:
    results = [None, 5, {"mediaType": "person"}, {"mediaType": "tv"}, {"mediaType": "tv", "id": 3}]
    page = parsed("overseerr", SearchPage, {"page": 1, "results": results})
    assert [title.id for title in page.titles()] == [3]


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "soon"])
def test_a_time_beyond_the_calendar_is_null(at: str) -> None:
    request = MediaRequest.model_validate({"id": 5, "type": "tv", "createdAt": at})
    assert request.created_at is None


def test_one_element_that_makes_no_sense_is_told_from_another_server() -> None:
    with pytest.raises(UnusableAnswerError, match="type: field required"):
        understood("overseerr", MediaRequest, {"id": 5})
    others: tuple[object, ...] = ({"message": "hi"}, [], None, "x")
    for other in others:
        with pytest.raises(InvalidAnswerError):
            understood("overseerr", MediaRequest, other)


def test_more_elements_than_any_house_has_are_not_read() -> None:
    with pytest.raises(UnusableAnswerError, match="more than"):
        parsed_all("overseerr", Title, [{}] * (MOST_ELEMENTS + 1))
