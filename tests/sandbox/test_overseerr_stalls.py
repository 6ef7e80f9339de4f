"""A source of titles that stalls: the server waits for it without a limit, and then creates."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from medianest.resilience import ManualClock
from medianest.sandbox.faults import FaultError
from medianest.sandbox.overseerr import OverseerrServer
from medianest.sandbox.server import SandboxServer
from tests.sandbox.conftest import Reply
from tests.support.leftovers import Leftovers
from tests.support.waiting import wait_until

from .conftest import KEY, PATIENCE, Overseerr, raw_connection, serving

WISH = {"mediaType": "movie", "mediaId": 31_001, "is4k": False}
NEEDS_SOURCE = ["/movie/31001", "/tv/31001", "/search?query=the"]


@pytest.fixture
def overseerr(clock: ManualClock) -> Iterator[Overseerr]:
    """An Overseerr whose faults last as long as the clock says."""
    with serving(SandboxServer(OverseerrServer(KEY), clock=clock)) as server:
        yield Overseerr(server)
        server.faults.clear()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as threads:
        yield threads


def stall(overseerr: Overseerr, seconds: float = 60, **options: Any) -> None:
    overseerr.fault("stall", seconds=seconds, **options)


def want(overseerr: Overseerr) -> Reply:
    return overseerr.want("movie", 31_001, is4k=False)


def wait_until_held(overseerr: Overseerr, times: int) -> None:
    """Until so many requests have met the fault."""
    wait_until(lambda: sum(each["hits"] for each in overseerr.server.faults.active()) >= times)


def test_a_request_is_created_when_the_source_has_answered(
    overseerr: Overseerr, clock: ManualClock, pool: ThreadPoolExecutor
) -> None:
    stall(overseerr)
    reply = pool.submit(want, overseerr)
    wait_until_held(overseerr, 1)
    clock.advance(59.9)
    assert overseerr.state()["count"] == 0
    clock.advance(0.2)
    assert reply.result(PATIENCE).status == 201
    assert overseerr.state()["count"] == 1


def test_a_stall_is_over_when_it_is_switched_off(
    overseerr: Overseerr, pool: ThreadPoolExecutor
) -> None:
    stall(overseerr)
    reply = pool.submit(want, overseerr)
    wait_until_held(overseerr, 1)
    overseerr.server.faults.clear()
    assert reply.result(PATIENCE).status == 201


def test_a_request_is_created_though_its_client_has_left(
    overseerr: Overseerr, clock: ManualClock
) -> None:
    stall(overseerr)
    with raw_connection(overseerr.server) as raw:
        raw.sendall(post_request())
        wait_until_held(overseerr, 1)
    clock.advance(61)
    wait_until(lambda: overseerr.state()["count"] == 1)


def test_two_requests_that_wait_at_once_become_two(
    overseerr: Overseerr, clock: ManualClock, pool: ThreadPoolExecutor
) -> None:
    stall(overseerr)
    replies = [pool.submit(want, overseerr) for _ in range(2)]
    wait_until_held(overseerr, 2)
    clock.advance(61)
    assert [reply.result(PATIENCE).status for reply in replies] == [201, 201]
    assert overseerr.state()["count"] == 2


def test_what_was_requested_before_the_stall_is_not_made_twice(
    overseerr: Overseerr, clock: ManualClock, pool: ThreadPoolExecutor
) -> None:
    want(overseerr)
    stall(overseerr)
    reply = pool.submit(want, overseerr)
    wait_until_held(overseerr, 1)
    clock.advance(61)
    assert reply.result(PATIENCE).status == 409
    assert overseerr.state()["count"] == 1


@pytest.mark.parametrize("path", NEEDS_SOURCE)
def test_what_needs_the_source_waits_and_then_answers(
    overseerr: Overseerr, clock: ManualClock, pool: ThreadPoolExecutor, path: str
) -> None:
    stall(overseerr)
    reply = pool.submit(overseerr.get, path)
    wait_until_held(overseerr, 1)
    assert not reply.done()
    clock.advance(61)
    assert reply.result(PATIENCE).status == 200


def test_an_unknown_title_is_told_when_the_source_has_answered(
    overseerr: Overseerr, clock: ManualClock, pool: ThreadPoolExecutor
) -> None:
    stall(overseerr)
    reply = pool.submit(overseerr.want, "movie", 9_000_001, is4k=False)
    wait_until_held(overseerr, 1)
    assert not reply.done()
    clock.advance(61)
    assert reply.result(PATIENCE).json()["message"].endswith("status code 404")


@pytest.mark.parametrize("path", ["/status", "/request", "/request/1"])
def test_its_own_memory_does_not_wait_for_the_source(overseerr: Overseerr, path: str) -> None:
    want(overseerr)
    stall(overseerr)
    assert overseerr.get(path).status == 200


def test_a_stall_can_be_short() -> None:
    with serving(SandboxServer(OverseerrServer(KEY))) as server:
        overseerr = Overseerr(server)
        stall(overseerr, 0.05)
        assert want(overseerr).status == 201


@pytest.mark.parametrize("options", [{}, {"seconds": -1}, {"seconds": 4000}, {"seconds": "1"}])
def test_a_stall_without_a_sensible_time_is_refused(
    overseerr: Overseerr, options: dict[str, Any]
) -> None:
    with pytest.raises(FaultError):
        overseerr.fault("stall", **options)


def test_a_stalled_request_gives_its_thread_back(
    overseerr: Overseerr, clock: ManualClock, pool: ThreadPoolExecutor
) -> None:
    left = Leftovers()
    stall(overseerr)
    with raw_connection(overseerr.server) as raw:
        raw.sendall(post_request())
        wait_until_held(overseerr, 1)
    clock.advance(61)
    wait_until(lambda: left.threads == 0)


def post_request() -> bytes:
    """The bytes of a new request."""
    body = json.dumps(WISH)
    head = (
        "POST /api/v1/request HTTP/1.1",
        "Host: sandbox",
        f"X-Api-Key: {KEY}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join([*head, "", body]).encode()
