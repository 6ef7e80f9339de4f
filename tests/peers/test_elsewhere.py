"""What other hosts have found, as one witness more."""

from __future__ import annotations

import pytest

from medianest.peers.codec import decoded, encoded
from medianest.peers.elsewhere import OtherHosts
from medianest.peers.messages import Elsewhere
from medianest.resilience import CircuitBreakerOptions
from medianest.resilience.circuit_breaker.evidence import Evidence

OPTIONS = CircuitBreakerOptions(failure_threshold=3, counting="consecutive")


@pytest.fixture
def hosts() -> OtherHosts:
    made = OtherHosts()
    made.hear(Elsewhere("plex", failed_at=90.0), 100.0)
    return made


def opens(hosts: OtherHosts, now: float, *failed_at: float, good_by: float = 0.0) -> bool:
    seen = [Evidence(failed_at=failed_at, good_by=good_by)]
    return hosts.verdict(OPTIONS, seen, now) is not None


def test_they_have_seen_one_failure_too_few(hosts: OtherHosts) -> None:
    assert not opens(hosts, 101.0)
    assert opens(hosts, 101.0, 101.0)


def test_a_success_since_they_were_heard_outweighs_them(hosts: OtherHosts) -> None:
    assert not opens(hosts, 101.0, 101.0, good_by=100.5)
    hosts.hear(Elsewhere("plex", failed_at=90.9), 102.0)  # the same opening, told again
    assert not opens(hosts, 103.0, 103.0, good_by=100.5)
    hosts.hear(Elsewhere("plex", failed_at=102.5), 103.0)  # anew
    assert opens(hosts, 104.0, 104.0, good_by=100.5)


def test_what_is_not_said_again_counts_no_longer(hosts: OtherHosts) -> None:
    assert hosts.have_trouble(102.9)
    assert not hosts.have_trouble(103.0)
    assert not opens(hosts, 103.0, 103.0)


def test_a_bar_ends_by_itself_whatever_was_said(hosts: OtherHosts) -> None:
    hosts.hear(Elsewhere("plex", barred_until=1e9), 100.0)
    assert hosts.is_barred(102.9)
    assert not hosts.is_barred(103.0)


def test_it_is_read_as_it_was_written() -> None:
    for said in (Elsewhere("plex", 90.0, 102.5), Elsewhere("plex")):
        assert decoded(encoded("1.77.abcdef01", said)) == ("1.77.abcdef01", said)
