"""Bulkheads of several processes, with the messages and the locks that tie them together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from medianest.peers import HostPeers
from medianest.peers.messages import Message, Wanted
from medianest.peers.places import Places
from medianest.peers.shared_bulkhead import SharedBulkhead
from medianest.resilience import (
    Bulkhead,
    BulkheadFullError,
    BulkheadOptions,
    Registry,
    ResilienceService,
)
from tests.support.narrowing import not_none
from tests.support.waiting import wait_until

MOST = 3


@pytest.fixture
def registries() -> list[Registry]:
    return [Registry(), Registry()]


@pytest.fixture
def both(tmp_path: Path, registries: list[Registry]) -> Iterator[list[HostPeers]]:
    made = [HostPeers(registry, tmp_path / "peers") for registry in registries]
    for each in made:
        each.start()
    wait_until(lambda: [len(each.members()) for each in made] == [2, 2])
    yield made
    for each in made:
        each.stop()


def plex(registry: Registry, max_wait: float = 0.0) -> Bulkhead:
    return registry.bulkhead("plex", max_concurrent=MOST, max_wait=max_wait, scope="host")


@pytest.mark.usefixtures("both")
def test_one_uses_all_and_gives_up_what_another_wants(registries: list[Registry]) -> None:
    one, two = (plex(registry, max_wait=10) for registry in registries)
    for place in [one.acquire() for _ in range(MOST)]:
        place.release()
    for place in [two.acquire() for _ in range(MOST)]:
        place.release()
    assert two.snapshot().peak == MOST


@pytest.mark.usefixtures("both")
def test_what_lies_idle_is_the_host_s_after_a_moment(registries: list[Registry]) -> None:
    one, two = map(plex, registries)
    one.call(int)
    assert two.snapshot().in_use == 1
    wait_until(lambda: two.snapshot().in_use == 0)


@pytest.mark.usefixtures("both")
def test_one_that_the_registry_forgets_holds_nothing(registries: list[Registry]) -> None:
    one, two = registries
    options = BulkheadOptions(max_concurrent=MOST, scope="host")
    ResilienceService(one).register_dependency("plex", bulkhead=options)
    taken = plex(one).acquire()
    one.remove_dependency("plex")
    wait_until(lambda: plex(two).snapshot().in_use == 0)
    taken.release()


def test_who_has_left_is_on_its_own(both: list[HostPeers], registries: list[Registry]) -> None:
    one, two = map(plex, registries)
    for _ in range(MOST):
        one.acquire()
    both[0].stop()
    assert [two.acquire() is not None for _ in range(MOST)] == [True] * MOST
    with pytest.raises(BulkheadFullError):
        one.acquire()
    assert [each.snapshot().scope for each in (one, two)] == ["process", "host"]


def test_where_nothing_can_be_shared_each_has_its_own(tmp_path: Path) -> None:
    peers = HostPeers(registry := Registry(), tmp_path / ("long" * 40))
    bulkhead = plex(registry)
    peers.start()
    assert (bulkhead.snapshot().scope, peers.problem is None) == ("process", False)


def test_of_many_wishes_one_is_told(tmp_path: Path) -> None:
    due: list[Callable[[float], object]] = []
    told: list[Message] = []
    made = Bulkhead("plex", scope="host")
    places = Places(tmp_path / "places")
    shared = SharedBulkhead(made, not_none(made.shared), places, due.append, told.append)
    for now in (0.0, 0.01, 0.03):
        shared.want()
        shared.want()
        (act,) = due
        act(now)
        due.clear()
    assert told == [Wanted("plex"), Wanted("plex")]
    places.close()


@pytest.mark.usefixtures("both")
def test_a_place_is_used_again_without_asking_the_system(
    registries: list[Registry], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, take = [], Places.take_one

    def counting(*of: Any) -> bool:
        asked.append(of)
        return take(*of)

    monkeypatch.setattr(Places, "take_one", counting)
    bulkhead = plex(registries[0])
    for _ in range(1000):
        bulkhead.call(int)
    assert 1 <= len(asked) < 100  # it may have gone back when nothing was done for a moment
