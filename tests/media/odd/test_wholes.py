"""Answers that are odd as a whole: another shape, empty, or without anything of use."""

import gc
import logging
from typing import Any

import pytest

from medianest.media.errors import UnusableAnswerError
from medianest.media.left_out import LEFT_OUT
from medianest.resilience import State
from tests.media.odd.houses import MISSING, NAMES, PLEX, House


@pytest.mark.parametrize("body", [[], 5, None, "x", {}, {"MediaContainer": []}, {"message": "hi"}])
def test_an_answer_of_another_shape_is_the_service_being_away(house: House, body: Any) -> None:
    """Keeps out: what stands in front of a server that is away, taken for its word."""
    answer, asked = house.answers("plex", "sessions", body)
    assert (answer.status_code, asked, house.state("plex")) == (503, 1, State.OPEN)
    answer, _ = house.answers("overseerr", "requests", body)
    assert "overseerr" in answer.get_json()["missing"]
    assert house.state("overseerr") is State.OPEN


def test_what_is_left_out_is_said_once_for_each_kind_and_counted(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    good = {"title": "Films", "type": "movie", "key": "1"}
    bad = [{"title": "One"}, {"title": "Two", "type": 5, "key": "2"}, None]
    container = {"MediaContainer": {"Directory": [good, *bad]}}
    before = sum(LEFT_OUT.counts().values())
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            answer, _ = house.answers("plex", "libraries", container)
            assert [library["title"] for library in answer.get_json()["libraries"]] == ["Films"]
    assert sum(LEFT_OUT.counts().values()) - before == 15
    assert len(caplog.records) <= 3


@pytest.mark.parametrize("size", [MISSING, 2, "some", None])
def test_only_an_answer_that_says_so_is_empty(house: House, size: object | str | None) -> None:
    """Keeps out: `{"MediaContainer": {}}`, told as a fresh library without a section."""
    for question, member in PLEX.values():
        says = {} if size is MISSING else {"size": size}
        answer, asked = house.answers("plex", question, {"MediaContainer": says})
        about = question, answer.text
        assert (answer.status_code, asked, house.state("plex")) == (200, 1, State.CLOSED), about
        empty, _ = house.answers("plex", question, {"MediaContainer": {"size": 0}})
        if member == "results":
            assert (
                NAMES["plex"] in answer.get_json()["missing"],
                NAMES["plex"] in empty.get_json()["missing"],
            ) == (1, 0)
        else:
            assert answer.get_json()["degraded"], about
            assert (empty.get_json()[member], empty.get_json()["degraded"]) == ([], False), about


@pytest.mark.parametrize("question", ["recently-added?limit=9", "libraries", "sessions"])
def test_of_an_answer_that_makes_no_sense_nothing_is_kept(house: House, question: str) -> None:
    """Keeps out: 32 MiB of lists, kept by an error and its frames until the garbage collector
    came, which held all threads for half a second then."""
    odd = {"MediaContainer": {"size": 1, "Metadata": [[["x"]]], "Directory": [[["x"]]]}}
    house.answers("plex", question, odd)
    gc.collect()
    gc.disable()
    try:
        house.answers("plex", question, odd)
        kept = [each for each in gc.get_objects() if isinstance(each, UnusableAnswerError)]
        assert not kept
    finally:
        gc.enable()


@pytest.mark.parametrize("list_", ["text", [None], {"a": 1}, [{}, {}], 5])
def test_of_an_answer_of_which_nothing_is_left_the_server_is_well(house: House, list_: Any) -> None:
    answer, asked = house.answers(
        "plex", "recently-added?limit=9", {"MediaContainer": {"Metadata": list_}}
    )
    assert answer.status_code in (200, 503)
    assert (asked, house.state("plex")) == (1, State.CLOSED)
    answer, asked = house.answers("plex", "sessions", {"MediaContainer": {"Metadata": list_}})
    assert (answer.get_json()["sessions"], asked, house.state("plex")) == ([], 1, State.CLOSED)
