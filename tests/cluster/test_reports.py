"""What a host tells of its circuit breakers, as it is written and read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from medianest.cluster.reports import OpenThere, Report, entry_of, report_of
from medianest.cluster.tier import LARGEST


@pytest.mark.parametrize(
    "entry",
    [
        b"", b"\xff", b"[]", b"7", b"{}", b'{"v": 2}', b"[" * 100_000,
        b'{"v": 1, "open": [], "wants": [], "well": []}',
        b'{"v": 1, "open": {"plex": 1}, "wants": 1, "well": []}',
    ],
)  # fmt: skip
def test_garbage_is_no_report(entry: bytes) -> None:
    assert report_of(entry) is None


@pytest.mark.parametrize(
    "odd",
    [None, 7, [], [1, 2, 3], [True, 1, 1, None], ["1", 1, 1, None], [1, 1, 0, None], [1, 1, 1, 7],
     [float("nan"), 1, 1, None], [float("inf"), 1, 1, None], [1, 1, 1.5, None], [1, 1, 10**9, None],
     [10**400, 1, 1, None], [1, 1, True, None], [{}, 1, 1, None]],
)  # fmt: skip
def test_one_odd_breaker_costs_only_itself(odd: Any) -> None:
    body = {"v": 1, "open": {"plex": [1.0, 9.0, 1, "dead"], "odd": odd}, "wants": [], "well": [7]}
    assert report_of(json.dumps(body).encode()) == Report({"plex": OpenThere(1.0, 9.0, 1, "dead")})


def test_a_report_has_room_for_what_opened_last() -> None:
    """Keeps out: too many names, and nobody hears of any."""
    found = {f"{number:090}": OpenThere(float(number), 9.0, 1, "é" * 500) for number in range(500)}
    entry = entry_of(Report(found | {"x" * 200: OpenThere(0.0, 9.0, 1)}, frozenset(found)))
    assert entry is not None
    assert len(entry) <= LARGEST
    read = report_of(entry)
    assert read is not None
    assert f"{0:090}" in read.open
    assert read.wants == frozenset(read.open)


def test_a_report_always_has_room_for_a_wish() -> None:
    """Keeps out: of very many that are open, those that opened first were never probed by a host
    that had no lease."""
    found = {f"{number:090}": OpenThere(float(number), 9.0, 1) for number in range(500)}
    wish = f"{499:090}"
    read = report_of(entry_of(Report(found, frozenset({wish}))) or b"")
    assert read is not None
    assert read.wants == {wish}
    assert f"{0:090}" in read.open


def test_what_has_come_back_leaves_room_for_what_is_open() -> None:
    """Keeps out: a report that was too large for anybody, of long names in other letters."""
    well = frozenset("é" * 97 + f"{number:03}" for number in range(60))
    entry = entry_of(Report({"plex": OpenThere(0.0, 9.0, 1)}, well=well))
    assert entry is not None
    assert len(entry) <= LARGEST
    read = report_of(entry)
    assert read is not None
    assert read.open.keys() == {"plex"}
    assert read.well < well


def test_where_nothing_is_open_there_is_nothing_to_report() -> None:
    assert entry_of(Report()) is None
    assert entry_of(Report(wants=frozenset({"plex"}))) is None
