"""Two processes of a host look as one: in one here, each with its own app on the same folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from blinker import Signal

from medianest.app import create_app
from medianest.health import Status
from medianest.health.alerts import Alert
from medianest.health.events import HealthChanged, health_changed
from medianest.resilience import ManualClock
from medianest.web.container import Container
from tests.support.answering import AnsweringServer
from tests.support.waiting import wait_until

PLEX = "plex-media-server"
WELL = b'{"MediaContainer": {"version": "1"}}'


@pytest.fixture
def plex() -> Iterator[AnsweringServer]:
    server = AnsweringServer()
    server.body = WELL
    yield server
    server.stop()


@pytest.fixture
def both(
    clock: ManualClock, tmp_path: Path, migrated_file: Path, plex: AnsweringServer
) -> Iterator[list[Container]]:
    """The first of them is elected."""
    shutil.copy(migrated_file, tmp_path / "medianest.db")
    settings = {
        "env": "testing",
        "instance_path": tmp_path,
        "plex": {"url": plex.url},
        "alerts": {"hold": 20},
    }
    made = [create_app(settings, clock=clock).extensions["medianest"] for _ in range(2)]
    for each in made:
        each.host.peers.start()
        each.told = []
        each.monitoring.alerts.sinks.append(each.told.append)
    wait_until(lambda: all(len(each.host.peers.members()) == 2 for each in made))
    yield made
    for each in made:
        each.host.peers.stop()
        each.close()


def plex_of(one: Container) -> Status:
    return one.monitoring.monitor.component(PLEX).status


def check(one: Container, times: int = 1) -> None:
    for _ in range(times):
        one.together.run(PLEX)


def test_the_elected_one_alone_asks_and_the_other_knows(
    both: list[Container], plex: AnsweringServer
) -> None:
    first, second = both
    check(second)
    assert (plex.asked, plex_of(second)) == (0, Status.UNKNOWN)
    check(first)
    first.together.tell()
    wait_until(lambda: plex_of(second) is Status.HEALTHY)
    assert plex.asked == 1
    found, known = (each.monitoring.monitor.component(PLEX) for each in (second, first))
    assert (found.checks, known.checks) == (0, 1)  # each process counts its own: sums are right
    took = known.checks_took_seconds
    assert replace(found, checks=1, checks_took_seconds=took) == known


def test_what_is_of_a_process_itself_each_looks_at(both: list[Container]) -> None:
    for each in both:
        each.together.run("memory")
        assert each.monitoring.monitor.component("memory").checks == 1


def test_where_nobody_tells_each_looks_for_itself(
    both: list[Container], plex: AnsweringServer, clock: ManualClock
) -> None:
    _, second = both
    clock.advance(15)
    check(second)
    assert plex.asked == 0
    clock.advance(0.1)
    check(second)
    assert plex_of(second) is Status.HEALTHY


def test_a_silence_of_news_is_none_of_the_elected_one(
    both: list[Container], plex: AnsweringServer, clock: ManualClock
) -> None:
    """Nothing may have changed for long: it tells that it is there."""
    first, second = both
    for _ in range(30):
        clock.advance(1)
        first.together.tell()
        wait_until(lambda: second.together.told_at == clock.now())
    check(second)
    assert plex.asked == 0


def test_a_change_is_told_by_the_one_that_has_seen_it(
    both: list[Container], heard: Callable[[Signal], list[HealthChanged]]
) -> None:
    """Keeps out: a line in the log and in the history of each worker."""
    (first, second), told = both, heard(health_changed)
    check(first)
    first.together.tell()
    wait_until(lambda: plex_of(second) is Status.HEALTHY)
    assert [event.origin for event in told] == [id(first.monitoring.monitor)]


def test_an_alert_goes_on_with_the_next_one(
    both: list[Container], plex: AnsweringServer, clock: ManualClock
) -> None:
    first, second = both
    plex.body = b"[]"
    check(first, 3)
    first.together.evaluate()
    first.together.tell()
    wait_until(second.monitoring.alerts.firing)
    assert second.monitoring.alerts.firing() == first.monitoring.alerts.firing()
    first.host.peers.stop()
    clock.advance(1)
    wait_until(lambda: second.host.peers.is_elected)
    for _ in range(5):
        clock.advance(5)
        second.together.evaluate()
    assert (states(first), states(second)) == (["firing"], [])
    plex.body = WELL
    check(second, 2)
    for _ in range(20):
        clock.advance(5)
        second.together.evaluate()
    assert (states(first), states(second)) == (["firing"], ["resolved"])


def states(one: Container) -> list[str]:
    told: list[Alert] = one.told  # type: ignore[attr-defined]
    return [alert.state for alert in told]


def test_what_another_one_suffers_is_told_and_not_over(
    both: list[Container], clock: ManualClock
) -> None:
    """Keeps out: it was told as over by a worker that was well."""
    first, second = both
    for _ in range(100):
        second.monitoring.traffic.end(
            second.monitoring.traffic.begin(), "GET", "/api/v1/media/libraries", 500
        )
    for _ in range(6):
        clock.advance(5)
        second.together.evaluate()
        wait_until(lambda: first.monitoring.alerts.elsewhere())
        first.together.evaluate()
    assert [each.key for each in first.monitoring.alerts.firing()] == ["error-rate:system"]
    assert (states(first), states(second)) == (["firing"], [])
    clock.advance(16)  # it has ended, or stands still
    assert first.monitoring.alerts.elsewhere() == []


def test_a_silence_is_known_to_the_one_that_tells(both: list[Container]) -> None:
    """Also without the database, of which the other could not learn it."""
    first, second = both
    second.storage.database.close()
    second.monitoring.silences.silence("memory:system", 60, "I know", "operator")
    wait_until(lambda: first.monitoring.silences.of("memory:system"))


def test_a_token_that_plex_refuses_another_one_is_trouble_for_all(both: list[Container]) -> None:
    first, second = both
    second.media.plex.trouble = "plex refuses the token"
    second.together.evaluate()
    wait_until(lambda: first.media.plex.trouble_elsewhere())
    check(first)
    found = first.monitoring.monitor.component(PLEX)
    assert (found.status, found.message) == (Status.DEGRADED, "plex refuses the token")
