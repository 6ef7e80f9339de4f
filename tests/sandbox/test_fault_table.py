"""Which faults meet a request, on a clock that moves only when told."""

from __future__ import annotations

import pytest

from medianest.resilience import ManualClock
from medianest.sandbox.control import REMEMBERED, SandboxTraffic
from medianest.sandbox.faults import FaultTable
from medianest.sandbox.messages import Request


@pytest.fixture
def table(clock: ManualClock) -> FaultTable:
    return FaultTable(clock, draw=iter([0.1, 0.3] * 50).__next__)


def kinds(table: FaultTable, path: str = "/identity") -> list[str]:
    return [fault.kind for fault in table.meet(path)]


def test_a_fault_is_over_when_its_time_is(table: FaultTable, clock: ManualClock) -> None:
    table.add({"kind": "empty", "for_seconds": 30})
    clock.advance(29)
    assert table.active()[0]["remaining_seconds"] == 1
    assert kinds(table) == ["empty"]
    clock.advance(1)
    assert kinds(table) == table.active() == []


def test_a_share_meets_only_the_requests_that_it_draws(table: FaultTable) -> None:
    table.add({"kind": "empty", "share": 0.2})
    assert [kinds(table) for _ in range(4)] == [["empty"], [], ["empty"], []]


def test_delays_are_added_and_the_first_other_fault_decides(table: FaultTable) -> None:
    for wish in (
        {"kind": "latency", "seconds": 1},
        {"kind": "empty", "path": "/library"},
        {"kind": "hang"},
        {"kind": "reset"},
        {"kind": "garbage"},
    ):
        table.add(wish)
    assert kinds(table) == ["latency", "hang", "reset"]
    assert kinds(table, "/library/sections") == ["latency", "empty"]


def test_a_removed_fault_is_over_for_those_whom_it_holds(table: FaultTable) -> None:
    held = table.add({"kind": "hang"})
    assert not held.over
    assert table.remove(held.id)
    assert held.over
    assert not table.remove(held.id)


def test_only_the_last_requests_are_remembered() -> None:
    traffic = SandboxTraffic()
    for number in range(REMEMBERED + 5):
        traffic.note(Request("GET", f"/{number}", f"/{number}"))
    described = traffic.describe()
    assert described["total"] == REMEMBERED + 5
    assert [entry["path"] for entry in described["last"]][:: REMEMBERED - 1] == ["/5", "/104"]
