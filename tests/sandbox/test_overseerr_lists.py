"""The sandbox lists, counts and deletes requests as the real servers do."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.sandbox.conftest import Overseerr, Reply
from tests.sandbox.wanting import message


def test_a_list_is_the_newest_requests_with_what_there_is_of_pages(
    overseerr: Overseerr, want: Callable[..., Reply]
) -> None:
    for number in range(1, 6):
        want("movie", number, is4k=False)
    page = overseerr.get("/request?take=2&skip=2&sort=added&filter=all").json()
    assert page["pageInfo"] == {"pages": 3, "pageSize": 2, "results": 5, "page": 2}
    assert [each["media"]["tmdbId"] for each in page["results"]] == [3, 2]


def test_without_take_a_page_is_twenty(overseerr: Overseerr, want: Callable[..., Reply]) -> None:
    for number in range(1, 26):
        want("movie", number, is4k=False)
    assert len(overseerr.get("/request").json()["results"]) == 20


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/request?bogus=1", "Unknown query parameter 'bogus'"),
        ("/status?bogus=1", "Unknown query parameter 'bogus'"),
        ("/request?take=", "Empty value found for query parameter 'take'"),
        ("/request?take=many", "request.query.take should be number"),
        ("/request?sort=bogus", "request.query.sort should be equal to one of the allowed values"),
        ("/request?filter=bogus", "request.query.filter should be equal to one of the allowed"),
        ("/movie/abc", "request.params.movieId should be number"),
        ("/tv/abc", "request.params.tvId should be number"),
    ],
)
def test_what_the_description_of_the_api_does_not_know_is_400(
    overseerr: Overseerr, path: str, says: str
) -> None:
    reply = overseerr.get(path)
    assert reply.status == 400
    assert says in reply.json()["message"]


@pytest.mark.parametrize("number", ["1", "none"])
def test_a_request_that_is_not_there_is_404(overseerr: Overseerr, number: str) -> None:
    assert message(overseerr.get(f"/request/{number}")) == (404, "Request not found.")
