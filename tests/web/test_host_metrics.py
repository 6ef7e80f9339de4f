"""`/metrics` of several workers of one host."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families

from medianest.resilience import ManualClock
from tests.support.waiting import wait_until

VIEWER = {"Authorization": "Bearer the-viewer-token"}
LIVE = "/api/v1/health/live"

Begin = Callable[..., Flask]


@pytest.fixture
def begin(make_app: Callable[..., Flask]) -> Iterator[Begin]:
    """Apps that share an instance folder, as workers do."""
    begun = []

    def start(worker: str | None = None) -> Flask:
        app = make_app(plex={"url": "http://127.0.0.1:1", "breaker_enabled": True})
        parts = app.extensions["medianest"]
        parts.lifecycle.worker = worker
        begun.append(app)
        parts.host.board.start()
        parts.host.peers.start()
        return app

    yield start
    for app in begun:
        app.extensions["medianest"].host.peers.stop()


def value(app: Flask, metric: str, **labels: str) -> float:
    text = app.test_client().get("/metrics", headers=VIEWER).text
    (found,) = [
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == metric and labels.items() <= sample.labels.items()
    ]
    return found


def lived(app: Flask) -> float:
    return value(app, "medianest_http_server_requests_total", route=LIVE)


def state(app: Flask, name: str) -> float:
    return value(app, "medianest_circuitbreaker_state", name="plex-media-server", state=name)


def test_whoever_is_scraped_tells_of_all(begin: Begin) -> None:
    one, two = begin("0"), begin("1")
    for app, times in ((one, 3), (two, 4)):
        for _ in range(times):
            app.test_client().get(LIVE)
    assert lived(one) == lived(two) == 7
    assert value(one, "medianest_uptime_seconds", worker="1") >= 0
    two.extensions["medianest"].host.board.stop()
    two.extensions["medianest"].host.peers.stop()
    assert lived(one) == 7


def test_what_one_has_just_changed_is_seen_by_the_next_scrape(begin: Begin) -> None:
    one, two = begin("0"), begin("1")
    assert state(one, "closed") == state(two, "closed") == 1
    two.extensions["medianest"].registry.find_breaker("plex-media-server").open("moving")
    wait_until(lambda: state(one, "forced_open") == 1)  # while the clock stands still
    assert state(one, "closed") == state(two, "closed") == 0


def test_one_worker_writes_no_file(begin: Begin) -> None:
    only = begin()
    folder = only.extensions["medianest"].settings.instance_path / "peers"
    only.test_client().get(LIVE)
    assert lived(only) == 1
    only.extensions["medianest"].host.board.look()
    only.extensions["medianest"].host.board.stop()
    assert not [each for each in folder.iterdir() if "figures" in each.name]


def test_requests_by_route_are_those_of_all(begin: Begin, clock: ManualClock) -> None:
    one, two = begin("0"), begin("1")
    for app in (one, two):
        app.test_client().get(LIVE)
    for app in (one, two):
        found = app.test_client().get("/api/v1/health/metrics", headers=VIEWER).json
        assert found is not None
        (route,) = [each for each in found["routes"] if each["route"] == LIVE]
        assert route["since_start"]["requests"] == route["statuses"]["200"] == 2
        clock.advance(2)
    two.extensions["medianest"].host.board.stop()
    two.extensions["medianest"].host.peers.stop()
    one.extensions["medianest"].host.board.look()
    _, ever = one.extensions["medianest"].traffic().figures()
    assert ever.requests == 4
