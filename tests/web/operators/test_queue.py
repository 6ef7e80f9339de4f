"""Operators and the queue: seen, retried and dropped, and each change in the audit."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from medianest.queue.settlement import Settlement
from medianest.resilience import ManualClock
from medianest.web.container import Container
from tests.support.narrowing import not_none
from tests.web.operators.asking import RESILIENCE, VIEWER


def put(parts: Container, key: str) -> str:
    return parts.queue.runner.queue.enqueue("h", {"n": 1}, key).operation.id


def test_the_queue_is_seen_retried_and_dropped(
    parts: Container,
    app: Flask,
    get: Callable[..., TestResponse],
    post: Callable[..., TestResponse],
    operator: dict[str, Any],
    clock: ManualClock,
) -> None:
    one, two = put(parts, "a"), put(parts, "b")
    queue = parts.queue.runner.queue
    (lease,) = queue.claim_many("h", 1)
    queue.settle([Settlement.dead(lease, clock.utc(), LookupError("no such title"))])
    page = not_none(get("/queue").json)
    assert (page["queue"]["pending"], page["queue"]["dead"]) == (1, 1)
    assert get("/queue", state="dead").get_json()["items"][0]["id"] == lease.operation.id
    assert get(f"/queue/{lease.operation.id}").get_json()["error"]["message"] == "no such title"
    assert post(f"/queue/{lease.operation.id}/retry", reason="it is there now").status_code == 200
    path = f"{RESILIENCE}/queue/"
    client = app.test_client()
    assert client.delete(path + two, headers=operator).status_code == 204
    assert client.delete(path + two, headers=operator).status_code == 404
    assert client.delete(path + one, headers=VIEWER).status_code == 403
    changes = [(c["action"], c["target"], c["reason"]) for c in get("/audit").get_json()["items"]]
    assert ("queue.retry", lease.operation.id, "it is there now") in changes
    assert ("queue.drop", two, None) in changes


def test_a_handler_that_does_not_exist_is_told_with_those_that_do(
    get: Callable[..., TestResponse], post: Callable[..., TestResponse]
) -> None:
    """Keeps out: "nothing to retry", read by somebody who has made a slip in the name."""
    known = "overseerr.request"
    for answer in (
        get("/queue", handler="overseer.request"),
        post("/queue/dead-letters/retry", handler="overseer.request"),
    ):
        assert (answer.status_code, answer.get_json()["type"]) == (422, "/problems/invalid")
        assert answer.get_json()["errors"] == [
            {"field": "handler", "message": f"must be one of: {known}"}
        ]
    assert get("/audit").get_json()["items"] == []
    assert get("/queue", handler=known).get_json()["items"] == []
    assert post("/queue/dead-letters/retry", handler=known).get_json()["retried"] == 0


def test_what_runs_is_not_dropped(parts: Container, app: Flask, operator: dict[str, Any]) -> None:
    one = put(parts, "a")
    parts.queue.runner.queue.claim_many("h", 1)
    answer = app.test_client().delete(f"{RESILIENCE}/queue/{one}", headers=operator)
    assert (answer.status_code, answer.get_json()["type"]) == (409, "/problems/conflict")


def test_each_change_is_audited(
    parts: Container, post: Callable[..., TestResponse], get: Callable[..., TestResponse]
) -> None:
    post(
        "/circuit-breakers/plex-media-server/action",
        action="open",
        reason="moving",
        expires_in_seconds=60,
    )
    (change,) = get("/audit", target="plex").get_json()["items"]
    assert (change["actor"], change["action"]) == ("operator", "circuit-breaker.open")
    assert (change["reason"], change["address"]) == ("moving", "127.0.0.1")
    assert change["detail"] == {"expires_in_seconds": 60}


def test_an_operator_acts_while_the_database_is_down_and_the_record_follows(
    parts: Container,
    post: Callable[..., TestResponse],
    get: Callable[..., TestResponse],
    broken: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context():
        broken()
        assert (
            post("/circuit-breakers/plex-media-server/action", action="open").get_json()[
                "circuit_breaker"
            ]["state"]
            == "forced_open"
        )
        monkeypatch.undo()
    assert len(parts.storage.audit.waiting()) == 1
    assert parts.storage.audit.flush() == 1
    assert get("/audit").get_json()["items"][0]["action"] == "circuit-breaker.open"
