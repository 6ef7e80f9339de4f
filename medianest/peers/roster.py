"""What a process knows of all processes of its host: who they are, which of them are silent, and
how the circuit breakers of each are."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

from medianest.peers.attendance import Attendance
from medianest.peers.membership import LARGEST, called
from medianest.peers.messages import States
from medianest.resilience import CircuitBreaker, Registry, State

__all__ = ["Member", "MemberState", "Roster", "rough"]

_MYSELF: Final = ""
_ROOM: Final = LARGEST - 1_000
"""Bytes for breakers in one message."""


@dataclass(frozen=True, slots=True)
class Member:
    """A process, by the name that people call it; the instant is one of the clock."""

    name: str
    silent_since: float | None


@dataclass(frozen=True, slots=True)
class MemberState:
    """How a breaker is in one process; None: it has not said so yet. What a silent one has said
    last may be over."""

    member: str
    state: State | None
    is_silent: bool
    since: float
    """When this process heard of it first, by the clock; 0 of one that is closed."""


def rough(state: State | None) -> State | None:
    """As people see it: an open breaker that makes a probe is open all the same."""
    return State.OPEN if state is State.HALF_OPEN else state


@dataclass(frozen=True, slots=True)
class _Known:
    said: States
    since: dict[str, float]


def _since(known: _Known | None, said: States, now: float) -> dict[str, float]:
    if known is None:
        return dict.fromkeys(said.states, now)
    return {
        name: known.since.get(name, now) if rough(known.said.of(name)) is rough(state) else now
        for name, state in said.states.items()
    }


class Roster:
    """Each process tells its states whenever one changes and at each look, so that everybody knows
    all without asking. `members()` are the names of those that live, this one first;
    `send(message)` tells all others. Written by the listening thread, read by all."""

    def __init__(
        self, registry: Registry, members: Callable[[], list[str]], send: Callable[..., object]
    ) -> None:
        self._registry, self._members, self._send = registry, members, send
        self._attendance = Attendance()
        self._known: dict[str, _Known] = {}
        self._numbers = itertools.count(1)

    # -- what is told, and heard -------------------------------------------------------------------

    def tell(self, to: str | None = None) -> None:
        """Say how the breakers of this process are."""
        number = next(self._numbers)
        states: dict[str, State] = {}
        room = _ROOM
        for breaker in self._registry.breakers():
            if (state := breaker.state) is State.CLOSED:
                continue
            room -= len(json.dumps({breaker.name: state}))
            if room < 0:
                break
            states[breaker.name] = state
        said = States(number, states, is_all=room >= 0)
        self.hear(_MYSELF, said, self._registry.clock.now())
        self._send(said, to)

    def heard(self, sender: str, now: float) -> None:
        """One of the others has said something, whatever it was."""
        self._attendance.heard(sender, now)

    def hear(self, sender: str, said: States, now: float) -> None:
        """One of the others says how its breakers are."""
        known = self._known.get(sender)
        if known is not None and known.said.number >= said.number:
            return
        self._known[sender] = _Known(said, _since(known, said, now))

    def look(self, others: Collection[str], now: float) -> None:
        """Those are the others that live now; tell them how it is here."""
        self._attendance.look(others, now)
        for gone in [name for name in self._known if name not in {_MYSELF, *others}]:
            del self._known[gone]
        if others:
            self.tell()

    # -- what is known -----------------------------------------------------------------------------

    def members(self) -> list[Member]:
        """Those that live, by name: in one order, whoever is asked."""
        silent_since = self._attendance.silent_since
        found = [Member(called(name), silent_since(name)) for name in self._members()]
        return sorted(found, key=lambda each: each.name)

    def states_of(self, breaker: CircuitBreaker) -> Sequence[MemberState]:
        """How it is in each process, by name."""
        members = self._members()
        if not members:
            return ()
        here = replace(self._state_of(breaker.name, _MYSELF), state=breaker.state)
        others = (self._state_of(breaker.name, other) for other in members[1:])
        return sorted((replace(here, member=called(members[0])), *others), key=_name_of)

    def _state_of(self, breaker: str, member: str) -> MemberState:
        known = self._known.get(member)
        is_silent = self._attendance.silent_since(member) is not None
        if known is None:
            return MemberState(called(member), None, is_silent, 0.0)
        return MemberState(
            called(member), known.said.of(breaker), is_silent, known.since.get(breaker, 0.0)
        )


def _name_of(found: MemberState) -> str:
    return found.member
