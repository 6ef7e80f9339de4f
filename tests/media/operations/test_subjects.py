"""One library that is broken, and what it costs the others.

Keeps out: pages of a library that was never broken, refused for what another one answers.
"""

import weakref
from collections.abc import Callable
from typing import Any

import pytest

from medianest.media.errors import InvalidAnswerError, SlowError, UnavailableError, UpstreamError
from medianest.media.plex.service import Plex
from medianest.media.subjects import Subjects
from medianest.resilience import CircuitOpenError, ManualClock, ResilienceService, State
from medianest.sandbox import SandboxProcess

ERROR: dict[str, Any] = {"kind": "status", "status": 500}
DAY = 86400.0


@pytest.fixture
def state(service: ResilienceService) -> Callable[..., Any]:
    return lambda name="items": service.registry.breaker(f"plex-media-server.{name}").state


def fail(question: Callable[..., Any], times: int = 3) -> None:
    for _ in range(times):
        with pytest.raises(UpstreamError):
            question()


def break_library(plex_sandbox: SandboxProcess, key: str, **fault: Any) -> None:
    plex_sandbox.fault(**(fault or ERROR), path=f"/library/sections/{key}/")


def fail_both(plex: Plex, plex_sandbox: SandboxProcess) -> None:
    plex.items("2", 9, 5)
    plex_sandbox.fault(**ERROR)
    fail(lambda: plex.items("1", 0, 5), 1)
    fail(lambda: plex.items("2", 0, 5))


@pytest.mark.parametrize("fault", [ERROR, {"kind": "status", "status": 429}, {"kind": "garbage"}])
def test_one_broken_library_costs_no_other(
    plex: Plex, plex_sandbox: SandboxProcess, state: Callable[..., Any], fault: dict[str, Any]
) -> None:
    break_library(plex_sandbox, "1", **fault)
    for page in range(8):
        assert not plex.items("2", page, 5).degraded
        fail(lambda page=page: plex.items("1", page, 5))
    assert state() is State.CLOSED


def test_also_where_calls_are_tried_again(
    make: Callable[..., Plex], plex_sandbox: SandboxProcess, state: Callable[..., Any]
) -> None:
    plex = make(max_attempts=3)
    break_library(plex_sandbox, "1")
    assert not plex.items("2", 0, 5).degraded
    for page in range(8):
        fail(lambda page=page: plex.items("1", page, 5), 1)
        assert not plex.items("2", page, 5).degraded
    assert state() is State.CLOSED


def test_errors_that_the_settings_name_are_told_apart_the_same(
    make: Callable[..., Plex], plex_sandbox: SandboxProcess, state: Callable[..., Any]
) -> None:
    plex = make(expected_errors=("5xx", "timeout"))
    break_library(plex_sandbox, "1")
    plex.items("2", 0, 5)
    fail(lambda: plex.items("1", 0, 5), 5)
    assert state() is State.CLOSED


def test_two_broken_libraries_are_the_operation(
    plex: Plex, plex_sandbox: SandboxProcess, state: Callable[..., Any]
) -> None:
    plex.items("3", 0, 5)
    for key in ("1", "2"):
        break_library(plex_sandbox, key)
    fail(lambda: plex.items("1", 0, 5), 5)
    assert state() is State.CLOSED
    fail(lambda: plex.items("2", 0, 5), 3)
    assert state() is State.OPEN
    with pytest.raises(CircuitOpenError):
        plex.items("1", 0, 5)


def test_what_failed_before_anything_was_answered_well_is_forgotten(
    plex: Plex, plex_sandbox: SandboxProcess, state: Callable[..., Any]
) -> None:
    for key in ("1", "2"):
        break_library(plex_sandbox, key)
    for _ in range(5):
        fail(lambda: plex.items("1", 0, 5), 1)
        plex.items("3", 0, 5)
        fail(lambda: plex.items("2", 0, 5), 1)
        plex.items("3", 0, 5)
    assert state() is State.CLOSED


def test_the_only_library_that_is_asked_about_is_the_operation(
    plex: Plex, plex_sandbox: SandboxProcess, state: Callable[..., Any]
) -> None:
    break_library(plex_sandbox, "1")
    for page in range(3):
        fail(lambda page=page: plex.items("1", page, 5), 1)
    assert state() is State.OPEN


