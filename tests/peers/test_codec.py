"""Messages come through as they are, and what is none is none."""

import json
import math
from typing import Any

import pytest

from medianest.peers.codec import decoded, encoded
from medianest.peers.membership import LARGEST
from medianest.peers.messages import (
    Failed,
    Freed,
    Heard,
    Message,
    News,
    Passed,
    Shown,
    Standing,
    States,
    Wanted,
)
from medianest.resilience import State
from medianest.resilience.circuit_breaker.evidence import Evidence
from medianest.resilience.circuit_breaker.joint import Opening

ODD_STATES: list[Any] = [None, [], 7, {"plex": "shut"}, {"": "open"}, {"plex": None}]

SEEN = Evidence((1.5, 2.25), (3.0,), 0.5, -math.inf, 7, 2, 1, 1)


@pytest.mark.parametrize(
    "message",
    [
        Failed("plex", SEEN, asks=True),
        Failed("plex", Evidence(), asks=False),
        Shown("plex", SEEN),
        Standing("plex", 4, "1.77.ab", Opening(12.5, 2, "3 failures in a row")),
        Standing("plex", 5, "1.77.ab"),
        Passed("plex", 5, 1),
        News("overrides", "k"),
        Heard("k"),
        States(7, {"plex": State.OPEN}, is_all=False),
        States(8, {}),
        Wanted("plex"),
        Freed("plex"),
    ],
)
def test_what_is_said_is_heard(message: Message) -> None:
    assert decoded(encoded("1.77.ab", message)) == ("1.77.ab", message)


def changed(**values: Any) -> bytes:
    body = json.loads(encoded("me", Failed("plex", SEEN, asks=True)))
    return json.dumps({**body, **values}).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"7",
        b"null",
        b"{}",
        b"[" * 50_000,
        changed(v=2),
        changed(says="Nothing"),
        *(changed(says="States", number=1, states=each, is_all=True) for each in ODD_STATES),
        changed(says="States", number=-1, states={}, is_all=True),
        changed(says="States", number=1, states={}, is_all=1),
        changed(says=["Failed"]),
        changed(breaker=7),
        changed(breaker=""),
        changed(breaker="x" * 501),
        changed(asks="yes"),
        changed(evidence=None),
        changed(evidence={"failed_at": [1]}),
        changed(evidence={**json.loads(changed())["evidence"], "failures": -1}),
        changed(evidence={**json.loads(changed())["evidence"], "failures": True}),
        changed(evidence={**json.loads(changed())["evidence"], "failed_at": [math.nan]}),
        changed(evidence={**json.loads(changed())["evidence"], "failed_at": "soon"}),
        changed(evidence={**json.loads(changed())["evidence"], "good_by": None}),
        changed(evidence={**json.loads(changed())["evidence"], "good_by": math.inf}),
        changed(evidence={**json.loads(changed())["evidence"], "slow": 10**9}),
    ],
)
def test_what_is_no_message_is_none(data: bytes) -> None:
    assert decoded(data) is None


@pytest.mark.parametrize("until", [math.inf, -math.inf, math.nan, pytest.param(10**400, id="huge")])
def test_open_until_no_instant_is_none(until: float) -> None:
    """Each call that may be a probe computes with it."""
    assert decoded(encoded("me", Standing("plex", 4, "me", Opening(until, 2)))) is None


def test_it_knows_what_later_versions_add() -> None:
    assert decoded(changed(more=1)) is not None


def test_the_largest_fits_into_one_datagram() -> None:
    many = tuple(1_000_000 + number / 7 for number in range(5000))
    message = Failed("x" * 100, Evidence(failed_at=many, slow_at=many), asks=True)
    data = encoded("me", message)
    assert len(data) < LARGEST
    last = Evidence(failed_at=many[-500:], slow_at=many[-500:])
    assert decoded(data) == ("me", Failed("x" * 100, last, asks=True))
