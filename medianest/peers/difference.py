"""In what the processes of a host differ, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from medianest.peers.roster import MemberState, rough
from medianest.resilience import State

__all__ = ["difference", "some"]

_NAMED: Final = 3


def difference(service: str, states: Sequence[MemberState]) -> str | None:
    """Which process sees a breaker of that service otherwise than the others; None: none does.
    Those that are silent, or have said nothing yet, are left out."""
    by_state: dict[State, list[str]] = {}
    for each in states:
        if (state := rough(each.state)) is not None and not each.is_silent:
            by_state.setdefault(state, []).append(each.member)
    if len(by_state) < 2:
        return None
    shut = by_state.get(State.OPEN, [])
    if set(by_state) == {State.OPEN, State.CLOSED} and len(shut) == 1:
        return f"{shut[0]} alone cannot reach {service}"
    fewest_first = sorted(by_state.items(), key=lambda found: len(found[1]))
    return f"{service}: " + "; ".join(
        f"{state.value.replace('_', ' ')} in {some(who)}" for state, who in fewest_first
    )


def some(names: Sequence[str]) -> str:
    """The first of them, and how many more there are."""
    first, rest = names[:_NAMED], names[_NAMED:]
    return ", ".join(first) + (f" and {len(rest)} more" if rest else "")
