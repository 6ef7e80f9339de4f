"""What is told of the workers of a host: who is silent, what is lost, who is in trouble alone."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from medianest.health import Status
from medianest.monitoring.sharing import SharingCheck
from medianest.peers import HostPeers
from medianest.peers.membership import Membership
from medianest.peers.messages import States
from medianest.resilience import ManualClock, Registry, State
from medianest.resilience.snapshot import plain


class Site:
    """A host with two workers; the other one says what the test says."""

    def __init__(self, folder: Path, clock: ManualClock) -> None:
        self.clock, self.registry = clock, Registry(clock=clock)
        self.registry.breaker("plex")
        self.peers = HostPeers(self.registry, folder, lambda: "0")
        self.other = Membership(folder, "1")
        self.is_one_of_several = True
        self.tier = SimpleNamespace(name="redis", problem=None, lost_since=None)
        self.check = SharingCheck(
            self.registry, self.peers, lambda: self.is_one_of_several, [self.tier]
        )
        self.peers.start()
        self.roster = self.peers.roster

    def end(self) -> None:
        self.peers.stop()
        self.other.close()


@pytest.fixture
def site(tmp_path: Path, clock: ManualClock) -> Iterator[Site]:
    made = Site(tmp_path / "peers", clock)
    yield made
    made.end()


def test_all_is_well(site: Site) -> None:
    found = site.check()
    assert (found.status, found.message) == (Status.HEALTHY, None)
    assert [each.partition(" (")[0] for each in found.detail["members"]] == ["worker 0", "worker 1"]
    assert (found.detail["silent"], found.detail["lost"]) == ([], [])


def test_who_is_silent_is_told_and_since_when(site: Site) -> None:
    name, since = site.other.name, site.clock.utc()
    site.roster.heard(name, site.clock.now())
    for _ in range(9):
        site.clock.advance(1.0)
        site.roster.look([name], site.clock.now())
    found = site.check()
    assert found.status is Status.DEGRADED
    assert (found.message or "").startswith("silent: worker 1 (process ")
    (silent,) = found.detail["silent"]
    assert silent["last_heard_at"] == plain(since)


def test_who_is_in_trouble_alone_is_told_when_it_lasts(site: Site) -> None:
    site.roster.hear(site.other.name, States(1, {"plex": State.OPEN}), site.clock.now())
    assert site.check().status is Status.HEALTHY  # the others may be about to follow
    site.clock.advance(3.0)
    found = site.check()
    assert found.status is Status.DEGRADED
    assert (found.message or "").endswith(") alone cannot reach plex")


def test_a_lost_tier_is_told_and_since_when(site: Site) -> None:
    site.tier.problem = "redis://10.0.0.7: connection refused"
    site.tier.lost_since = site.clock.utc() - timedelta(seconds=60)
    found = site.check()
    assert found.status is Status.DEGRADED
    assert found.message == (
        "redis://10.0.0.7: connection refused: what the tier redis shares is lost"
    )
    assert found.detail["lost"] == [{"name": "redis", "lost_at": plain(site.tier.lost_since)}]


def test_who_is_alone_loses_nothing(tmp_path: Path, clock: ManualClock) -> None:
    """Keeps out: five points less for a home with one worker on a share without locks."""
    registry, several = Registry(clock=clock), True
    peers = HostPeers(registry, tmp_path / ("long" * 40))
    peers.start()
    check = SharingCheck(registry, peers, lambda: several)
    assert check().status is Status.DEGRADED
    assert "cannot be shared" in (check().message or "")
    several = False
    assert check().status is Status.HEALTHY
    assert check().detail["lost"] == [{"name": "host", "lost_at": plain(clock.utc())}]
    clock.advance(60)
    peers.start()
    assert check().detail["lost"] == [
        {"name": "host", "lost_at": plain(clock.utc() - timedelta(seconds=60))}
    ]
