"""What faults do to an Overseerr: those that every server has, and its own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from medianest.sandbox.faults import FaultError
from medianest.sandbox.kinds import KINDS
from medianest.sandbox.overseerr import OverseerrServer
from medianest.sandbox.plex import PlexServer
from tests.sandbox.conftest import Overseerr, Reply

OWN = ("source", "stall", "locked", "racy", "quota", "csrf")
EMPTY = {"page": 1, "totalPages": 1, "totalResults": 0, "results": []}


def want(overseerr: Overseerr, number: int = 31_001, kind: str = "movie") -> Reply:
    return overseerr.want(kind, number, seasons=[1], is4k=False)


def together(overseerr: Overseerr, times: int) -> list[int]:
    """The statuses of identical requests that are under way at once."""
    with ThreadPoolExecutor(times) as pool:
        replies = list(pool.map(lambda _: want(overseerr), range(times)))
    return sorted(reply.status for reply in replies)


def test_a_status_is_json_in_the_words_of_its_error_handler(overseerr: Overseerr) -> None:
    overseerr.fault("status", status=502)
    reply = overseerr.get("/request")
    assert (reply.status, reply.json()) == (502, {"message": "Bad Gateway"})
    assert reply.headers["Content-Type"] == "application/json; charset=utf-8"


def test_unauthorized_is_403_for_the_right_key(overseerr: Overseerr) -> None:
    overseerr.fault("unauthorized")
    reply = overseerr.get("/request")
    assert reply.status == reply.json()["status"] == 403


def test_maintenance_is_the_503_of_a_proxy_in_html(overseerr: Overseerr) -> None:
    overseerr.fault("maintenance")
    reply = overseerr.get("/status")
    assert (reply.status, reply.headers["Content-Type"]) == (503, "text/html")
    assert reply.headers["Server"] == "nginx"
    assert b"503 Service Temporarily Unavailable" in reply.body


def test_empty_is_lists_of_nothing(overseerr: Overseerr) -> None:
    want(overseerr)
    overseerr.fault("empty")
    assert overseerr.get("/search?query=a").json() == EMPTY
    page = overseerr.get("/request").json()
    assert (page["pageInfo"]["results"], page["results"]) == (0, [])
    assert overseerr.get("/status").json() == {}


def test_truncate_creates_the_request_and_breaks_off_in_the_answer(overseerr: Overseerr) -> None:
    overseerr.fault("truncate", times=1)
    with pytest.raises(Exception, match="IncompleteRead"):
        want(overseerr)
    assert overseerr.state()["count"] == 1


@pytest.mark.parametrize(("kind", "created"), [("lose", 1), ("reset", 0)])
def test_a_lost_answer_is_to_a_request_that_was_created_and_a_reset_is_not(
    overseerr: Overseerr, kind: str, created: int
) -> None:
    overseerr.fault(kind, path="/api/v1/request", times=1)
    with pytest.raises(ConnectionResetError):
        want(overseerr)
    assert overseerr.state()["count"] == created
    assert want(overseerr).status == (409 if created else 201)


def test_without_its_source_a_search_is_a_success_without_results(overseerr: Overseerr) -> None:
    overseerr.fault("source")
    reply = overseerr.get("/search?query=the")
    assert (reply.status, reply.json()) == (200, EMPTY)


@pytest.mark.parametrize(("options", "status"), [({}, 500), ({"status": 429}, 429)])
@pytest.mark.parametrize(("kind", "what"), [("movie", "movie"), ("tv", "TV show")])
def test_without_its_source_no_request_is_created(
    overseerr: Overseerr, options: dict[str, Any], status: int, kind: str, what: str
) -> None:
    overseerr.fault("source", **options)
    reply = want(overseerr, kind=kind)
    says = f"[TMDB] Failed to fetch {what} details: Request failed with status code {status}"
    assert (reply.status, reply.json()) == (500, {"message": says})
    assert overseerr.state()["count"] == 0


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        ("ECONNREFUSED", "connect ECONNREFUSED 192.0.2.1:443"),
        ("ENOTFOUND", "getaddrinfo ENOTFOUND api.themoviedb.org"),
        ("EAI_AGAIN", "getaddrinfo EAI_AGAIN api.themoviedb.org"),
        ("ETIMEDOUT", "connect ETIMEDOUT 192.0.2.1:443"),
        ("ECONNRESET", "socket hang up"),
        ("timeout", "timeout of 10000ms exceeded"),
    ],
)
@pytest.mark.parametrize(("kind", "what"), [("movie", "movie"), ("tv", "TV show")])
def test_a_source_that_cannot_be_reached_is_told_in_the_words_of_the_http_client(
    overseerr: Overseerr, failure: str, words: str, kind: str, what: str
) -> None:
    overseerr.fault("source", failure=failure)
    reply = want(overseerr, kind=kind)
    says = f"[TMDB] Failed to fetch {what} details: {words}"
    assert (reply.status, reply.json()) == (500, {"message": says})
    assert overseerr.get(f"/{kind}/31001").status == 500
    assert overseerr.get("/search?query=the").json() == EMPTY
    assert overseerr.get("/status").status == overseerr.get("/request").status == 200


def test_without_its_source_there_are_no_details_but_its_own_memory_and_status_are_well(
    overseerr: Overseerr,
) -> None:
    want(overseerr)
    overseerr.fault("source")
    assert overseerr.get("/movie/31001").json() == {"message": "Unable to retrieve movie."}
    assert overseerr.get("/tv/31001").json() == {"message": "Unable to retrieve series."}
    assert overseerr.get("/status").status == 200
    assert overseerr.get("/request").json()["pageInfo"]["results"] == 1


def test_without_its_source_a_key_is_still_compared(overseerr: Overseerr) -> None:
    overseerr.fault("source")
    assert overseerr.get("/search?query=a", key="wrong").status == 403
    assert overseerr.get("/search?bogus=a").status == 400


def test_a_locked_database_creates_nothing_and_reads_on(overseerr: Overseerr) -> None:
    overseerr.fault("locked", times=1)
    reply = want(overseerr)
    assert (reply.status, reply.json()) == (500, {"message": "SQLITE_BUSY: database is locked"})
    assert overseerr.get("/request").json()["results"] == []
    assert want(overseerr).status == 201


READABLE = [
    "SQLITE_BUSY: database is locked",
    "SQLITE_READONLY: attempt to write a readonly database",
    "SQLITE_FULL: database or disk is full",
]
GONE = [
    "SQLITE_CANTOPEN: unable to open database file",
    "SQLITE_IOERR: disk I/O error",
    "Connection terminated unexpectedly",
    "the database system is shutting down",
]


@pytest.mark.parametrize("words", READABLE + GONE)
def test_a_database_that_takes_nothing_is_told_in_its_own_words(
    overseerr: Overseerr, words: str
) -> None:
    overseerr.fault("locked", message=words)
    reply = want(overseerr)
    assert (reply.status, reply.json()) == (500, {"message": words})
    assert overseerr.get("/status").status == 200
    assert overseerr.state()["count"] == 0


@pytest.mark.parametrize("words", READABLE)
def test_a_database_that_takes_nothing_can_be_read(overseerr: Overseerr, words: str) -> None:
    want(overseerr)
    overseerr.fault("locked", message=words)
    assert overseerr.get("/request").json()["pageInfo"]["results"] == 1
    assert overseerr.get("/movie/31001").json()["mediaInfo"]["requests"][0]["id"] == 1
    assert want(overseerr).status == 409


@pytest.mark.parametrize("words", GONE)
def test_a_database_that_is_gone_answers_no_list_and_a_look_sees_nothing(
    overseerr: Overseerr, words: str
) -> None:
    want(overseerr)
    overseerr.fault("locked", message=words)
    listed = overseerr.get("/request")
    assert (listed.status, listed.json()["message"]) == (500, words)
    assert overseerr.get("/request/1").status == 404
    assert "mediaInfo" not in overseerr.get("/movie/31001").json()
    assert want(overseerr).status == 500
    assert overseerr.state()["count"] == 1


@pytest.mark.parametrize(("kind", "what"), [("movie", "Movie"), ("tv", "Series")])
def test_with_the_quota_used_up_nothing_is_created_until_it_frees_itself(
    overseerr: Overseerr, kind: str, what: str
) -> None:
    overseerr.fault("quota", times=1)
    reply = want(overseerr, kind=kind)
    assert (reply.status, reply.json()) == (403, {"message": f"{what} Quota exceeded."})
    assert want(overseerr, kind=kind).status == 201


def test_with_the_quota_used_up_everything_is_read_and_the_rest_is_refused_as_before(
    overseerr: Overseerr,
) -> None:
    overseerr.fault("quota")
    for path in ("/request", "/movie/31001", "/search?query=the", "/status"):
        assert overseerr.get(path).status == 200
    assert overseerr.call("POST", "/request", {}).status == 400


def test_with_csrf_protection_every_post_is_refused_and_reads_work(overseerr: Overseerr) -> None:
    want(overseerr)
    overseerr.fault("csrf")
    for path, body in (("/request", {}), ("/request/1/decline", None)):
        reply = overseerr.call("POST", path, body)
        assert (reply.status, reply.json()) == (403, {"message": "invalid csrf token"})
    for path in ("/request", "/movie/31001", "/search?query=the", "/status"):
        assert overseerr.get(path).status == 200
    assert overseerr.state()["count"] == 1


def test_identical_requests_at_once_are_created_more_than_once_when_it_is_racy(
    overseerr: Overseerr,
) -> None:
    overseerr.fault("racy")
    statuses = together(overseerr, 8)
    assert statuses.count(201) == overseerr.state()["count"] > 1
    assert set(statuses) <= {201, 409}


def test_racy_or_not_one_request_after_another_is_created_once(overseerr: Overseerr) -> None:
    overseerr.fault("racy")
    assert [want(overseerr).status for _ in range(2)] == [201, 409]


def test_its_own_faults_take_the_options_that_all_have(overseerr: Overseerr) -> None:
    overseerr.fault("source", path="/api/v1/search", times=1, share=1, for_seconds=60)
    assert want(overseerr).status == 201
    assert overseerr.get("/search?query=the").json()["results"] == []
    assert overseerr.get("/search?query=the").json()["results"] != []


@pytest.mark.parametrize(
    "wish",
    [
        {"kind": "source", "status": 200},
        {"kind": "source", "status": True},
        {"kind": "source", "status": "500"},
        {"kind": "source", "failure": "EPIPE"},
        {"kind": "source", "failure": ["timeout"]},
        {"kind": "locked", "status": 500},
        {"kind": "locked", "message": "SQLITE_OK"},
        {"kind": "quota", "status": 403},
        {"kind": "csrf", "message": "no"},
        {"kind": "racy", "seconds": 1},
    ],
)
def test_an_option_that_its_own_faults_do_not_have_is_refused(
    overseerr: Overseerr, wish: dict[str, Any]
) -> None:
    with pytest.raises(FaultError):
        overseerr.server.faults.add(wish)


def test_an_unknown_kind_is_refused_with_all_that_there_are(overseerr: Overseerr) -> None:
    with pytest.raises(FaultError) as refused:
        overseerr.server.faults.add({"kind": "explode"})
    assert refused.value.allowed == [*KINDS, *OWN]


@pytest.mark.parametrize("server", [OverseerrServer("key"), PlexServer("token")])
def test_no_fault_of_its_own_has_the_name_of_one_that_all_have(server: Any) -> None:
    assert not set(server.own_faults) & set(KINDS)
