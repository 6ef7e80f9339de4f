"""What became of requests, and of those that were declined, seen in lists and in details."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.sandbox.conftest import Overseerr

DECLINED = 3


@pytest.fixture
def want(overseerr: Overseerr) -> Callable[..., Any]:
    return lambda: overseerr.want("movie", 31_001, is4k=False)


@pytest.fixture
def decline(overseerr: Overseerr) -> Callable[..., Any]:
    return lambda number: overseerr.call("POST", f"/request/{number}/decline")


def looked(overseerr: Overseerr, path: str = "/movie/31001") -> list[dict[str, Any]]:
    """What a title's details tell of the requests for it."""
    return overseerr.get(path).json()["mediaInfo"]["requests"]


def test_a_look_at_a_title_that_nobody_requested_tells_of_no_request(overseerr: Overseerr) -> None:
    assert "mediaInfo" not in overseerr.get("/movie/31001").json()
    assert looked(overseerr, "/movie/410001") == []  # the library has it


def test_a_look_at_a_movie_tells_that_it_is_requested(
    overseerr: Overseerr, want: Callable[..., Any]
) -> None:
    number = want().json()["id"]
    (request,) = looked(overseerr)
    told = (request["id"], request["status"], request["is4k"], request["type"], request["seasons"])
    assert told == (number, 2, False, "movie", [])
    assert request["requestedBy"]["id"] == 1


def test_a_look_at_a_show_tells_the_seasons_of_each_request(overseerr: Overseerr) -> None:
    overseerr.want("tv", 31_003, seasons=[1, 2], is4k=False)
    overseerr.want("tv", 31_003, seasons=[1, 2, 3], is4k=False)
    seasons = [
        [(season["seasonNumber"], season["status"]) for season in request["seasons"]]
        for request in looked(overseerr, "/tv/31003")
    ]
    assert seasons == [[(1, 2), (2, 2)], [(3, 2)]]


def test_a_declined_request_is_told_as_such_everywhere(
    overseerr: Overseerr, want: Callable[..., Any], decline: Callable[..., Any]
) -> None:
    want()
    assert decline(1).json()["status"] == DECLINED
    assert overseerr.get("/request/1").json()["status"] == DECLINED
    assert looked(overseerr)[0]["status"] == DECLINED
    assert overseerr.state()["requests"][0]["status"] == DECLINED
    assert overseerr.get("/movie/31001").json()["mediaInfo"]["status"] == 1


def test_once_the_first_was_declined_each_further_request_is_created(
    overseerr: Overseerr, want: Callable[..., Any], decline: Callable[..., Any]
) -> None:
    want()
    decline(1)
    assert [want().status for _ in range(3)] == [201] * 3
    assert [request["id"] for request in looked(overseerr)] == [1, 2, 3, 4]


def test_a_declined_request_after_the_first_keeps_none_from_being_refused(
    want: Callable[..., Any], decline: Callable[..., Any], overseerr: Overseerr
) -> None:
    overseerr.want("movie", 31_001)
    overseerr.want("movie", 31_001)
    decline(2)
    assert want().status == 409


def test_seasons_of_a_declined_request_can_be_requested_again(
    overseerr: Overseerr, decline: Callable[..., Any]
) -> None:
    def show() -> int:
        return overseerr.want("tv", 31_003, seasons=[1], is4k=False).status

    assert [show(), show()] == [201, 202]
    decline(1)
    assert [show(), show()] == [201, 202]


@pytest.mark.parametrize("number", ["7", "none"])
def test_a_decision_on_a_request_that_is_not_there_is_404(
    decline: Callable[..., Any], number: str
) -> None:
    reply = decline(number)
    assert (reply.status, reply.json()["message"]) == (404, "Request not found.")


def test_a_decision_needs_the_key_and_a_post(
    overseerr: Overseerr, want: Callable[..., Any]
) -> None:
    want()
    assert overseerr.call("POST", "/request/1/decline", key="wrong").status == 403
    assert overseerr.get("/request/1/decline").status == 405
    assert overseerr.call("POST", "/request/1/forget").status == 404
