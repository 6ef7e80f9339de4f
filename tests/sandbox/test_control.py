"""Switching faults on and off over HTTP, and counting what arrived."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from medianest.sandbox import SandboxError, SandboxProcess
from medianest.sandbox.kinds import KINDS
from medianest.sandbox.plex import PlexServer
from tests.sandbox.conftest import Reply

PLEX_KINDS = [*KINDS, *PlexServer("token").own_faults]


def post(get: Callable[..., Reply], body: bytes | dict[str, Any] | list[Any]) -> Reply:
    return get("/sandbox/faults", method="POST", body=body, token=None)


def test_a_fault_meets_only_the_paths_that_begin_as_it_says(
    sandbox: SandboxProcess, get: Callable[..., Reply]
) -> None:
    sandbox.fault("status", status=500, path="/library")
    assert get("/library/sections").status == 500
    assert get("/status/sessions").status == 200


def test_without_a_path_a_fault_meets_everything_but_the_sandbox_itself(
    sandbox: SandboxProcess, get: Callable[..., Reply]
) -> None:
    sandbox.fault("status", status=500)
    assert get("/identity").status == get("/status/sessions").status == 500
    assert get("/sandbox/faults", token=None).status == 200


def test_a_fault_of_some_times_meets_only_the_next_requests(
    sandbox: SandboxProcess, get: Callable[..., Reply]
) -> None:
    sandbox.fault("status", status=500, times=2)
    assert [get("/identity").status for _ in range(4)] == [500, 500, 200, 200]
    assert sandbox.faults() == []


def test_what_is_on_says_what_it_does_and_what_is_left_of_it(
    sandbox: SandboxProcess, get: Callable[..., Reply]
) -> None:
    first = sandbox.fault("status", status=503, path="/library", for_seconds=30, times=3)
    second = sandbox.fault("garbage", share=0.5)
    get("/library/sections")
    (status, garbage) = sandbox.faults()
    assert status.pop("remaining_seconds") == pytest.approx(30, abs=5)
    assert status == {
        "id": first,
        "kind": "status",
        "status": 503,
        "path": "/library",
        "for_seconds": 30,
        "share": 1.0,
        "times": 3,
        "remaining_times": 2,
        "hits": 1,
    }
    assert garbage["id"] == second != first
    assert garbage["remaining_seconds"] is garbage["remaining_times"] is None


def test_one_fault_is_removed_without_the_others(
    sandbox: SandboxProcess, get: Callable[..., Reply]
) -> None:
    first = sandbox.fault("status", status=500)
    sandbox.fault("status", status=502)
    sandbox.remove_fault(first)
    assert get("/identity").status == 502


def test_all_faults_are_removed_at_once(sandbox: SandboxProcess, get: Callable[..., Reply]) -> None:
    sandbox.fault("status", status=500)
    sandbox.fault("reset")
    sandbox.clear_faults()
    assert sandbox.faults() == []
    assert get("/identity").status == 200


def test_removing_a_fault_that_is_not_there_is_404(
    sandbox: SandboxProcess, get: Callable[..., Reply]
) -> None:
    reply = get("/sandbox/faults/none", method="DELETE")
    assert reply.status == 404
    assert reply.json()["allowed"] == []


@pytest.mark.parametrize(
    ("wish", "says", "allowed"),
    [
        ({"kind": "explode"}, "explode", PLEX_KINDS),
        ({}, "no kind", PLEX_KINDS),
        ({"kind": ["hang"]}, "unknown kind", PLEX_KINDS),
        ({"kind": "source"}, "unknown kind 'source' for this server", PLEX_KINDS),
        ({"kind": "racy"}, "unknown kind 'racy' for this server", PLEX_KINDS),
        ({"kind": "hang", "colour": 1}, "colour", ["path", "for_seconds", "share", "times"]),
        ({"kind": "status"}, "status is missing", {"status": "a whole number from 200 to 599"}),
        (
            {"kind": "drip", "where": "tail"},
            "where must be",
            {"where": 'one of "body", "headers"'},
        ),
        ([], "JSON object", ["kind", "path", "for_seconds", "share", "times"]),
        (b"{", "not JSON", "a JSON object"),
        (b"\xff", "not JSON", "a JSON object"),
        (b"[" * 100_000, "not JSON", "a JSON object"),
    ],
)
def test_a_wrong_fault_is_400_and_says_what_is_allowed(
    get: Callable[..., Reply],
    wish: bytes | dict[str, Any] | list[Any],
    says: str,
    allowed: str | list[str] | dict[str, Any],
) -> None:
    reply = post(get, wish)
    assert reply.status == 400
    assert says in reply.json()["error"]
    assert reply.json()["allowed"] == allowed


@pytest.mark.parametrize(
    "options",
    [
        {"status": True},
        {"status": "500"},
        {"status": 99},
        {"status": 500, "retry_after": -1},
        {"status": 500, "retry_after": "1\r\nX-Evil: 1"},
        {"status": 500, "body": {}},
        {"status": 500, "path": "library"},
        {"status": 500, "path": "/sandbox/faults"},
        {"status": 500, "path": 1},
        {"status": 500, "for_seconds": 0},
        {"status": 500, "for_seconds": float("nan")},
        {"status": 500, "for_seconds": 10**400},
        {"status": 500, "share": 0},
        {"status": 500, "share": 1.1},
        {"status": 500, "times": 0},
        {"status": 500, "times": 1.5},
        {"status": 500, "times": None},
    ],
)
def test_an_option_of_a_wrong_type_or_range_switches_nothing_on(
    sandbox: SandboxProcess, get: Callable[..., Reply], options: dict[str, Any]
) -> None:
    assert post(get, {"kind": "status", **options}).status == 400
    assert sandbox.faults() == []


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "/sandbox/faults"), ("GET", "/sandbox"), ("GET", "/sandbox/x")]
)
def test_an_unknown_control_route_names_the_known_ones(
    get: Callable[..., Reply], method: str, path: str
) -> None:
    reply = get(path, method=method)
    assert reply.status == 404
    assert "GET /sandbox/faults" in reply.json()["allowed"]


def test_a_refused_fault_reaches_the_test_as_an_error_with_the_reason(
    sandbox: SandboxProcess,
) -> None:
    with pytest.raises(SandboxError, match="unknown kind"):
        sandbox.fault("explode")


def test_every_request_that_arrives_is_counted_whatever_becomes_of_it(
    sandbox: SandboxProcess, get: Callable[..., Reply]
) -> None:
    get("/library/sections")
    get("/library/sections?x=1", token=None)
    sandbox.fault("status", status=500)
    get("/identity")
    assert sandbox.requests()["total"] == 3
    assert sandbox.requests()["by_path"] == {"/library/sections": 2, "/identity": 1}


def test_the_last_requests_are_kept_with_the_names_of_their_headers_only(
    sandbox: SandboxProcess, get: Callable[..., Reply]
) -> None:
    get("/library/sections?page=1", token="very-secret")
    (last,) = sandbox.requests()["last"]
    assert (last["method"], last["path"]) == ("GET", "/library/sections?page=1")
    assert "X-Plex-Token" in last["headers"]
    assert "very-secret" not in str(sandbox.requests())


def test_counting_starts_again_from_zero(
    sandbox: SandboxProcess, get: Callable[..., Reply]
) -> None:
    get("/identity")
    sandbox.reset_requests()
    assert sandbox.requests() == {"total": 0, "by_path": {}, "last": []}


def test_no_client_changes_the_state_of_a_plex(
    sandbox: SandboxProcess, get: Callable[..., Reply]
) -> None:
    get("/library/sections")
    assert sandbox.state() == {}
