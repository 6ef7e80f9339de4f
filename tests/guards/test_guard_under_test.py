"""Guards in the tests of an app: they rest unless it says otherwise, and a client that does not
close what it was sent, as Flask's, keeps no places for ever."""

import gc
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import pytest
from flask import Flask, Response, abort, send_file
from flask.testing import FlaskClient

from medianest.flask import Resilience
from medianest.resilience import ManualClock, State
from medianest.resilience.keywords import CircuitBreakerKeywords
from tests.guards.conftest import Calls, breaker_of

HALF_OPEN: CircuitBreakerKeywords = {
    "failure_threshold": 1,
    "half_open_max_calls": 1,
    "jitter": 0.0,
}


def stream(*parts: str) -> Response:
    return Response(part for part in parts)


@pytest.mark.parametrize(
    ("enabled", "statuses"), [(None, [500, 500]), (True, [500, 503])], ids=["as it is", "on"]
)
def test_guards_rest_while_an_app_is_tested_unless_it_says_otherwise(
    app: Flask,
    resilience: Resilience,
    calls: Calls,
    enabled: bool | None,
    statuses: list[int],
) -> None:
    app.config.update(TESTING=True, RESILIENCE_GUARDS_ENABLED=enabled)
    calls[1][:] = [("bad", 500)] * 2
    resilience.guard(
        "/api/critical", service="critical-service", circuit_breaker={"failure_threshold": 1}
    )
    client = app.test_client()
    assert [client.get("/api/critical/thing").status_code for _ in range(2)] == statuses


def test_guards_can_be_turned_off_but_not_who_may_come_in(
    app: Flask, resilience: Resilience
) -> None:
    allowed = [True, False]
    resilience.guard("/x", service="x", authorize=lambda: allowed.pop(0))
    app.add_url_rule("/x", "x", lambda: "live")
    breaker_of(resilience, "x").open("down")
    app.config["RESILIENCE_GUARDS_ENABLED"] = False
    client = app.test_client()
    assert [client.get("/x").status_code for _ in range(2)] == [200, 403]


def drop(client: FlaskClient, path: str) -> int:
    """Look at the status alone."""
    return client.get(path).status_code


def read(client: FlaskClient, path: str) -> int:
    """Read it all, and do not close it."""
    return len(client.get(path).data) and 200


@pytest.mark.parametrize("look", [drop, read])
def test_streams_that_nobody_closes_give_their_places_back(
    app: Flask, resilience: Resilience, look: Callable[[FlaskClient, str], int]
) -> None:
    app.add_url_rule("/stream", "stream", lambda: stream("a", "b"))
    app.add_url_rule("/file", "file", lambda: send_file(BytesIO(b"ab"), mimetype="text/plain"))
    resilience.guard("/", service="all", max_concurrent=1)
    for path in ("/stream", "/file"):
        assert [look(app.test_client(), path) for _ in range(3)] == [200] * 3
    assert breaker_of(resilience, "all").snapshot().in_flight <= 1


@pytest.mark.parametrize("failure", [lambda: ("bad", 503), lambda: 1 / 0])
def test_errors_before_them_keep_no_streams(
    app: Flask, resilience: Resilience, failure: Callable[..., Any]
) -> None:
    """Keeps out: an error that holds all frames of its request, and these what was sent."""
    answers = [failure, lambda: stream("a", "b")] * 3
    app.add_url_rule("/stream", "stream", lambda: answers.pop(0)())
    app.register_error_handler(ZeroDivisionError, lambda error: ("handled", 500))
    resilience.guard("/", service="all", max_concurrent=1, retry={"initial_delay": 0})
    gc.collect()
    gc.disable()
    try:
        assert [drop(app.test_client(), "/stream") for _ in range(3)] == [200] * 3
    finally:
        gc.enable()


@pytest.mark.parametrize("look", [drop, read])
def test_so_do_those_of_requests_in_flight(
    app: Flask, clock: ManualClock, look: Callable[[FlaskClient, str], int]
) -> None:
    app.config["RESILIENCE_MAX_IN_FLIGHT"] = 1
    Resilience(app)
    app.add_url_rule("/stream", "stream", lambda: stream("a", "b"))
    assert [look(app.test_client(), "/stream") for _ in range(3)] == [200] * 3


def test_a_probe_that_nobody_closes_gives_its_lease_back(
    app: Flask, resilience: Resilience, clock: ManualClock
) -> None:
    @app.get("/stream")
    @resilience.protect(service="stream", circuit_breaker=HALF_OPEN)
    def view() -> Response:
        return stream("a", "b")

    breaker = breaker_of(resilience, "stream")
    with pytest.raises(ConnectionError), breaker.acquire():
        raise ConnectionError
    clock.advance(30)
    client = app.test_client()
    assert drop(client, "/stream") == 200
    assert client.get("/stream").text == "ab"
    assert breaker.state is State.CLOSED


@pytest.mark.parametrize("spoil", ["raise", "replace"])
def test_what_takes_the_place_of_a_stream_keeps_nothing(
    app: Flask, resilience: Resilience, spoil: str
) -> None:
    """Not even while the test still holds the answer."""

    @app.get("/stream")
    @resilience.protect(service="stream", max_concurrent=1)
    def view() -> Response:
        return stream("a", "b")

    @app.after_request
    def hook(response: Response) -> Response:
        if spoil == "raise":
            raise LookupError("in the hook")
        return Response("not here", 500)

    kept = [app.test_client().get("/stream") for _ in range(3)]
    assert [response.status_code for response in kept] == [500] * 3
    assert breaker_of(resilience, "stream").snapshot().in_flight == 0
    assert resilience.registry.bulkhead("stream").snapshot().in_use == 0


@pytest.mark.parametrize("path", ["/aborted", "/nowhere", "/redirected/"])
def test_what_flask_makes_of_an_exception_is_no_stream(
    app: Flask, clock: ManualClock, path: str
) -> None:
    """Werkzeug's body of it looks like one, and would keep its place until it is closed."""
    app.config["RESILIENCE_MAX_IN_FLIGHT"] = 1
    resilience = Resilience(app)
    resilience.guard("/", service="all", max_concurrent=1)
    app.add_url_rule("/aborted", "aborted", lambda: abort(404))
    app.add_url_rule("/redirected/", "redirected", lambda: abort(Response("there", 303)))
    kept = [app.test_client().get(path) for _ in range(3)]
    assert [response.status_code for response in kept] in ([404] * 3, [303] * 3)
    assert all(response.data for response in kept)
    assert resilience.registry.bulkhead("all").snapshot().in_use == 0
    assert app.extensions["resilience"].admission.places.snapshot().in_use == 0


def test_a_stream_that_breaks_before_its_first_part_keeps_nothing(
    app: Flask, clock: ManualClock
) -> None:
    app.config["RESILIENCE_MAX_IN_FLIGHT"] = 1
    Resilience(app)

    def broken() -> Iterator[str]:
        raise OSError("broken")
        yield ""

    app.add_url_rule("/stream", "stream", lambda: Response(broken()))
    for _ in range(3):
        with pytest.raises(OSError, match="broken"):
            app.test_client().get("/stream")
    assert app.extensions["resilience"].admission.places.snapshot().in_use == 0
