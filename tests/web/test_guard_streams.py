"""Streamed responses under a guard: settled when they end, not when they begin."""

import pytest
from flask import Response, send_file

from tests.web.conftest import breaker_of


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


def test_a_file_that_the_server_sends_settles_when_it_is_done(app, resilience):
    """Keeps out: a place lost with each send_file, which Werkzeug never closes."""

    @app.get("/file")
    @resilience.protect(service="file", max_concurrent=1)
    def file():
        return send_file(__file__)

    for _ in range(3):
        response = app.test_client().get("/file")
        assert response.status_code == 200
        assert response.data
        response.close()
    seen = breaker_of(resilience, "file").snapshot()
    assert (seen.in_flight, seen.counts.successes) == (0, 3)
    assert resilience.registry.bulkhead("file").snapshot().in_use == 0


@pytest.mark.parametrize("what", ["raise", "replace"])
def test_a_hook_that_spoils_a_stream_costs_no_place(app, resilience, what):
    @app.get("/stream")
    @resilience.protect(service="stream", max_concurrent=1)
    def stream():
        return Response(part for part in ("a", "b"))

    @app.after_request
    def spoil(response):
        if what == "raise":
            raise LookupError("in the hook")
        return Response("something else")

    for _ in range(3):
        app.test_client().get("/stream").close()
    assert breaker_of(resilience, "stream").snapshot().in_flight == 0
    assert resilience.registry.bulkhead("stream").snapshot().in_use == 0


def test_a_head_request_for_a_stream_is_a_success(app, resilience):
    @app.get("/stream")
    @resilience.protect(service="stream", max_concurrent=1)
    def stream():
        return Response(part for part in ("a", "b"))

    app.test_client().head("/stream").close()
    seen = breaker_of(resilience, "stream").snapshot()
    assert (seen.in_flight, seen.counts.successes) == (0, 1)
