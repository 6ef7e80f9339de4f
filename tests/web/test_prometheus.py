"""`/metrics`, and the rules that are deployed with it."""

import re
import subprocess
from typing import Any

import pytest
from flask import Flask
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as open_metrics_families,
)
from prometheus_client.parser import text_string_to_metric_families
from werkzeug.test import TestResponse

from medianest.media.left_out import LEFT_OUT, Oddity
from medianest.resilience import ManualClock
from tests.support import ROOT
from tests.support.tools import DEPLOY, run, tool

DEPLOYED = DEPLOY / "prometheus"


@pytest.fixture
def app(busy_app: Flask) -> Flask:
    return busy_app


def scrape(app: Flask, **headers: Any) -> TestResponse:
    authorization = {"Authorization": "Bearer the-viewer-token", **headers}
    return app.test_client().get("/metrics", headers=authorization)


def samples(app: Flask) -> list[tuple[str, dict[str, str], float]]:
    return [
        (sample.name, sample.labels, sample.value)
        for family in text_string_to_metric_families(scrape(app).text)
        for sample in family.samples
    ]


def value(app: Flask, metric: str, /, **labels: Any) -> float:
    (found,) = [
        v for n, given, v in samples(app) if n == metric and labels.items() <= given.items()
    ]
    return found


def test_it_says_what_was_left_out_of_answers(app: Flask) -> None:
    of = {"service": "plex-media-server", "endpoint": "/a/test"}
    for what in ("title: missing", "type: missing"):
        LEFT_OUT.note(Oddity("plex-media-server", "/a/test", what), 3)
    assert value(app, "medianest_left_out_elements_total", **of) == 6


def test_it_says_what_happened(app: Flask) -> None:
    route = {"route": "/api/v1/media/libraries"}
    assert value(app, "medianest_http_server_requests_total", status="503", **route) == 3
    assert value(app, "medianest_http_server_request_duration_seconds_count", **route) == 3
    assert (
        value(
            app, "medianest_circuitbreaker_calls_total", name="plex-media-server", outcome="failed"
        )
        >= 5
    )
    assert value(app, "medianest_circuitbreaker_state", name="plex-media-server", state="open") == 1
    labels = {"component": "plex-media-server", "criticality": "important"}
    assert value(app, "medianest_component_status", status="unhealthy", **labels) == 1
    assert value(app, "medianest_component_status", status="healthy", **labels) == 0
    assert value(app, "medianest_component_check_age_seconds", component="memory") >= 10
    assert (
        value(app, "medianest_retry_calls_total", name="plex-media-server", outcome="first_attempt")
        == 3
    )
    flights = {"name": "plex-media-server.libraries", "outcome": "flight"}
    assert value(app, "medianest_coalesce_calls_total", **flights) == 3
    assert value(app, "medianest_coalesce_in_flight_calls", name="plex-media-server.libraries") == 0
    assert value(app, "medianest_patience_used_total", name="plex-media-server.libraries") == 0


@pytest.mark.parametrize(
    ("family", "of"),
    [
        ("http_server_request", {"route": "/api/v1/media/libraries"}),
        ("circuitbreaker_call", {"name": "plex-media-server"}),
    ],
)
def test_buckets_add_up(app: Flask, family: str, of: Any, clock: ManualClock) -> None:
    clock.advance(2)
    buckets = [
        (float(labels["le"]), number)
        for name, labels, number in samples(app)
        if name == f"medianest_{family}_duration_seconds_bucket" and of.items() <= labels.items()
    ]
    number = value(app, f"medianest_{family}_duration_seconds_count", **of)
    assert buckets == sorted(buckets)
    assert buckets[-1] == (float("inf"), number)
    assert number >= 3


def test_it_says_how_long_the_oldest_operation_waits(app: Flask, clock: ManualClock) -> None:
    """Keeps out: a queue that is stuck with one operation, which no depth shows."""
    parts = app.extensions["medianest"]
    assert value(app, "medianest_queue_oldest_age_seconds") == 0
    parts.queue.store.enqueue("overseerr.request", {"media_id": 603}, "603")
    clock.advance(90)
    parts.monitoring.monitor.run("queue")
    assert value(app, "medianest_queue_oldest_age_seconds") == pytest.approx(90, abs=1)


