"""After an outage the app asks by itself, what was asked before, and one question at a time."""

from collections.abc import Callable

import pytest

from medianest.media.plex.service import Plex
from medianest.resilience import ManualClock, ResilienceService, State
from medianest.sandbox import SandboxProcess
from tests.media.operations.failing import LIBRARY, fail, state
from tests.support.waiting import wait_until


def test_nobody_has_to_be_the_first_after_an_outage(
    plex: Plex, plex_sandbox: SandboxProcess, service: ResilienceService, clock: ManualClock
) -> None:
    fresh = plex.libraries()
    plex_sandbox.fault("status", status=500, **LIBRARY)
    for _ in range(3):
        assert plex.libraries().degraded
    plex.probe()
    assert state(service, "plex-media-server.libraries") is State.OPEN  # its wait is not over
    plex_sandbox.clear_faults()
    plex_sandbox.reset_requests()
    clock.advance(12)
    plex.probe()
    assert state(service, "plex-media-server.libraries") is State.CLOSED
    assert plex_sandbox.requests()["by_path"] == {"/library/sections": 3}
    plex_sandbox.fault("status", status=500, **LIBRARY)
    assert plex.libraries().age == 0
    assert plex.libraries().value == fresh.value


def test_a_server_that_was_away_is_found_by_what_was_asked(
    plex: Plex, plex_sandbox: SandboxProcess, service: ResilienceService, clock: ManualClock
) -> None:
    plex.search("a")
    plex_sandbox.kill()
    try:
        fail(lambda: plex.search("a"))
        assert state(service) is State.OPEN
    finally:
        plex_sandbox.restart()
    clock.advance(12)
    plex.probe()
    assert state(service) is State.CLOSED


def test_while_all_is_well_or_cut_off_by_an_operator_nothing_is_asked(
    plex: Plex, plex_sandbox: SandboxProcess, service: ResilienceService, clock: ManualClock
) -> None:
    plex.libraries()
    plex_sandbox.reset_requests()
    plex.probe()
    service.registry.breaker("plex-media-server").open("moving house")
    clock.advance(60)
    plex.probe()
    assert plex_sandbox.requests()["total"] == 0


def test_what_nobody_has_asked_for_a_day_is_not_asked(
    plex: Plex, plex_sandbox: SandboxProcess, service: ResilienceService, clock: ManualClock
) -> None:
    plex_sandbox.fault("status", status=500, **LIBRARY)
    fail(plex.libraries)
    plex_sandbox.clear_faults()
    plex_sandbox.reset_requests()
    clock.advance(86401)
    plex.probe()
    assert plex_sandbox.requests()["total"] == 0


def test_a_probe_asks_what_was_answered_and_not_what_is_gone(
    plex: Plex, plex_sandbox: SandboxProcess, service: ResilienceService, clock: ManualClock
) -> None:
    """Keeps out: a question that is answered 404 for ever, and closes nothing."""
    plex.items("1", 0, 2)
    plex_sandbox.fault("status", status=500)
    fail(lambda: plex.items("2", 0, 2), 1)
    fail(lambda: plex.items("3", 0, 2), 3)
    plex_sandbox.clear_faults()
    assert state(service, "plex-media-server.items") is State.OPEN
    clock.advance(12)
    plex_sandbox.reset_requests()
    plex.probe()
    assert state(service, "plex-media-server.items") is State.CLOSED
    assert plex_sandbox.requests()["by_path"] == {"/library/sections/1/all": 3}


def test_a_probe_that_hangs_holds_nobody_up(
    make: Callable[..., Plex],
    plex_sandbox: SandboxProcess,
    service: ResilienceService,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("medianest.media.operations._PROBE_SECONDS", 0.02)
    plex = make()
    plex.libraries()
    plex_sandbox.fault("status", status=500, **LIBRARY)
    for _ in range(3):
        plex.libraries()
    clock.advance(12)
    plex_sandbox.clear_faults()
    plex_sandbox.fault("hang", **LIBRARY)
    plex_sandbox.reset_requests()
    for _ in range(5):
        plex.probe()
    assert plex_sandbox.requests()["by_path"] == {"/library/sections": 1}
    plex_sandbox.clear_faults()
    wait_until(
        lambda: (plex.probe(), state(service, "plex-media-server.libraries"))[1] is State.CLOSED
    )


def test_a_failed_probe_opens_again_and_is_one_question(
    plex: Plex, plex_sandbox: SandboxProcess, service: ResilienceService, clock: ManualClock
) -> None:
    plex_sandbox.fault("status", status=500, **LIBRARY)
    fail(plex.libraries)
    plex_sandbox.reset_requests()
    clock.advance(12)
    for _ in range(3):
        plex.probe()
    assert plex_sandbox.requests()["by_path"] == {"/library/sections": 1}
    assert state(service, "plex-media-server.libraries") is State.OPEN
