"""When Plex's empty lists are believed, and which of its pages are those that were asked for.

Keeps out: a server in trouble, told as a fresh library with nothing in it, and a server that does
not page, told as one without an end.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest

from medianest.media.errors import UnusableAnswerError
from medianest.media.plex.client import PlexClient

QUESTIONS = {
    "libraries": (lambda client: client.libraries(), "Directory"),
    "items": (lambda client: client.items("1", 0, 50).items, "Metadata"),
    "recently added": (lambda client: client.recently_added(50), "Metadata"),
    "search": (lambda client: client.search("alba"), "Hub"),
    "sessions": (lambda client: client.sessions(), "Metadata"),
}
MOVIE = {"title": "Alba", "type": "movie"}
NO_HITS = {"type": "movie", "size": 0}
PEOPLE = {"type": "actor", "size": 1, "Directory": [{"tag": "Alba"}]}


@pytest.fixture
def saying(answering: Callable[[str], PlexClient]) -> Callable[..., Any]:
    """`saying(container)` is a client of a Plex that always answers with this container."""
    return lambda **container: answering(json.dumps({"MediaContainer": container}))


def is_doubted(ask: Callable[..., Any], client: PlexClient) -> bool:
    """Whether the answer to a question is not taken for the word that there is nothing."""
    try:
        found, doubted = ask(client), False
    except UnusableAnswerError as error:
        found, doubted = getattr(error.rest, "items", error.rest), True
    assert found == ()
    return doubted


@pytest.mark.parametrize(("ask", "name"), QUESTIONS.values(), ids=QUESTIONS)
def test_an_empty_list_is_believed_while_no_number_says_otherwise(
    saying: Callable[..., Any], ask: Callable[..., Any], name: str
) -> None:
    other = "Metadata" if name == "Directory" else "Directory"
    for container, doubted in (
        ({"size": 0}, False),
        ({"size": "0", "totalSize": 0}, False),
        ({"size": 0, name: None}, False),
        ({name: []}, False),
        ({name: [], "size": "some"}, False),
        ({}, True),
        ({name: None}, True),
        ({other: []}, True),
        ({"size": 5}, True),
        ({"size": 5, name: None}, True),
        ({"size": "5", name: []}, True),
        ({"size": 5, other: []}, True),
        ({"size": 5, other: [{**MOVIE, "key": "1"}]}, True),
        ({"size": 0, "totalSize": 120}, True),
        ({"size": 50, "totalSize": 120, name: []}, True),
        ({"totalSize": 120, name: []}, True),
    ):
        assert is_doubted(ask, saying(**container)) is doubted, container


@pytest.mark.parametrize(
    ("offset", "container", "doubted"),
    [
        (120, {"size": 0, "totalSize": 120, "offset": 120}, False),
        (600, {"size": 0, "totalSize": 120, "offset": 600}, False),
        (119, {"size": 0, "totalSize": 120, "offset": 119}, True),
        (600, {"size": 50, "totalSize": 120, "Metadata": []}, True),
        (50, {"size": 9, "Metadata": [MOVIE] * 9}, False),
        (50, {"size": 50, "totalSize": 120, "offset": 0, "Metadata": [MOVIE] * 50}, True),
    ],
)
def test_a_page_beyond_the_end_is_empty_and_one_before_it_is_not(
    saying: Callable[..., Any], offset: int, container: dict[str, Any], doubted: bool
) -> None:
    client = saying(**container)
    assert is_doubted(lambda client: client.items("1", offset, 50).items, client) is doubted


@pytest.mark.parametrize(
    ("hubs", "doubted"),
    [
        ([NO_HITS, {**NO_HITS, "Metadata": []}], False),
        ([NO_HITS, PEOPLE], False),
        (["x", "y"], True),
        ([NO_HITS, "x"], True),
        ([NO_HITS, {"type": "show", "size": 3, "Metadata": None}], True),
        ([{"type": "show", "size": 3, "Directory": [], "Metadata": []}], True),
        ([{}], True),
    ],
)
def test_a_search_without_a_hit_is_believed_while_all_its_hubs_are(
    saying: Callable[..., Any], hubs: list[str | dict[Any, Any]], doubted: bool
) -> None:
    client = saying(size=len(hubs), Hub=hubs)
    assert is_doubted(lambda client: client.search("alba"), client) is doubted


def test_what_is_found_is_served_beside_a_hub_that_makes_no_sense(
    saying: Callable[..., Any],
) -> None:
    client = saying(size=3, Hub=["x", {"size": 3}, {"size": 1, "Metadata": [MOVIE]}])
    assert [item.title for item in client.search("alba")] == ["Alba"]


def items(first: int, last: int) -> list[dict[str, str]]:
    return [{"title": str(number), "type": "movie"} for number in range(first, last)]


@pytest.mark.parametrize("numbers", [{}, {"size": 30}, {"size": 30, "totalSize": 30}])
def test_a_server_that_does_not_page_has_an_end(
    saying: Callable[..., Any], numbers: dict[str, Any]
) -> None:
    """Keeps out: the same thirty items, page after page."""
    client = saying(**numbers, Metadata=items(0, 30))
    pages = [client.items("1", offset, 50) for offset in (0, 20, 50, 100)]
    assert [len(page.items) for page in pages] == [30, 10, 0, 0]
    assert pages[1].items[0].title == "20"
    assert {page.total for page in pages} == {30}


@pytest.mark.parametrize(
    ("container", "titles", "total"),
    [
        # What pages.
        ({"totalSize": 120, "offset": 50, "Metadata": items(50, 60)}, (50, 60), 120),
        ({"totalSize": 120, "Metadata": items(50, 60)}, (50, 60), 120),
        ({"offset": 50, "Metadata": items(50, 60)}, (50, 60), 60),
        ({"totalSize": "60", "offset": "50", "Metadata": items(50, 60)}, (50, 60), 60),
        ({"totalSize": 59, "offset": 50, "Metadata": items(50, 60)}, (50, 60), 59),
        # What looks at the beginning alone.
        ({"totalSize": 120, "offset": 50, "Metadata": items(50, 119)}, (50, 60), 120),
        # What does not page.
        ({"Metadata": items(0, 120)}, (50, 60), 120),
        ({"Metadata": items(0, 55)}, (50, 55), 55),
        ({"totalSize": 120, "Metadata": items(0, 120)}, (50, 60), 120),
        ({"totalSize": 120, "Metadata": items(0, 100)}, (50, 60), 120),
        ({"totalSize": 120, "offset": 50, "Metadata": items(0, 120)}, (50, 60), 120),
        ({"totalSize": 120, "offset": 0, "Metadata": items(0, 100)}, (50, 60), 120),
        # What begins elsewhere.
        ({"offset": 40, "Metadata": items(40, 70)}, (50, 60), 70),
        ({"totalSize": 120, "offset": 40, "Metadata": items(40, 70)}, (50, 60), 120),
    ],
)
def test_a_page_begins_where_it_was_asked_to(
    saying: Callable[..., Any], container: dict[str, Any], titles: tuple[int, int], total: int
) -> None:
    page = saying(**container).items("1", 50, 10)
    assert [item.title for item in page.items] == [str(number) for number in range(*titles)]
    assert page.total == total
