"""Which process of a host holds the connection, when it looks, and how it comes back."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest

from medianest.cluster.link import HostLink
from medianest.cluster.tier import TierError
from medianest.overrides.keeper import OverrideKeeper
from medianest.overrides.memory import OverrideMemory
from medianest.peers.host import HostPeers
from medianest.resilience import ManualClock, Registry
from tests.cluster.memory import MemoryTier, Place
from tests.support.waiting import wait_until


class Process:
    """One of a host, by the real clock."""

    def __init__(self, place: Place) -> None:
        self.registry = Registry()
        self.plex = self.registry.breaker("plex")
        self.keeper = OverrideKeeper(self.registry, OverrideMemory())
        self.tier, self.is_elected = MemoryTier(place), True
        peers = HostPeers(self.registry, Path("/nowhere"))  # alone on its host
        self.link = HostLink(
            self.tier,
            self.keeper,
            self.registry,
            lambda: self.is_elected,
            peers.breakers,
            lambda: "a host",
        )

    @property
    def state(self) -> str:
        return self.plex.state.value


@pytest.fixture
def start(place: Place) -> Iterator[Callable[[], Process]]:
    made: list[Process] = []

    def start_one() -> Process:
        made.append(Process(place))
        made[-1].link.look()
        return made[-1]

    yield start_one
    for process in made:
        process.link.stop()


def test_a_word_is_heard_at_once(start: Callable[[], Process]) -> None:
    one, two = start(), start()
    wait_until(lambda: one.link.standing.connected and two.link.standing.connected)
    for action, state in (("open", "forced_open"), ("enable", "closed")):
        looks = two.link.standing.looks
        one.keeper.act("plex", action)  # type: ignore[arg-type]
        wait_until(lambda state=state: two.state == state, 0.9)  # type: ignore[misc]
        assert two.link.standing.looks > looks


def test_what_nobody_was_woken_for_is_seen_within_a_second(
    start: Callable[[], Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = start(), start()
    wait_until(lambda: one.link.standing.connected and two.link.standing.connected)
    monkeypatch.setattr(one.tier, "wake", lambda: None)
    one.keeper.act("plex", "open")
    wait_until(lambda: two.state == "forced_open", 1.5)


def test_who_is_woken_while_it_looks_looks_again_at_once(
    start: Callable[[], Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keeps out: news that came with the answer to a question, and was seen a second later."""
    one = start()
    wait_until(lambda: one.link.standing.connected)
    looked: list[float] = []
    read = one.tier.read

    def woken_meanwhile() -> Mapping[str, bytes]:
        looked.append(time.monotonic())
        return read()

    with monkeypatch.context() as patched:
        patched.setattr(one.tier, "is_woken", lambda: len(looked) == 1)
        patched.setattr(one.tier, "read", woken_meanwhile)
        wait_until(lambda: len(looked) >= 2)
    assert looked[1] - looked[0] < 0.5


def test_only_the_elected_one_holds_it_and_the_next_takes_over(
    start: Callable[[], Process],
) -> None:
    one = start()
    wait_until(lambda: one.link.standing.connected)
    one.is_elected = False
    one.link.look()
    assert one.tier.calls[-1] == "close"
    assert (one.link.standing.is_held, one.link.standing.connected) == (False, False)
    calls = len(one.tier.calls)
    one.keeper.act("plex", "open")
    one.is_elected = True
    assert len(one.tier.calls) == calls
    one.link.look()
    two = start()
    wait_until(lambda: two.state == "forced_open")


def test_lost_it_goes_on_alone_says_so_once_and_comes_back(
    start: Callable[[], Process], place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    one, two = start(), start()
    wait_until(lambda: one.link.standing.connected and two.link.standing.connected)
    place.is_away = True
    wait_until(lambda: not (one.link.standing.connected or two.link.standing.connected))
    lost = one.link.standing
    assert (lost.problem, lost.losses, lost.lost_since is None) == ("it is away", 1, False)
    one.keeper.act("plex", "open")
    assert (one.state, two.state) == ("forced_open", "closed")
    wait_until(lambda: one.tier.calls.count("connect") > 4)
    place.is_away = False
    wait_until(lambda: two.state == "forced_open", 2)
    regained = one.link.standing
    assert (regained.connected, regained.problem, regained.lost_since) == (True, None, None)
    said = [each for each in caplog.messages if "memory" in each]
    assert said.count("the other hosts cannot be heard by memory: it is away") == 2
    wait_until(lambda: len([each for each in caplog.messages if "again" in each]) == 2)


class Waits(threading.Event):
    """An end that comes with the third wait, which all take no time."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.seconds.append(timeout or 0.0)
        if len(self.seconds) == 3:
            self.set()
        return self.is_set()


class Threads(SimpleNamespace):
    """The module, with that end."""

    def __init__(self, ends: Waits) -> None:
        super().__init__(Thread=threading.Thread, Event=lambda: ends)


@pytest.mark.parametrize(("took", "waits"), [(0.0, [0.1, 0.2, 0.4]), (0.15, [0.0, 0.05, 0.25])])
def test_who_has_waited_for_an_answer_in_vain_waits_no_longer(
    clock: ManualClock,
    place: Place,
    monkeypatch: pytest.MonkeyPatch,
    took: float,
    waits: list[float],
) -> None:
    """Keeps out: the longest wait for an answer and then the longest pause, before the next try."""
    registry, tier, ends = Registry(clock=clock), MemoryTier(place), Waits()
    keeper = OverrideKeeper(registry, OverrideMemory())
    breakers = HostPeers(registry, Path("/nowhere")).breakers
    link = HostLink(
        tier, keeper, registry, lambda: True, breakers, lambda: "a host", chance=lambda: 0.5
    )

    def connect() -> None:
        clock.advance(took)
        raise TierError("it is away")

    tier.connect = connect  # type: ignore[method-assign]
    monkeypatch.setattr("medianest.cluster.link.threading", Threads(ends))
    link.look()
    wait_until(ends.is_set)
    assert ends.seconds == pytest.approx(waits)


def test_a_fault_of_ours_is_told_once_and_ends_nothing(
    start: Callable[[], Process], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    one = start()
    wait_until(lambda: one.link.standing.connected)
    failed: list[str] = []

    def fail() -> None:
        failed.append("again")
        raise KeyError("geheim")

    with monkeypatch.context() as patched:
        patched.setattr(one.tier, "read", fail)
        one.keeper.act("plex", "open")
        wait_until(lambda: len(failed) > 2)
        assert one.link.standing.problem == "it failed: KeyError"
    wait_until(lambda: one.link.standing.connected)
    (told,) = [each for each in caplog.records if each.exc_info]
    assert "it failed: KeyError" in told.message


def test_its_end_waits_for_no_answer(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    process, hangs = Process(place), threading.Event()
    monkeypatch.setattr(process.tier, "read", lambda: hangs.wait(10) and {})
    monkeypatch.setattr("medianest.cluster.link._END", 0.05)
    process.link.look()
    process.link.stop()
    assert not process.link.standing.is_held
    process.link.look()  # the old thread has not ended, and is not followed by a second one yet
    assert sum(each.name == "medianest-cluster" for each in threading.enumerate()) == 1
    hangs.set()
    wait_until(lambda: process.tier.calls[-1:] == ["close"])
