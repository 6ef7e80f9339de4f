"""Rehearsals: the actions run for real, and nothing of it counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from blinker import Signal

from medianest.resilience import RETRY_OPERATION, ErrorRecoveryManager
from medianest.resilience.events import recovery_finished
from tests.resilience.recovering import CONTEXT, broken


def test_a_rehearsal_runs_the_actions_for_real_and_is_kept_apart(
    manager: ErrorRecoveryManager,
    act: Callable[..., list[Any]],
    heard: Callable[[Signal], list[Any]],
) -> None:
    events = heard(recovery_finished)
    runs = act("a", 1, "answer")
    record = manager.rehearse(TimeoutError("x"), CONTEXT)
    assert (record.outcome, record.recovered_by, len(runs)) == ("recovered", "a", 1)
    assert runs[0][1].rehearsal
    assert manager.history.rehearsals() == [record]
    assert (manager.history.records(), manager.history.statistics(), events) == ([], {}, [])


def test_rehearsals_of_a_repair_never_put_it_to_rest(
    manager: ErrorRecoveryManager, act: Callable[..., list[Any]]
) -> None:
    """Keeps out: an operator rehearses in an outage, and then nothing repairs what is broken."""
    runs = act("repair", 2, RuntimeError("still down"), max_attempts=2, suspend_for=60)
    for _ in range(3):
        assert manager.rehearse(TimeoutError("x"), CONTEXT).outcome == "failed"
    with pytest.raises(ConnectionError):
        manager.with_recovery(broken, CONTEXT)
    assert len(runs) == 4


def test_a_rehearsed_repair_counts_as_help(
    manager: ErrorRecoveryManager, act: Callable[..., list[Any]]
) -> None:
    act("repair", 1, RETRY_OPERATION)
    record = manager.rehearse(TimeoutError("x"), CONTEXT)
    assert (record.recovered_by, record.attempts) == ("repair", 2)


def test_what_acts_for_good_has_a_rehearsal_of_its_own(
    manager: ErrorRecoveryManager, act: Callable[..., list[Any]]
) -> None:
    runs = act("order", 1, "ordered", rehearse=lambda error, context: "would be ordered")
    assert manager.rehearse(TimeoutError("x"), CONTEXT).recovered_by == "order"
    assert runs == []
