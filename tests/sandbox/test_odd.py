"""Odd elements among good ones, as genuine servers send them."""

from __future__ import annotations

import json

import pytest

SECTIONS, SESSIONS = "/library/sections", "/status/sessions"
LISTS = [SECTIONS, "/library/sections/1/all", "/library/recentlyAdded", SESSIONS]


def elements(container):
    """The list of a container."""
    return container.get("Metadata") or container["Directory"]


def named(items, title):
    """The elements of a title."""
    return [item for item in items if isinstance(item, dict) and item.get("title") == title]


@pytest.fixture
def lists(sandbox, get):
    """`lists(path)`: the elements of an answer when all is well, and when it is odd."""

    def of_both(path):
        good = elements(get(path).container())
        sandbox.fault("odd", times=1)
        return good, elements(get(path).container())

    return of_both


@pytest.mark.parametrize("path", LISTS)
def test_what_is_good_stays_and_is_at_least_half(lists, path):
    good, odd = lists(path)
    assert [item for item in odd if item in good] == good
    assert len(odd) > len(good)
    assert 2 * sum(isinstance(item, dict) and is_good(item) for item in odd) >= len(odd)


def is_good(item):
    """Whether it is one of those that a strict reader takes."""
    return not str(item.get("title") or "?").startswith("Odd ")


@pytest.mark.parametrize("path", LISTS[1:])
def test_nothing_odd_has_the_key_of_something_good(lists, path):
    good, odd = lists(path)
    keys = [each["ratingKey"] for each in odd if "ratingKey" in dict_of(each)]
    assert all(keys.count(each["ratingKey"]) == 1 for each in good if path != SESSIONS)


@pytest.mark.parametrize("path", LISTS)
def test_some_elements_are_null(lists, path):
    assert None in lists(path)[1]


@pytest.mark.parametrize("path", LISTS[1:])
def test_some_elements_are_numbers(lists, path):
    assert 7 in lists(path)[1]


def test_a_title_ends_in_half_an_emoji(sandbox, get):
    sandbox.fault("odd")
    for body in [get(path).body for path in LISTS]:
        assert b"Odd Half Emoji \\ud83c" in body
        body.decode()  # it is UTF-8 all the same
        assert "\ud83c" in json.dumps(json.loads(body), ensure_ascii=False)


def test_a_session_of_live_television_has_no_rating_key(lists):
    (live,) = named(lists(SESSIONS)[1], "Odd Live TV")
    assert "ratingKey" not in live and live["Player"] and live["live"] == "1"


@pytest.mark.parametrize("path", LISTS[1:])
def test_numbers_are_text_as_older_servers_send_them(lists, path):
    good, odd = lists(path)
    (item,) = named(odd, "Odd Numbers as Text")
    assert item["duration"] == str(good[0]["duration"])


@pytest.mark.parametrize("path", LISTS[1:])
def test_photos_and_pre_rolls_lack_what_movies_have(lists, path):
    odd = lists(path)[1]
    (photo,), (pre_roll,) = named(odd, "Odd Photo"), named(odd, "Odd Pre-roll")
    assert "ratingKey" not in pre_roll
    for item in (photo, pre_roll):
        assert not {"key", "year", "duration", "addedAt", "Media"} & set(item)


def test_a_section_is_hidden_in_a_way_that_nobody_knows_and_one_has_no_key(lists):
    odd = lists(SECTIONS)[1]
    assert named(odd, "Odd Dates")[0]["hidden"] == 9
    assert "key" not in named(odd, "Odd Without Key")[0]


def dict_of(value):
    """The value if it is an object."""
    return value if isinstance(value, dict) else {}


def test_the_size_counts_the_odd_ones(sandbox, get):
    sandbox.fault("odd")
    for path in LISTS:
        container = get(path).container()
        assert container["size"] == len(elements(container))


def test_nothing_odd_is_in_an_empty_list(sandbox, get):
    sandbox.fault("odd")
    assert get("/library/sections/4/all").container() == {"size": 0}


def test_a_search_finds_odd_elements(sandbox, get):
    sandbox.fault("odd")
    movies = get("/hubs/search?query=the").container()["Hub"][0]
    assert movies["size"] == len(movies["Metadata"]) == 6


def test_refusals_are_as_ever(sandbox, get):
    sandbox.fault("odd")
    assert get("/library/sections", token="wrong").status == 401
