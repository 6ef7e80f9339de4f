"""What a row keeps of how its operation went."""

from typing import Any

import pytest

from medianest.queue.settlement import Settlement
from tests.queue.making import NOW, at, lease

OVER = {"occupies": 0, "in_doubt_since": None, "first_sent_at": None, "absent_since": None}
NOTHING_TOLD = {"error_type": None, "error_message": None}
TOLD = {"error_type": "ValueError", "error_message": "wrong"}
ERROR = ValueError("wrong")


def test_one_that_is_done() -> None:
    its = lease()
    settlement = Settlement.done(its, {"number": 7}, NOW)
    assert settlement.lease is its
    assert settlement.values == {
        "state": "done",
        "due": 0,
        "run_at": NOW,
        "finished_at": NOW,
        "result": {"number": 7},
        **NOTHING_TOLD,
        **OVER,
    }


def test_one_that_is_dead() -> None:
    settlement = Settlement.dead(lease(failures=2), NOW, ERROR)
    ended = {"state": "dead", "due": 0, "run_at": NOW, "finished_at": NOW, "failures": 3}
    assert settlement.values == {**ended, **TOLD, **OVER}


def test_a_dead_one_that_may_have_been_done_now() -> None:
    values = Settlement.dead(lease(), NOW, ERROR, in_doubt=True).values
    assert (values["occupies"], values["in_doubt_since"]) == (1, NOW)
    assert (values["first_sent_at"], values["absent_since"]) == (at(-1), None)


def test_a_dead_one_that_may_have_been_done_before() -> None:
    values = Settlement.dead(lease(), NOW, ERROR, in_doubt=True, sent=False).values
    assert (values["occupies"], values["absent_since"]) == (1, None)
    assert not {"in_doubt_since", "first_sent_at"} & values.keys()  # they stay as they are


@pytest.mark.parametrize("damage", [None, "its row cannot be read: payload"])
def test_one_that_cannot_be_read(damage: Any) -> None:
    values = Settlement.damaged(lease(damage=damage), NOW).values
    assert values == {
        "state": "dead",
        "due": 0,
        "run_at": NOW,
        "finished_at": NOW,
        "error_type": "PayloadError",
        "error_message": damage or "its row cannot be read",
        "occupies": 0,
    }


@pytest.mark.parametrize(("delay", "due"), [(0, 1), (5, 0), (-1, 1), (0.5, 0)])
def test_one_that_is_tried_later(delay: Any, due: Any) -> None:
    values = Settlement.later(lease(), NOW, delay, ERROR).values
    assert values == {"state": "pending", "due": due, "run_at": at(delay), **TOLD, **OVER}


def test_one_that_nobody_found_fault_with() -> None:
    assert Settlement.later(lease(), NOW, 5, None).values.items() >= NOTHING_TOLD.items()


@pytest.mark.parametrize(("before", "since"), [(None, NOW), (at(-50), at(-50))])
def test_one_that_failed_by_itself_knows_since_when(before: Any, since: Any) -> None:
    its = lease(failures=1, failing_since=before)
    later = Settlement.later(its, NOW, 5, ERROR, own=True).values
    looked = Settlement.still_in_doubt(its, NOW, 5, absent_since=None, own=True).values
    for values in (later, looked):
        assert (values["failures"], values["failing_since"]) == (2, since)


@pytest.mark.parametrize(
    ("before", "first"),
    [
        ({}, at(-1)),
        ({"in_doubt_since": at(-20), "first_sent_at": at(-30)}, at(-30)),
        ({"in_doubt_since": at(-20), "first_sent_at": None}, at(-1)),
        (
            {"in_doubt_since": at(-20), "first_sent_at": at(-30), "absent_since": at(-10)},
            at(-1),
        ),
        ({"first_sent_at": at(-30)}, at(-1)),
    ],
    ids=["first", "again", "unknown", "proven-absent", "no-doubt"],
)
def test_what_is_in_doubt_was_sent_when_the_first_attempt_in_doubt_was(
    before: Any, first: Any
) -> None:
    values = Settlement.later(lease(**before), NOW, 5, ERROR, in_doubt=True).values
    doubt = {"occupies": 1, "in_doubt_since": NOW, "absent_since": None, "first_sent_at": first}
    assert values.items() >= doubt.items()


def test_what_was_looked_for_and_is_not_proven_yet() -> None:
    values = Settlement.still_in_doubt(lease(), NOW, 5, absent_since=at(-10)).values
    waiting = {"state": "pending", "due": 0, "run_at": at(5)}
    assert values == {**waiting, "occupies": 1, "absent_since": at(-10)}
    failed = Settlement.still_in_doubt(lease(), NOW, 5, absent_since=None, error=ERROR).values
    assert failed == {**waiting, "occupies": 1, "absent_since": None, **TOLD}


@pytest.mark.parametrize(("in_doubt_since", "occupies"), [(None, 0), (at(-20), 1)])
def test_one_that_nobody_tried_is_due_at_once(in_doubt_since: Any, occupies: Any) -> None:
    values = Settlement.untried(lease(attempts=3, in_doubt_since=in_doubt_since), NOW).values
    waiting = {"state": "pending", "due": 1, "run_at": NOW}
    assert values == {**waiting, "attempts": 2, "occupies": occupies}


def test_the_name_of_an_error_has_a_bound() -> None:
    error = type("E" * 200, (Exception,), {})()
    assert Settlement.later(lease(), NOW, 5, error).values["error_type"] == "E" * 100
