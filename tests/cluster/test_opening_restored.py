"""How long a host that starts anew has open what was open."""

from __future__ import annotations

import pytest

from medianest.cluster.reports import OpenThere, Report, entry_of
from tests.cluster.hosts import Hosts


@pytest.mark.parametrize(("left", "age", "wait"), [(9.0, 4.0, 5.0), (80_000.0, 0.0, 300.0)])
def test_only_for_what_is_left_of_a_wait_that_it_may_have(
    left: float, age: float, wait: float
) -> None:
    world = Hosts(1, hosts=1, jitter=0.0)
    entry = entry_of(Report({"plex": OpenThere(1.0, left, 2, "away")}))
    assert entry is not None
    world.place.reports["host-0"] = world.now - age, entry
    began = world.now
    world.pass_by(0.2)
    opening = world.nodes[0].shared.standing.opening
    assert opening is not None
    assert opening.until - began == pytest.approx(wait, abs=0.2)
    world.end()
