"""The state of a breaker is text to all who read it."""

from __future__ import annotations

import copy
import json
import pickle

from medianest.resilience import CircuitBreaker, State


def test_a_state_compares_with_its_text() -> None:
    assert CircuitBreaker("plex").state == "closed"
    assert State.HALF_OPEN != "open"
    assert {"forced_open": 1}[State.FORCED_OPEN] == 1


def test_a_state_is_written_as_its_text() -> None:
    """Keeps out: "State.OPEN" in logs, and a TypeError from json.dumps."""
    assert f"{State.OPEN} {State.OPEN!s:>5}" == "open  open"
    assert json.dumps({State.OPEN: [State.OPEN]}) == '{"open": ["open"]}'
    assert "-".join(State) == "closed-open-half_open-forced_open-disabled"


def test_a_state_is_still_one_of_the_known_ones() -> None:
    assert State("open") is State.OPEN
    assert copy.deepcopy(State.OPEN) is pickle.loads(pickle.dumps(State.OPEN)) is State.OPEN
