"""Processes of a host open, probe and close as one."""

import signal
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from medianest.peers.host import HostPeers
from medianest.resilience import Registry
from tests.integration.peers.process import Crowd
from tests.support.waiting import wait_until

PLEX: dict[str, Any] = {"failure_threshold": 3, "counting": "consecutive", "half_open_max_calls": 2}


@pytest.mark.few  # who waits for the processor hears of others later
def test_what_is_down_is_called_as_often_as_by_one(tmp_path: Path) -> None:
    with Crowd(4, tmp_path / "peers", **PLEX) as crowd:
        wait_until(lambda: crowd.ask("members") == ["4"] * 4)
        assert crowd.ask("call", "good") == ["done"] * 4
        answers = [
            process.do("call", "fail") for process, _ in zip(cycle(crowd.processes), range(40))
        ]
        assert crowd.ask("state") == ["open"] * 4
        assert answers.count("failed") <= 3 + 2


def test_one_that_fails_alone_opens_alone(tmp_path: Path) -> None:
    with Crowd(4, tmp_path / "peers", **PLEX) as crowd:
        wait_until(lambda: crowd.ask("members") == ["4"] * 4)
        bad, *others = crowd.processes
        for _ in range(20):
            for process in others:
                assert process.do("call", "good") == "done"
            bad.do("call", "fail")
        assert crowd.ask("state") == ["open", "closed", "closed", "closed"]


def test_both_holders_of_probes_are_killed(tmp_path: Path) -> None:
    options = {**PLEX, "reset_timeout": 0.3, "jitter": 0.0, "half_open_timeout": 30.0}
    with Crowd(4, tmp_path / "peers", **options) as crowd:
        wait_until(lambda: crowd.ask("members") == ["4"] * 4)
        for process, _ in zip(cycle(crowd.processes), range(8)):
            process.do("call", "fail")
        wait_until(lambda: crowd.ask("state") == ["open"] * 4)
        first, second, *others = crowd.processes
        wait_until(lambda: first.do("probe") == "done")
        assert second.do("probe") == "done"
        assert [process.do("probe") for process in others] == ["refused"] * 2
        for holder in (first, second):
            holder.kill(signal.SIGKILL)
        wait_until(lambda: others[0].do("call", "good") == "done")
        wait_until(lambda: others[1].do("call", "good") == "done")
        wait_until(lambda: [process.do("state") for process in others] == ["closed"] * 2)


def test_one_that_stands_still_holds_nobody_up(tmp_path: Path) -> None:
    with Crowd(4, tmp_path / "peers", **PLEX) as crowd:
        wait_until(lambda: crowd.ask("members") == ["4"] * 4)
        still, *others = crowd.processes
        still.kill(signal.SIGSTOP)
        for process, _ in zip(cycle(others), range(12)):
            process.do("call", "fail")
        wait_until(lambda: [process.do("state") for process in others] == ["open"] * 3)
        still.kill(signal.SIGCONT)
        wait_until(lambda: still.do("state") == "open")


def test_one_that_is_forked_is_one_of_its_own(tmp_path: Path) -> None:
    with Crowd(2, tmp_path / "peers", **PLEX) as crowd:
        wait_until(lambda: crowd.ask("members") == ["2"] * 2)
        assert crowd.processes[0].do("fork") == "3"
        wait_until(lambda: crowd.ask("members") == ["2"] * 2)


def test_the_places_of_a_bulkhead_are_of_all(tmp_path: Path) -> None:
    with Crowd(2, tmp_path / "peers", **PLEX) as crowd:
        wait_until(lambda: crowd.ask("members") == ["2"] * 2)
        one, two = crowd.processes
        assert [one.do("enter"), one.do("fork_and_enter"), two.do("enter")] == ["done"] * 3
        assert [one.do("enter"), one.do("fork_and_enter"), two.do("enter")] == ["full"] * 3
        one.kill(signal.SIGSTOP)
        assert two.do("enter") == "full"
        one.kill(signal.SIGKILL)
        wait_until(lambda: two.do("enter") == "done")
        assert two.do("enter") == "full"


def test_a_folder_that_cannot_be_shared_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    peers = HostPeers(Registry(), tmp_path / ("long" * 40))
    peers.start()
    peers.stop()
    assert "longer than the 107 bytes" in (peers.problem or "")
    assert len(caplog.messages) == 1
