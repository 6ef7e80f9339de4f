"""Which statuses of an HTTP answer say that a service is well."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from medianest.resilience import ConfigurationError

__all__ = ["SUCCESS", "ExpectedStatus", "Statuses"]

ExpectedStatus: TypeAlias = int | str | Sequence[int | str]
"""A status such as 204, a range such as "200-399", or several of these: a list, or with commas."""

SUCCESS = "200-299"
"""What is expected unless something else is said."""

_RANGE = re.compile(r"([2-5]\d\d)(?:-([2-5]\d\d))?", re.ASCII)


@dataclass(frozen=True)
class Statuses:
    """The statuses that are expected, as ranges in rising order that do not touch; `text` tells
    them in one way only."""

    ranges: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, expected: ExpectedStatus) -> Statuses:
        """From a number, a range or a list of these. Raises ConfigurationError."""
        found = [_range(part) for part in _parts(expected)]
        known = sorted(each for each in found if each is not None)
        if not known or len(known) < len(found):
            raise ConfigurationError(
                f"expected_status: must be a status from 200 to 599, a range such as "
                f'"200-399", or a list of these, not {expected!r:.200}'
            )
        return cls(_merged(known))

    def __contains__(self, status: int) -> bool:
        return any(first <= status <= last for first, last in self.ranges)

    @property
    def text(self) -> str:
        """Such as "200-299,401"."""
        return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in self.ranges)


def _parts(expected: object) -> Iterable[object]:
    if isinstance(expected, str):
        return expected.split(",")
    return expected if isinstance(expected, list | tuple | set | frozenset) else [expected]


def _range(part: object) -> tuple[int, int] | None:
    if isinstance(part, bool) or not isinstance(part, int | str):
        return None
    matched = _RANGE.fullmatch(str(part))
    if matched is None:
        return None
    first, last = int(matched[1]), int(matched[2] or matched[1])
    return (first, last) if first <= last else None


def _merged(ranges: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    merged: list[tuple[int, int]] = []
    for first, last in ranges:
        if merged and first <= merged[-1][1] + 1:
            first, last = merged[-1][0], max(merged.pop()[1], last)
        merged.append((first, last))
    return tuple(merged)