def test_what_the_only_one_was_cut_off_for_is_open_for_the_next(
    plex: Plex, plex_sandbox: SandboxProcess, state: Callable[..., Any]
) -> None:
    """Keeps out: a start with the broken library, which costs the others the first seconds."""
    break_library(plex_sandbox, "1")
    fail(lambda: plex.items("1", 0, 5))
    assert not plex.items("2", 0, 5).degraded
    fail(lambda: plex.items("1", 0, 5))
    assert not plex.items("2", 5, 5).degraded
    assert state() is State.CLOSED


def test_an_operator_who_opened_it_is_obeyed(
    plex: Plex, plex_sandbox: SandboxProcess, service: ResilienceService
) -> None:
    break_library(plex_sandbox, "1")
    fail(lambda: plex.items("1", 0, 5), 1)
    service.registry.breaker("plex-media-server.items").open("moving house")
    with pytest.raises(CircuitOpenError):
        plex.items("2", 0, 5)


def test_after_an_outage_one_that_is_still_broken_holds_up_no_other(
    plex: Plex, plex_sandbox: SandboxProcess, state: Callable[..., Any], clock: ManualClock
) -> None:
    fail_both(plex, plex_sandbox)
    assert state() is State.OPEN
    plex_sandbox.clear_faults()
    break_library(plex_sandbox, "1")
    clock.advance(12)
    fail(lambda: plex.items("1", 0, 5), 4)
    for page in range(3):
        assert not plex.items("2", page, 5).degraded
    assert state() is State.CLOSED


def test_an_outage_that_lasts_opens_it_again(
    plex: Plex, plex_sandbox: SandboxProcess, state: Callable[..., Any], clock: ManualClock
) -> None:
    fail_both(plex, plex_sandbox)
    clock.advance(12)
    fail(lambda: plex.items("1", 0, 5), 1)
    fail(lambda: plex.items("2", 0, 5), 1)
    assert state() is State.OPEN


def test_a_library_that_nobody_asks_about_any_more_does_not_count(
    plex: Plex, plex_sandbox: SandboxProcess, state: Callable[..., Any], clock: ManualClock
) -> None:
    plex.items("2", 0, 5)
    plex_sandbox.fault(**ERROR)
    clock.advance(DAY - 1)
    fail(lambda: plex.items("1", 0, 5))
    assert state() is State.CLOSED
    clock.advance(2)
    fail(lambda: plex.items("1", 0, 5))
    assert state() is State.OPEN


def test_what_breaks_off_counts_for_one_library_too(
    make: Callable[..., Plex], plex_sandbox: SandboxProcess, state: Callable[..., Any]
) -> None:
    plex = make(timeout=0.1)
    plex.items("2", 0, 5)
    break_library(plex_sandbox, "1", kind="hang")
    for _ in range(3):
        with pytest.raises(SlowError):
            plex.items("1", 0, 5)
    assert state() is State.OPEN


def test_how_much_is_wanted_makes_no_other_question(
    plex: Plex, plex_sandbox: SandboxProcess, state: Callable[..., Any]
) -> None:
    plex_sandbox.fault(**ERROR)
    for limit in (5, 6, 7):
        fail(lambda limit=limit: plex.recently_added(limit), 1)
    assert state("recently_added") is State.OPEN


def test_words_that_plex_cannot_search_for_cost_no_others(
    plex: Plex, plex_sandbox: SandboxProcess, state: Callable[..., Any]
) -> None:
    plex.search("alba")
    plex_sandbox.fault(**ERROR, times=5)
    fail(lambda: plex.search("%"), 5)
    plex.search("alba")
    assert state("search") is State.CLOSED


class Subject:
    """One of which can be seen whether it is remembered."""


def test_a_flood_of_subjects_is_not_remembered(clock: ManualClock) -> None:
    error = UnavailableError("plex", "it answered 500", 500)
    subjects = Subjects((UpstreamError,), clock)
    remembered: weakref.WeakSet[Subject] = weakref.WeakSet()
    for _ in range(1000):
        subject = Subject()
        remembered.add(subject)
        subjects.ask(subject)
        subjects.fail(subject, error, 0)
    del subject
    assert len(remembered) == 4
    assert not subjects.is_of_one(error)
    subjects.well()
    assert subjects.is_of_one(InvalidAnswerError("plex", "garbage"))
