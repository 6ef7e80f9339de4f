"""Odd elements among good ones, as genuine servers send them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from medianest.sandbox import SandboxProcess
from tests.sandbox.conftest import Reply

SECTIONS, SESSIONS = "/library/sections", "/status/sessions"
LISTS = [SECTIONS, "/library/sections/1/all", "/library/recentlyAdded", SESSIONS]


def elements(container: dict[str, Any]) -> list[Any]:
    """The list of a container."""
    return container.get("Metadata") or container["Directory"]


def named(items: list[Any], title: str) -> list[dict[str, Any]]:
    """The elements of a title."""
    return [item for item in items if isinstance(item, dict) and item.get("title") == title]


@pytest.fixture
def lists(
    sandbox: SandboxProcess, get: Callable[..., Reply]
) -> Callable[[str], tuple[list[dict[str, Any]], list[Any]]]:
    """`lists(path)`: the elements of an answer when all is well, and when it is odd."""

    def of_both(path: str) -> tuple[list[dict[str, Any]], list[Any]]:
        good = elements(get(path).container())
        sandbox.fault("odd", times=1)
        return good, elements(get(path).container())

    return of_both


@pytest.mark.parametrize("path", LISTS)
def test_what_is_good_stays_and_is_at_least_half(
    lists: Callable[[str], tuple[list[dict[str, Any]], list[Any]]], path: str
) -> None:
    good, odd = lists(path)
    assert [item for item in odd if item in good] == good
    assert len(odd) > len(good)
    assert 2 * sum(isinstance(item, dict) and is_good(item) for item in odd) >= len(odd)


def is_good(item: dict[str, Any]) -> bool:
    """Whether it is one of those that a strict reader takes."""
    return not str(item.get("title") or "?").startswith("Odd ")


@pytest.mark.parametrize("path", LISTS[1:])
def test_nothing_odd_has_the_key_of_something_good(
    lists: Callable[[str], tuple[list[dict[str, Any]], list[Any]]], path: str
) -> None:
    good, odd = lists(path)
    keys = [each["ratingKey"] for each in odd if "ratingKey" in dict_of(each)]
    assert all(keys.count(each["ratingKey"]) == 1 for each in good if path != SESSIONS)


@pytest.mark.parametrize("path", LISTS)
def test_some_elements_are_null(
    lists: Callable[[str], tuple[list[dict[str, Any]], list[Any]]], path: str
) -> None:
    assert None in lists(path)[1]


@pytest.mark.parametrize("path", LISTS[1:])
def test_some_elements_are_numbers(
    lists: Callable[[str], tuple[list[dict[str, Any]], list[Any]]], path: str
) -> None:
    assert 7 in lists(path)[1]


def test_a_title_ends_in_half_an_emoji(sandbox: SandboxProcess, get: Callable[..., Reply]) -> None:
    sandbox.fault("odd")
    for body in [get(path).body for path in LISTS]:
        assert b"Odd Half Emoji \\ud83c" in body
        body.decode()  # it is UTF-8 all the same
        assert "\ud83c" in json.dumps(json.loads(body), ensure_ascii=False)


def test_a_session_of_live_television_has_no_rating_key(
    lists: Callable[[str], tuple[list[dict[str, Any]], list[Any]]],
) -> None:
    (live,) = named(lists(SESSIONS)[1], "Odd Live TV")
    assert "ratingKey" not in live
    assert live["Player"]
    assert live["live"] == "1"


@pytest.mark.parametrize("path", LISTS[1:])
def test_numbers_are_text_as_older_servers_send_them(
    lists: Callable[[str], tuple[list[dict[str, Any]], list[Any]]], path: str
) -> None:
    good, odd = lists(path)
    (item,) = named(odd, "Odd Numbers as Text")
    assert item["duration"] == str(good[0]["duration"])


@pytest.mark.parametrize("path", LISTS[1:])
def test_photos_and_pre_rolls_lack_what_movies_have(
    lists: Callable[[str], tuple[list[dict[str, Any]], list[Any]]], path: str
) -> None:
    odd = lists(path)[1]
    (photo,), (pre_roll,) = named(odd, "Odd Photo"), named(odd, "Odd Pre-roll")
    assert "ratingKey" not in pre_roll
    for item in (photo, pre_roll):
        assert not {"key", "year", "duration", "addedAt", "Media"} & set(item)


def test_a_section_is_hidden_in_a_way_that_nobody_knows_and_one_has_no_key(
    lists: Callable[[str], tuple[list[dict[str, Any]], list[Any]]],
) -> None:
    odd = lists(SECTIONS)[1]
    assert named(odd, "Odd Dates")[0]["hidden"] == 9
    assert "key" not in named(odd, "Odd Without Key")[0]


def dict_of(value: Any) -> dict[str, Any]:
    """The value if it is an object."""
    return value if isinstance(value, dict) else {}


def test_the_size_counts_the_odd_ones(sandbox: SandboxProcess, get: Callable[..., Reply]) -> None:
    sandbox.fault("odd")
    for path in LISTS:
        container = get(path).container()
        assert container["size"] == len(elements(container))


def test_nothing_odd_is_in_an_empty_list(
    sandbox: SandboxProcess, get: Callable[..., Reply]
) -> None:
    sandbox.fault("odd")
    assert get("/library/sections/4/all").container() == {"size": 0}


def test_a_search_finds_odd_elements(sandbox: SandboxProcess, get: Callable[..., Reply]) -> None:
    sandbox.fault("odd")
    movies = get("/hubs/search?query=the").container()["Hub"][0]
    assert movies["size"] == len(movies["Metadata"]) == 6


def test_refusals_are_as_ever(sandbox: SandboxProcess, get: Callable[..., Reply]) -> None:
    sandbox.fault("odd")
    assert get("/library/sections", token="wrong").status == 401
