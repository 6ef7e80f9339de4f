"""Whose a request is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.sandbox.conftest import Overseerr, Reply

GUEST = 4
APPROVED = 2


@pytest.fixture
def want(overseerr: Overseerr) -> Callable[..., Reply]:
    def want_it(number: int = 31_001, **wish: Any) -> Reply:
        return overseerr.want("movie", number, **{"is4k": False, **wish})

    return want_it


def message(reply: Reply) -> tuple[int, str]:
    return reply.status, reply.json()["message"]


def owner(request: dict[str, Any]) -> tuple[int, int | None, int]:
    """Whose it is, who decided on it, and what."""
    return request["requestedBy"]["id"], request["modifiedBy"]["id"], request["status"]


def test_without_a_user_a_request_is_the_owners_and_approved(
    overseerr: Overseerr, want: Callable[..., Reply]
) -> None:
    assert owner(want().json()) == (1, 1, APPROVED)
    assert owner(overseerr.get("/request/1").json()) == (1, 1, APPROVED)


def test_for_a_user_a_request_is_theirs_and_approved_by_the_owner_who_asks(
    overseerr: Overseerr, want: Callable[..., Reply]
) -> None:
    created = want(userId=GUEST)
    assert (created.status, owner(created.json())) == (201, (GUEST, 1, APPROVED))
    assert owner(overseerr.get("/request").json()["results"][0]) == (GUEST, 1, APPROVED)
    assert overseerr.state()["requests"][0]["requestedBy"] == GUEST


def test_an_unknown_user_is_500_and_nothing_is_created(
    overseerr: Overseerr, want: Callable[..., Reply]
) -> None:
    says = (
        'Could not find any entity of type "User" matching: '
        '{\n    "where": {\n        "id": 999\n    }\n}'
    )
    assert message(want(userId=999)) == (500, says)
    assert overseerr.state()["count"] == 0


@pytest.mark.parametrize("user", [None, 0])
def test_no_user_is_the_owner(want: Callable[..., Reply], user: int | None) -> None:
    assert owner(want(userId=user).json()) == (1, 1, APPROVED)


@pytest.mark.parametrize("user", ["4", True, [4]])
def test_a_user_that_is_no_number_is_400(
    want: Callable[..., Reply], user: str | bool | list[int]
) -> None:
    assert message(want(userId=user)) == (400, "request.body.userId should be number")


def test_the_quota_and_the_rights_are_those_of_the_user_that_it_is_for(
    want: Callable[..., Reply],
) -> None:
    assert message(want(userId=2)) == (403, "Movie Quota exceeded.")
    says = "You do not have permission to make movie requests."
    assert message(want(userId=3)) == (403, says)


def test_4k_is_created_though_there_is_no_4k_server(want: Callable[..., Reply]) -> None:
    created = want(is4k=True)
    assert (created.status, created.json()["is4k"]) == (201, True)
