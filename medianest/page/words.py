"""Numbers and drawings as the templates need them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from medianest.page import looks

__all__ = ["WORDS", "to_second"]

Calls = Sequence[tuple[float, float] | None]
"""For each step, how many calls ended and how many of them failed; None: nothing is known."""

WIDTH, HEIGHT = 240, 34
"""Of a sparkline."""

_NONE: Final = "\N{EN DASH}"


def look(state: str) -> str:
    """How a state of a breaker, or a status, is drawn."""
    known: dict[str, str] = {each.value: found for each, found in looks.OF_STATE.items()}
    known.update((each.value, found) for each, found in looks.OF_STATUS.items())
    return known.get(state, "off")


def state_word(state: str) -> str:
    """A state of a breaker, as people read it."""
    return next((word for each, word in looks.WORDS.items() if each.value == state), state)


def duration(seconds: float | None) -> str:
    """A time as people say it, in three digits at most."""
    if seconds is None:
        return _NONE
    if seconds < 0.9995:
        thousandths = seconds * 1000
        return f"{thousandths:.1f} ms" if thousandths < 9.95 else f"{thousandths:.0f} ms"
    if seconds < 90:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    for size, name in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 1.5 * size or name == "min":
            return f"{seconds / size:.0f} {name}"
    return _NONE


def to_second(at: datetime) -> datetime:
    """An instant as pages show it: one that each look computes anew is never quite the same."""
    return (at + timedelta(seconds=0.5)).replace(microsecond=0)


def share(part: float | None) -> str:
    """A share of 1 in percent."""
    if part is None:
        return _NONE
    percent = part * 100
    return f"{percent:.1f} %" if 0 < percent < 9.95 else f"{percent:.0f} %"


def rate(each_second: float) -> str:
    """How many a second."""
    if 0 < each_second < 0.05:
        return "<0.1"
    return f"{each_second:.1f}" if 0 < each_second < 9.95 else f"{each_second:.0f}"


def times(number: int) -> str:
    """Once, twice, 3 times …"""
    return {0: "not yet", 1: "once", 2: "twice"}.get(number, f"{number} times")


def tried(number: int) -> str:
    """How often something was tried."""
    return f"tried {times(number)}" if number else "not tried yet"


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th …"""
    last = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if 10 < number % 100 < 14 else last}"


def line_path(calls: Calls) -> str:
    """The line of a sparkline: how many calls, from left to right. Where nothing is known it has a
    gap."""
    return "".join(f"M{'L'.join(points)}" for points in _stretches(calls))


def area_path(calls: Calls) -> str:
    """What is below the line."""
    return "".join(
        f"M{_foot(points[0])}L{'L'.join(points)}L{_foot(points[-1])}Z"
        for points in _stretches(calls)
    )


def fault_bars(calls: Calls) -> list[tuple[str, str, str]]:
    """Left, top and height of a bar for each step with failures."""
    most, bars = _most(calls), []
    for place, step in enumerate(calls):
        if step is not None and step[1]:
            top = min(float(_top(step[1], most)), HEIGHT - 4.0)
            left = min(max(float(_left(calls, place)) - 2, 0), WIDTH - 4)
            bars.append((f"{left:.1f}", f"{top:.1f}", f"{HEIGHT - top:.1f}"))
    return bars


def summed(calls: Calls, which: int) -> int:
    """How many calls there were, or failures."""
    return round(sum(step[which] for step in calls if step is not None))


def _most(calls: Calls) -> float:
    return max((step[0] for step in calls if step is not None), default=0) or 1


def _left(calls: Calls, place: int) -> str:
    return f"{place * WIDTH / max(1, len(calls) - 1):.1f}"


def _top(number: float, most: float) -> str:
    return f"{HEIGHT - 1 - (HEIGHT - 4) * number / most:.1f}"


def _foot(point: str) -> str:
    return f"{point.split(',')[0]},{HEIGHT}"


def _stretches(calls: Calls) -> list[list[str]]:
    """The points of each stretch about which something is known."""
    most = _most(calls)
    found: list[list[str]] = []
    for place, step in enumerate(calls):
        if step is None:
            continue
        if place == 0 or calls[place - 1] is None:
            found.append([])
        found[-1].append(f"{_left(calls, place)},{_top(step[0], most)}")
    return found


WORDS: Final = (
    look, state_word, duration, to_second, share, rate, times, tried, ordinal, line_path, area_path,
    fault_bars, summed,
)  # fmt: skip
"""The filters that templates know."""