def test_it_says_how_often_a_last_good_answer_was_there(app: Flask) -> None:
    name = "plex-media-server.recently_added"
    app.test_client().get("/api/v1/media/recently-added")
    assert value(app, "medianest_last_good_look_ups_total", name=name, outcome="miss") == 1
    assert value(app, "medianest_last_good_look_ups_total", name=name, outcome="memory") == 0


def test_no_client_can_make_more_series(app: Flask, clock: ManualClock) -> None:
    client = app.test_client()
    client.get("/x/0")
    client.open("/x", method="BREW")
    clock.advance(2)
    before = len(samples(app))
    clock.advance(2)
    for number in range(50):
        client.get(f"/x/{number}?y={number}")
        client.open(f"/x/{number}", method=f"BREW{number}")
        client.get(f"/api/v1/media/libraries?nonsense={number}")
        client.get(f"/api/v1/resilience/circuit-breakers/ghost-{number}")
    clock.advance(2)
    new = {str(labels) for _, labels, _ in samples(app)}
    assert len(samples(app)) - before < 40, new  # two routes and a status more
    assert not any("ghost" in labels or "BREW" in labels for labels in new)


def test_open_metrics_is_given_to_who_asks_for_it(app: Flask) -> None:
    answer = scrape(app, Accept="application/openmetrics-text; version=1.0.0")
    assert answer.content_type.startswith("application/openmetrics-text")
    names = {family.name for family in open_metrics_families(answer.text)}  # type: ignore[no-untyped-call]
    assert "medianest_http_server_requests" in names


def test_the_rules_ask_for_what_there_is(app: Flask) -> None:
    known = {name for name, _, _ in samples(app)}
    text = (DEPLOYED / "medianest.rules.yml").read_text()
    asked = set(re.findall(r"\bmedianest_[a-z_]+", text))
    assert len(asked) > 7
    # A state that nothing is in now has no sample of its own; families of figures always have.
    assert asked <= known


@pytest.mark.parametrize(
    "command", [("check", "rules", "medianest.rules.yml"), ("test", "rules", "medianest.test.yml")]
)
def test_promtool_takes_the_rules(command: Any) -> None:
    done = run("promtool", *command, folder=DEPLOYED)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_finds_no_fault_with_the_metrics(app: Flask) -> None:
    text = scrape(app).text
    done = subprocess.run(
        [tool("promtool"), "check", "metrics"], input=text, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("application/openmetrics-text; version=2.evil", "application/openmetrics-text"),
        ("application/openmetrics-text; version=1.a", "application/openmetrics-text"),
        ("text/plain; version=1.a", "text/plain"),
        ("text/plain; version=1.0.0é", "text/plain"),
        ("*/*", "text/plain"),
    ],
)
def test_nothing_of_what_a_client_accepts_comes_back(app: Flask, accept: str, kind: str) -> None:
    """Keeps out: an error, a header of the client's making, and a text kept for each of them."""
    answer = scrape(app, Accept=accept)
    assert answer.status_code == 200
    assert answer.content_type.partition(";")[0] == kind
    assert "evil" not in str(answer.headers)
    for number in range(20):
        scrape(app, Accept=f"application/openmetrics-text; version=1.0.{number}")
    assert len(app.extensions["medianest"].rendered) <= 3


def test_of_several_workers_each_says_what_is_its_own(app: Flask) -> None:
    assert not any("worker" in labels for _, labels, _ in samples(app))
    before = {name for name, _, _ in samples(app)}
    app.extensions["medianest"].lifecycle.worker = "2"
    app.extensions["medianest"].monitoring.reporter.forget()
    found = samples(app)
    assert {name for name, _, _ in found} == before
    own = {name for name, labels, _ in found if labels.get("worker") == "2"}
    assert {"medianest_uptime_seconds", "process_resident_memory_bytes"} <= own
    assert not any(name.endswith("_total") or "circuitbreaker" in name for name in own)


def test_figures_of_several_workers_can_be_summed(app: Flask) -> None:
    """No rate and no mean without its parts; what is a share is the machine's, the same for all."""
    pinned = (ROOT / "tests" / "pinned" / "metrics.txt").read_text().split("\n")
    gauges = [line.split()[0] for line in pinned if " gauge" in line]
    averages = [n for n in gauges if re.search(r"rate$|mean|average|p\d\d|quantile|ratio$", n)]
    assert averages == []
    assert value(app, "medianest_component_check_duration_seconds_count", component="queue") == 2
