"""Overrides of a process that has no folder to keep them in."""

from __future__ import annotations

from medianest.overrides.keeper import OverrideKeeper
from medianest.overrides.memory import OverrideMemory
from medianest.resilience import ManualClock, Registry


def test_they_are_obeyed_and_end_in_time(clock: ManualClock) -> None:
    registry = Registry(clock=clock)
    keeper = OverrideKeeper(registry, OverrideMemory())
    breaker = registry.breaker("nas")
    kept = keeper.act("nas", "open", reason="moving house", actor="ada", expires_in=60)
    assert (kept.file, kept.database, kept.problem) == (False, False, None)
    assert breaker.state.value == "forced_open"
    clock.advance(61)
    keeper.follow()
    assert (breaker.state.value, keeper.active()) == ("closed", [])


def test_a_breaker_that_is_made_later_obeys(clock: ManualClock) -> None:
    registry = Registry(clock=clock)
    keeper = OverrideKeeper(registry, OverrideMemory())
    keeper.act("nas", "disable")
    assert registry.breaker("nas").state.value == "disabled"


def test_there_is_no_copy_to_compare(clock: ManualClock) -> None:
    keeper = OverrideKeeper(Registry(clock=clock), OverrideMemory())
    assert [job.name for job in keeper.jobs(10.0)] == ["obey overrides"]
    keeper.sync()
