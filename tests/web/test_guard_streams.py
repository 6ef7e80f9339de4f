"""Streamed responses under a guard: settled when they end, not when they begin."""

import pytest
from flask import Flask, Response

from medianest.resilience import Registry
from medianest.web import Resilience


@pytest.fixture
def app():
    return Flask(__name__)


@pytest.fixture
def resilience(app, clock):
    return Resilience(app, registry=Registry(clock=clock))


def breaker_of(resilience, name):
    return resilience.registry.breaker(name)


def test_a_streaming_response_settles_when_it_ends(app, resilience):
    @app.get("/stream")
    @resilience.protect(service="stream", max_concurrent=2)
    def stream():
        return Response(part for part in ("a", "b"))

    response = app.test_client().get("/stream")
    breaker, bulkhead = breaker_of(resilience, "stream"), resilience.registry.bulkhead("stream")
    assert (breaker.snapshot().in_flight, bulkhead.snapshot().in_use) == (1, 1)
    assert response.text == "ab"
    response.close()
    seen = breaker.snapshot()
    assert (seen.in_flight, seen.counts.successes, bulkhead.snapshot().in_use) == (0, 1, 0)


def test_a_stream_that_breaks_counts_as_failure(app, resilience):
    def parts():
        yield "a"
        raise OSError("broken")

    @app.get("/stream")
    @resilience.protect(service="stream", max_concurrent=2)
    def stream():
        return Response(parts())

    response = app.test_client().get("/stream")
    with pytest.raises(OSError, match="broken"):
        response.get_data()
    response.close()
    assert breaker_of(resilience, "stream").snapshot().counts.failures == 1
    assert resilience.registry.bulkhead("stream").snapshot().in_use == 0


def test_a_stream_whose_client_left_counts_for_nothing(app, resilience):
    @app.get("/stream")
    @resilience.protect(service="stream", max_concurrent=2)
    def stream():
        return Response(part for part in ("a", "b"))

    app.test_client().get("/stream").close()
    seen = breaker_of(resilience, "stream").snapshot()
    assert (seen.in_flight, seen.counts.successes, seen.counts.failures) == (0, 0, 0)
    assert resilience.registry.bulkhead("stream").snapshot().in_use == 0
