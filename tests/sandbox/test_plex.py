"""The sandbox's Plex: shapes, tokens and paging."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from medianest.sandbox import SandboxProcess
from tests.sandbox.conftest import Reply

from .conftest import ask, connected

LISTS = ["/library/sections/1/all", "/library/recentlyAdded", "/status/sessions"]
GUARDED = [*LISTS, "/library/sections", "/hubs/search?query=a", "/", "/nothing"]


def test_the_identity_needs_no_token(get: Callable[..., Reply]) -> None:
    identity = get("/identity", token=None).container()
    assert identity["claimed"] is True
    assert identity["machineIdentifier"]
    assert identity["version"]


@pytest.mark.parametrize("path", GUARDED)
@pytest.mark.parametrize("token", [None, "wrong"])
def test_without_the_token_every_other_path_is_401_in_html(
    get: Callable[..., Reply], path: str, token: str | None
) -> None:
    reply = get(path, token=token)
    assert (reply.status, reply.headers["Content-Type"]) == (401, "text/html")
    assert b"<h1>401 Unauthorized</h1>" in reply.body


def test_a_token_in_the_query_string_is_not_accepted(get: Callable[..., Reply]) -> None:
    assert get("/library/sections?X-Plex-Token=sandbox-token", token=None).status == 401


def test_sections_are_directories_with_text_keys(get: Callable[..., Reply]) -> None:
    container = get("/library/sections").container()
    assert container["size"] == len(container["Directory"]) == 4
    assert [section["key"] for section in container["Directory"]] == ["1", "2", "3", "4"]
    assert {section["type"] for section in container["Directory"]} == {"movie", "show", "artist"}


def test_a_section_lists_its_items_in_the_order_of_titles(get: Callable[..., Reply]) -> None:
    container = get("/library/sections/1/all").container()
    titles = [movie["title"] for movie in container["Metadata"]]
    assert container["size"] == len(titles) == len(set(titles)) == 60
    assert titles == sorted(titles)
    assert "offset" not in container
    assert "totalSize" not in container


def test_some_movies_lack_what_an_unmatched_file_lacks(get: Callable[..., Reply]) -> None:
    movies = get("/library/sections/1/all").container()["Metadata"]
    for name in ("year", "rating", "contentRating", "art", "tagline"):
        assert 0 < sum(name in movie for movie in movies) < len(movies)
    assert all(movie["Media"][0]["Part"][0]["file"] for movie in movies)


def test_shows_are_listed_without_files(get: Callable[..., Reply]) -> None:
    shows = get("/library/sections/2/all").container()["Metadata"]
    assert len(shows) == 12
    assert all(show["type"] == "show" and "Media" not in show for show in shows)


@pytest.mark.parametrize("path", ["/library/sections/99/all", "/library/sections/1", "/nothing"])
def test_an_unknown_path_is_404(get: Callable[..., Reply], path: str) -> None:
    assert get(path).status == 404


def test_an_empty_section_is_only_a_size(get: Callable[..., Reply]) -> None:
    assert get("/library/sections/4/all").json() == {"MediaContainer": {"size": 0}}


def test_the_newest_come_first_and_say_which_section_they_are_in(get: Callable[..., Reply]) -> None:
    items = get("/library/recentlyAdded").container()["Metadata"]
    added = [item["addedAt"] for item in items]
    assert added == sorted(added, reverse=True)
    assert {item["type"] for item in items} == {"movie", "season", "episode", "album"}
    assert all(item["librarySectionTitle"] for item in items)


def test_sections_are_hidden_in_each_of_the_three_ways(get: Callable[..., Reply]) -> None:
    sections = get("/library/sections").container()["Directory"]
    assert {section["hidden"] for section in sections} == {0, 1, 2}


def test_what_is_listed_by_section_tells_the_section_once_for_all(
    get: Callable[..., Reply],
) -> None:
    container = get("/library/sections/2/all").container()
    section = (container["librarySectionID"], container["librarySectionTitle"])
    assert section == (2, "Series")
    assert not any("librarySectionID" in item for item in container["Metadata"])


@pytest.mark.parametrize("path", ["/library/recentlyAdded", "/status/sessions"])
def test_an_episode_tells_its_number_and_those_above_it(
    get: Callable[..., Reply], path: str
) -> None:
    items = get(path).container()["Metadata"]
    episodes = [item for item in items if item["type"] == "episode"]
    assert episodes
    for episode in episodes:
        assert episode["index"] == 4
        assert episode["parentIndex"] >= 1
        assert episode["parentTitle"] == f"Season {episode['parentIndex']}"
        assert episode["grandparentTitle"]


def test_one_session_has_a_user_and_one_has_none(get: Callable[..., Reply]) -> None:
    sessions = get("/status/sessions").container()["Metadata"]
    assert ["User" in session for session in sessions] == [True, False]
    assert all(session["Player"]["state"] and session["Session"]["id"] for session in sessions)


@pytest.mark.parametrize("path", LISTS)
def test_keys_are_text_times_are_seconds_and_durations_milliseconds(
    get: Callable[..., Reply], path: str
) -> None:
    for item in get(path).container()["Metadata"]:
        assert isinstance(item["key"], str)
        assert isinstance(item["ratingKey"], str)
        assert 1_500_000_000 < item["addedAt"] <= item["updatedAt"] < 2_000_000_000
        assert 600_000 < item.get("duration", 600_001) < 14_400_000


def test_a_search_answers_a_hub_for_each_kind_even_without_results(
    get: Callable[..., Reply],
) -> None:
    hubs = {hub["type"]: hub for hub in get("/hubs/search?query=FERRY").container()["Hub"]}
    assert list(hubs) == ["movie", "show", "artist"]
    assert [show["title"] for show in hubs["show"]["Metadata"]] == ["Ferrymoor"]
    assert hubs["artist"]["size"] == 0
    assert "Metadata" not in hubs["artist"]


def test_a_search_shows_three_results_of_a_hub_unless_limit_says_more(
    get: Callable[..., Reply],
) -> None:
    few, many = (
        get(f"/hubs/search?query=the{limit}").container()["Hub"][0] for limit in ("", "&limit=50")
    )
    assert (few["size"], few["more"]) == (3, True)
    assert many["size"] > 3
    assert many["more"] is False


def test_a_search_for_nothing_is_400(get: Callable[..., Reply]) -> None:
    assert get("/hubs/search").status == get("/hubs/search?query=").status == 400


@pytest.mark.parametrize("way", ["headers", "query"])
def test_a_page_says_its_offset_and_how_many_there_are(get: Callable[..., Reply], way: str) -> None:
    page = {"X-Plex-Container-Start": "58", "X-Plex-Container-Size": "5"}
    path = "/library/sections/1/all"
    if way == "headers":
        container = get(path, **page).container()
    else:
        container = get(f"{path}?" + "&".join(map("=".join, page.items()))).container()
    assert (container["size"], container["offset"], container["totalSize"]) == (2, 58, 60)
    assert container["Metadata"] == get(path).container()["Metadata"][58:]


def test_pages_together_are_the_whole(get: Callable[..., Reply]) -> None:
    pages = [
        get("/library/recentlyAdded", X_Plex_Container_Start=str(start), X_Plex_Container_Size="20")
        for start in (0, 20, 40)
    ]
    titles = [item["title"] for page in pages for item in page.container()["Metadata"]]
    assert titles == [
        item["title"] for item in get("/library/recentlyAdded").container()["Metadata"]
    ]


def test_a_page_beyond_the_end_has_no_array(get: Callable[..., Reply]) -> None:
    reply = get("/library/sections/1/all", X_Plex_Container_Start="600", X_Plex_Container_Size="5")
    assert reply.container() == {"size": 0, "offset": 600, "totalSize": 60}


@pytest.mark.parametrize("size", ["-1", "many", "9" * 5000])
def test_a_page_size_that_is_no_number_is_400(get: Callable[..., Reply], size: str) -> None:
    assert get("/library/sections/1/all", X_Plex_Container_Size=size).status == 400


@pytest.mark.parametrize("path", ["/identity", "/library/sections", "/nothing"])
def test_every_answer_names_the_protocol(get: Callable[..., Reply], path: str) -> None:
    assert get(path).headers["X-Plex-Protocol"] == "1.0"


def test_one_connection_serves_many_requests(sandbox: SandboxProcess) -> None:
    with connected(sandbox) as connection:
        assert ask(connection, "/library/sections").status == 200
        first = connection.sock
        assert ask(connection, "/nothing").status == 404
        assert ask(connection, "/library/sections", method="POST", body=b"x" * 9000).status == 404
        assert ask(connection, "/library/recentlyAdded").status == 200
        assert connection.sock is first


def test_head_answers_the_length_without_the_body(sandbox: SandboxProcess) -> None:
    with connected(sandbox) as connection:
        head = ask(connection, "/library/sections", method="HEAD")
        whole = ask(connection, "/library/sections")
    assert head.body == b""
    assert int(head.headers["Content-Length"]) == len(whole.body)


def test_a_body_of_unknown_length_is_refused(get: Callable[..., Reply]) -> None:
    assert get("/identity", method="POST", body=b"", Content_Length="many").status == 413
