"""An operator's word outlives the process, and only an operator or its expiry ends it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from blinker import Signal

from medianest.overrides.file import OverrideFile
from medianest.overrides.keeper import OverrideKeeper
from medianest.overrides.override import Kept
from medianest.peers import HostPeers
from medianest.resilience import CircuitBreaker, Registry, default_registry
from medianest.resilience.events import state_changed
from tests.overrides.clocks import HOUR, SettableClock
from tests.overrides.conftest import Process
from tests.support.narrowing import not_none


@pytest.mark.parametrize(("action", "state"), [("open", "forced_open"), ("disable", "disabled")])
def test_what_lasts_is_obeyed_by_the_next_process(
    start: Callable[..., Process], clock: SettableClock, action: Any, state: str
) -> None:
    """Keeps out: closed after SIGKILL, while the audit says open."""
    start().keeper.act("plex", action, reason="moving", actor="kim", expires_in=HOUR)
    clock.advance(600)
    seen = start().plex.snapshot()
    assert (seen.state.value, seen.reason, seen.actor) == (state, "moving", "kim")
    assert (not_none(seen.expires_at) - clock.utc()).total_seconds() == pytest.approx(3_000)
    clock.advance(3_001)
    assert start().state == "closed"


def test_without_an_expiry_it_lasts_for_ever(
    start: Callable[..., Process], clock: SettableClock
) -> None:
    start().keeper.act("plex", "open")
    clock.advance(400 * 86_400)
    process = start()
    assert (process.state, process.plex.snapshot().expires_at) == ("forced_open", None)


@pytest.mark.parametrize("action", ["close", "reset", "enable"])
def test_what_an_operator_ended_does_not_come_back(
    start: Callable[..., Process], action: Any
) -> None:
    first = start()
    first.keeper.act("plex", "open")
    first.keeper.act("plex", action)
    assert (first.state, start().state) == ("closed", "closed")
    assert first.keeper.active() == []


def test_what_settings_disable_is_not_enabled_by_what_an_operator_once_ended(
    start: Callable[..., Process], clock: SettableClock
) -> None:
    first = start()
    first.keeper.act("plex", "open")
    first.keeper.act("plex", "enable")
    clock.advance(1)
    second = start()
    second.plex.disable("disabled by the settings")
    second.keeper.follow()
    assert second.state == "disabled"


def test_other_workers_obey_when_they_look(start: Callable[..., Process]) -> None:
    one, two = start(), start()
    one.keeper.act("plex", "open", reason="moving")
    two.keeper.follow()
    assert (two.state, two.plex.snapshot().reason) == ("forced_open", "moving")
    two.keeper.act("plex", "enable")
    one.keeper.follow()
    assert one.state == "closed"


def test_other_workers_close_what_opened_by_itself(start: Callable[..., Process]) -> None:
    one, two = start(), start()
    for _ in range(5):
        two.plex.acquire().failure(ConnectionError())
    assert two.state == "open"
    one.keeper.act("plex", "close")
    two.keeper.follow()
    assert two.state == "closed"


def test_the_last_word_counts_whoever_looks_when(start: Callable[..., Process]) -> None:
    one, two, three = start(), start(), start()
    one.keeper.act("plex", "open")
    two.keeper.act("plex", "disable")
    one.keeper.act("plex", "open", reason="last")
    for process in (one, two, three, start()):
        process.keeper.follow()
        assert (process.state, process.plex.snapshot().reason) == ("forced_open", "last")


def test_words_on_two_breakers_from_two_workers_are_both_kept(
    start: Callable[..., Process],
) -> None:
    one, two = start(), start()
    for process in (one, two):
        process.registry.breaker("overseerr")
    one.keeper.act("plex", "open")
    two.keeper.act("overseerr", "disable")
    found = [each.breaker for each in start().keeper.active()]
    assert found == ["overseerr", "plex"]


def test_a_look_that_finds_nothing_new_changes_nothing(
    start: Callable[..., Process], heard: Callable[[Signal], list[Any]]
) -> None:
    process = start()
    process.keeper.act("plex", "open")
    changes = heard(state_changed)
    for _ in range(3):
        process.keeper.follow()
    assert changes == []


def test_a_breaker_that_is_made_later_obeys_from_its_first_call(
    start: Callable[..., Process],
) -> None:
    first = start()
    first.registry.breaker("later")
    first.keeper.act("later", "open")
    second = start()
    assert second.registry.breaker("later").state.value == "forced_open"
    third = start()
    assert third.registry.add_breaker(CircuitBreaker("later")).state.value == "forced_open"


def test_one_that_takes_the_place_of_another_obeys_too(start: Callable[..., Process]) -> None:
    process = start()
    process.keeper.act("plex", "open")
    process.registry.add_breaker(made := CircuitBreaker("plex"), replaces=lambda taken: True)
    assert made.state.value == "forced_open"


def test_other_registries_of_the_process_have_breakers_of_their_own(
    start: Callable[..., Process], heard: Callable[[Signal], list[Any]]
) -> None:
    process = start()
    process.keeper.act("plex", "open")
    changes = heard(state_changed)
    other = default_registry.__class__().breaker("plex")
    assert (other.state.value, changes) == ("closed", [])


def test_of_a_service_that_is_gone_it_is_listed_and_expires(
    start: Callable[..., Process], clock: SettableClock
) -> None:
    first = start()
    first.registry.breaker("gone")
    first.keeper.act("gone", "open", expires_in=HOUR)
    second = start()
    assert [each.breaker for each in second.keeper.active()] == ["gone"]
    clock.advance(HOUR)
    second.keeper.follow()
    assert second.keeper.active() == []


def test_and_an_operator_can_end_it(start: Callable[..., Process]) -> None:
    first = start()
    first.registry.breaker("gone")
    first.keeper.act("gone", "open")
    second = start()
    second.keeper.act("gone", "enable")
    assert second.keeper.active() == []
    assert start().registry.breaker("gone").state.value == "closed"


def test_a_file_that_was_removed_or_cut_while_running_is_written_again(
    start: Callable[..., Process], path: Path
) -> None:
    process = start()
    process.keeper.act("plex", "open")
    whole = path.read_text()
    for damage in (path.unlink, lambda: path.write_text(whole[:40])):
        damage()
        process.keeper.follow()
        assert path.read_text() == whole
    assert process.state == "forced_open"


def test_a_damaged_file_stops_no_start_and_no_operator(
    start: Callable[..., Process], path: Path
) -> None:
    path.write_bytes(b"\0" * 4096)
    process = start()
    assert process.state == "closed"
    assert process.keeper.act("plex", "open").file
    assert start().state == "forced_open"


def test_what_cannot_be_kept_is_obeyed_told_and_tried_again(
    start: Callable[..., Process], path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    process = start()
    draft = path.with_name("overrides.json.lock")
    draft.mkdir()  # even root cannot write to it
    kept = process.keeper.act("plex", "open")
    assert kept == Kept(False, False, f"{path}: Is a directory")
    assert process.state == "forced_open"
    process.keeper.follow()
    assert caplog.text.count("are not kept") == 1
    draft.rmdir()
    process.keeper.follow()
    assert process.keeper.problem is None
    assert start().state == "forced_open"


def test_a_file_of_a_newer_version_is_no_trouble_for_the_breakers(
    start: Callable[..., Process], path: Path
) -> None:
    path.write_text('{"version": 2}\n')
    process = start()
    kept = process.keeper.act("plex", "open")
    assert (kept.file, process.state) == (False, "forced_open")
    assert "newer version" in not_none(kept.problem)
    assert path.read_text() == '{"version": 2}\n'


# -- the database ------------------------------------------------------------------------------


# -- the clock ---------------------------------------------------------------------------------


def test_what_is_not_in_the_file_no_other_worker_obeys(tmp_path: Path) -> None:
    """Keeps out: "2 of 2 workers obey", where the file could not be written."""
    peers, keepers = [], []
    for _ in range(2):
        registry = Registry()
        registry.breaker("plex")
        peers.append(HostPeers(registry, tmp_path / "peers"))
        keepers.append(
            OverrideKeeper(
                registry, OverrideFile(tmp_path / "o.json", registry.clock), peers=peers[-1]
            )
        )
        peers[-1].start()
    try:
        assert not_none(keepers[0].act("plex", "open").reached).silent == ()
        (tmp_path / "o.json").unlink()
        (tmp_path / "o.json").mkdir()
        kept = keepers[0].act("plex", "disable")
    finally:
        for each in peers:
            each.stop()
    reached = not_none(kept.reached)
    assert kept.problem is not None
    assert (reached.processes, reached.of, len(reached.silent)) == (1, 2, 1)
