"""Each circuit breaker with its workers' states, and what an operator wants of it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from medianest.peers import HostPeers
from medianest.peers.messages import States
from medianest.resilience import ManualClock, Registry, State
from tests.support.waiting import wait_until

PATH = "/api/v1/resilience/circuit-breakers"
PLEX = "plex-media-server"


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Iterator[Flask]:
    """One of two workers."""
    made = make_app(plex={"url": "http://127.0.0.1:1", "breaker_enabled": True})
    made.extensions["medianest"].host.peers.start()
    yield made
    made.extensions["medianest"].host.peers.stop()


@pytest.fixture
def other(tmp_path: Path, app: Flask, clock: ManualClock) -> Iterator[HostPeers]:
    registry = Registry(clock=clock)
    registry.breaker(PLEX)
    made = HostPeers(registry, tmp_path / "peers", lambda: "1")
    made.start()
    wait_until(lambda: len(app.extensions["medianest"].host.peers.members()) == 2)
    yield made
    made.stop()


def breaker(app: Flask, viewer: dict[str, str], name: str = PLEX) -> Any:
    listed = app.test_client().get(PATH, headers=viewer).get_json()["circuit_breakers"]
    shown = app.test_client().get(f"{PATH}/{name}", headers=viewer).get_json()
    assert shown["workers"] == next(e["workers"] for e in listed if e["name"] == name)
    return shown


def test_who_differs_is_named(app: Flask, other: HostPeers, viewer: dict[str, str]) -> None:
    name, number = other.members()[0], 1000  # higher than any that it has said by itself
    app.extensions["medianest"].host.peers.roster.hear(
        name, States(number, {PLEX: State.OPEN}), 0.0
    )
    workers = breaker(app, viewer)["workers"]
    assert (workers["alike"], workers["of"]) == (1, 2)
    assert workers["message"].startswith("worker 1 (process ")
    assert workers["message"].endswith(f") alone cannot reach {PLEX}")
    assert [(e["state"], e["is_silent"]) for e in workers["states"]] == [
        ("closed", False),
        ("open", False),
    ]


def test_what_an_operator_wants_is_told_beside_what_is(
    app: Flask, other: HostPeers, viewer: dict[str, str], operator: dict[str, str]
) -> None:
    answer = app.test_client().post(
        f"{PATH}/{PLEX}/action",
        json={"action": "open", "reason": "moving", "expires_in_seconds": 60},
        headers=operator,
    )
    seen = breaker(app, viewer)
    assert answer.get_json()["circuit_breaker"]["desired"] == seen["desired"]
    desired = seen["desired"]
    assert (desired["state"], desired["reason"], desired["actor"]) == (
        "forced_open",
        "moving",
        "operator",
    )
    assert desired["revision"] > 0
    assert desired["expires_at"] == seen["expires_at"]
    assert (seen["workers"]["alike"], seen["workers"]["of"]) == (1, 2)  # it has no such file
    assert "closed in worker 1" in seen["workers"]["message"]
    app.test_client().post(f"{PATH}/{PLEX}/action", json={"action": "enable"}, headers=operator)
    assert breaker(app, viewer)["desired"] is None


def test_alone_there_is_one(app: Flask, viewer: dict[str, str]) -> None:
    workers = breaker(app, viewer)["workers"]
    assert (workers["alike"], workers["of"], workers["message"]) == (1, 1, None)


def test_who_cannot_know_others_says_nothing_of_them(
    make_app: Callable[..., Flask], viewer: dict[str, str]
) -> None:
    app = make_app(plex={"url": "http://127.0.0.1:1"})
    assert breaker(app, viewer)["workers"] is None


def test_the_page_tells_who_differs(app: Flask, other: HostPeers) -> None:
    name = other.members()[0]
    app.extensions["medianest"].host.peers.roster.hear(name, States(1000, {PLEX: State.OPEN}), 0.0)
    for path in ("/breakers", f"/breakers/{PLEX}"):
        text = app.test_client().get(path).get_data(as_text=True)
        assert "1 of 2 workers: worker 1 (process " in text
        assert f"alone cannot reach {PLEX}" in text
