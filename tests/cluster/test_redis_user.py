"""What a user of Redis with rules of its own needs: see docs/operations.md."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from medianest.cluster.redis import RedisTier
from medianest.cluster.tier import Change, TierError
from medianest.resilience import Deadline
from tests.support.valkey import ValkeyProcess

NEEDED = ["+@read", "+@write", "+@scripting", "+@pubsub", "+@connection", "+time"]


@pytest.fixture
def tier(request: pytest.FixtureRequest, valkey: ValkeyProcess) -> Iterator[RedisTier]:
    """Of a user with the commands that the test names."""
    with valkey.client() as raw:
        raw.acl_setuser(
            "house",
            enabled=True,
            passwords=["+secret"],
            keys=["medianest:*"],
            channels=["medianest:news"],
            commands=request.param,
            reset=True,
        )
        made = RedisTier(f"redis://house:secret@127.0.0.1:{valkey.port}/0")
        with Deadline(10.0).scope():
            made.connect()
            yield made
        made.close()
        raw.acl_deluser("house")


@pytest.mark.parametrize("tier", [NEEDED], indirect=True)
def test_with_what_it_needs_it_does_all(tier: RedisTier) -> None:
    assert tier.write([Change("plex", b"", b'{"revision": 1}')]) == 1
    assert tier.read().keys() == {"plex"}
    tier.report("a", b"x")
    assert tier.report("b", None).keys() == {"a"}
    assert tier.take_leases(["plex"], "a", 5.0) == {"plex"}
    tier.give_leases(["plex"], "a")
    tier.wake()
    assert tier.fileno() >= 0


@pytest.mark.parametrize("tier", [NEEDED[:-1]], indirect=True)
def test_without_the_time_of_the_server_it_says_that_it_is_refused(tier: RedisTier) -> None:
    with pytest.raises(TierError, match="refused"):
        tier.report("a", b"x")
