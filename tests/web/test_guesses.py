"""What the workers tell each other of those who guess tokens."""

from pathlib import Path
from typing import Any

import pytest

from medianest.peers import HostPeers
from medianest.peers.messages import Bulletin
from medianest.resilience import ManualClock, Registry
from medianest.web.guesses import share_guesses
from medianest.web.throttle import AT_ONCE, Throttle

HERE = "192.0.2.1"


@pytest.fixture
def told(clock: ManualClock, tmp_path: Path) -> tuple[Throttle, list[Bulletin], HostPeers]:
    """A throttle, what is told of it, and where others are heard."""
    throttle, peers, sent = Throttle(clock), HostPeers(Registry(), tmp_path), list[Bulletin]()
    share_guesses(throttle, peers, clock)
    peers.bulletins.tell = lambda topic, body: sent.append(Bulletin(topic, body))  # type: ignore[method-assign]
    return throttle, sent, peers


def test_a_million_addresses_do_not_drown_what_else_is_told(
    told: tuple[Throttle, list[Bulletin], HostPeers], clock: ManualClock
) -> None:
    throttle, sent, _ = told
    for number in range(10_000):
        throttle.failed(f"10.0.{number % 250}.{number // 250}", "wrong_token")
        clock.advance(0.0001)
    assert 40 <= len(sent) <= 100


@pytest.mark.parametrize(
    "body", [{}, {"address": 1}, {"address": "x" * 100}, {"address": HERE, "reason": "odd"}]
)
def test_what_cannot_be_read_changes_nothing(
    told: tuple[Throttle, list[Bulletin], HostPeers], body: dict[str, Any]
) -> None:
    throttle, _, peers = told
    for _ in range(2 * AT_ONCE):
        peers.bulletins.hear("2.20.b", Bulletin("failed attempts", body))
    assert throttle.slows(HERE) is None
