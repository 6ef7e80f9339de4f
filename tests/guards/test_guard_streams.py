"""Streamed responses under a guard: settled when they end, not when they begin."""

from collections.abc import Iterator
from io import BytesIO
from typing import NoReturn

import pytest
from flask import Flask, Response, send_file

from medianest.flask import Resilience
from medianest.resilience import ManualClock, State
from medianest.resilience.keywords import CircuitBreakerKeywords
from tests.guards.conftest import breaker_of


def test_a_streaming_response_settles_when_it_ends(app: Flask, resilience: Resilience) -> None:
    @app.get("/stream")
    @resilience.protect(service="stream", max_concurrent=2)
    def stream() -> Response:
        return Response(part for part in ("a", "b"))

    response = app.test_client().get("/stream")
    breaker, bulkhead = breaker_of(resilience, "stream"), resilience.registry.bulkhead("stream")
    assert (breaker.snapshot().in_flight, bulkhead.snapshot().in_use) == (1, 1)
    assert response.text == "ab"
    response.close()
    seen = breaker.snapshot()
    assert (seen.in_flight, seen.counts.successes, bulkhead.snapshot().in_use) == (0, 1, 0)


def test_a_stream_that_breaks_counts_as_failure(app: Flask, resilience: Resilience) -> None:
    def parts() -> Iterator[str]:
        yield "a"
        raise OSError("broken")

    @app.get("/stream")
    @resilience.protect(service="stream", max_concurrent=2)
    def stream() -> Response:
        return Response(parts())

    response = app.test_client().get("/stream")
    with pytest.raises(OSError, match="broken"):
        response.get_data()
    response.close()
    assert breaker_of(resilience, "stream").snapshot().counts.failures == 1
    assert resilience.registry.bulkhead("stream").snapshot().in_use == 0


def test_a_stream_whose_client_left_counts_for_nothing(app: Flask, resilience: Resilience) -> None:
    @app.get("/stream")
    @resilience.protect(service="stream", max_concurrent=2)
    def stream() -> Response:
        return Response(part for part in ("a", "b"))

    app.test_client().get("/stream").close()
    seen = breaker_of(resilience, "stream").snapshot()
    assert (seen.in_flight, seen.counts.successes, seen.counts.failures) == (0, 0, 0)
    assert resilience.registry.bulkhead("stream").snapshot().in_use == 0


def test_a_file_that_the_server_sends_settles_when_it_is_done(
    app: Flask, resilience: Resilience
) -> None:
    """Keeps out: a place lost with each send_file, which Werkzeug never closes."""

    @app.get("/file")
    @resilience.protect(service="file", max_concurrent=1)
    def file() -> Response:
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
def test_a_hook_that_spoils_a_stream_costs_no_place(
    app: Flask, resilience: Resilience, what: str
) -> None:
    @app.get("/stream")
    @resilience.protect(service="stream", max_concurrent=1)
    def stream() -> Response:
        return Response(part for part in ("a", "b"))

    @app.after_request
    def spoil(response: Response) -> Response:
        if what == "raise":
            raise LookupError("in the hook")
        return Response("something else")

    for _ in range(3):
        app.test_client().get("/stream").close()
    assert breaker_of(resilience, "stream").snapshot().in_flight == 0
    assert resilience.registry.bulkhead("stream").snapshot().in_use == 0


def test_a_head_request_for_a_stream_is_a_success(app: Flask, resilience: Resilience) -> None:
    @app.get("/stream")
    @resilience.protect(service="stream", max_concurrent=1)
    def stream() -> Response:
        return Response(part for part in ("a", "b"))

    app.test_client().head("/stream").close()
    seen = breaker_of(resilience, "stream").snapshot()
    assert (seen.in_flight, seen.counts.successes) == (0, 1)


def test_a_long_stream_that_goes_on_is_no_failed_probe(
    app: Flask, resilience: Resilience, clock: ManualClock
) -> None:
    """Keeps out: a stream longer than half_open_timeout opens the breaker again each time."""

    def parts() -> Iterator[str]:
        for part in ("a", "b", "c"):
            clock.advance(20)
            yield part

    options: CircuitBreakerKeywords = {
        "failure_threshold": 1,
        "half_open_max_calls": 1,
        "jitter": 0.0,
    }

    @app.get("/stream")
    @resilience.protect(service="stream", circuit_breaker=options)
    def stream() -> Response:
        return Response(parts())

    breaker = breaker_of(resilience, "stream")
    with pytest.raises(ConnectionError), breaker.acquire():
        raise ConnectionError
    clock.advance(30)
    assert app.test_client().get("/stream").text == "abc"
    assert breaker.state is State.CLOSED


def test_a_close_that_raises_gives_everything_back(app: Flask, resilience: Resilience) -> None:
    class Broken(BytesIO):
        def close(self) -> NoReturn:
            super().close()
            raise OSError("cannot close")

    @app.get("/file")
    @resilience.protect(service="file", max_concurrent=1)
    def file() -> Response:
        return send_file(Broken(b"ab"), mimetype="text/plain")

    for _ in range(2):
        response = app.test_client().get("/file")
        assert response.status_code == 200
        with pytest.raises(OSError, match="cannot close"):
            response.close()
    assert resilience.registry.bulkhead("file").snapshot().in_use == 0
    assert breaker_of(resilience, "file").snapshot().in_flight == 0


def test_a_response_that_a_retry_or_a_fallback_replaces_is_closed(
    app: Flask, resilience: Resilience
) -> None:
    """Keeps out: what a view opened for an answer stays open for each attempt."""
    opened: list[int] = []
    closed = []

    @app.get("/proxy")
    @resilience.protect(
        service="proxy",
        retry={"max_attempts": 3, "initial_delay": 0},
        fallback=lambda error: ("later", 503),
    )
    def proxy() -> Response:
        number = len(opened)
        opened.append(number)
        response = Response("bad", 502)
        response.call_on_close(lambda: closed.append(number))
        return response

    assert app.test_client().get("/proxy").text == "later"
    assert (opened, closed) == ([0, 1, 2], [0, 1, 2])


def test_a_stream_that_was_not_modified_counts_as_success(
    app: Flask, resilience: Resilience
) -> None:
    @app.get("/stream")
    @resilience.protect(service="stream")
    def stream() -> Response:
        return Response((part for part in "ab"), 304)

    app.test_client().get("/stream").close()
    assert breaker_of(resilience, "stream").snapshot().counts.successes == 1


def test_a_dropped_response_that_cannot_be_closed_costs_nobody_the_good_one(
    app: Flask, resilience: Resilience
) -> None:
    answers = [Response("bad", 502), Response("good")]
    answers[0].call_on_close(lambda: 1 / 0)

    @app.get("/view")
    @resilience.protect(service="view", retry={"max_attempts": 2, "initial_delay": 0})
    def view() -> Response:
        return answers.pop(0)

    assert app.test_client().get("/view").text == "good"
