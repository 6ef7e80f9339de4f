"""Answers that Overseerr gave, and those that something in its place gave."""

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from medianest.config import OverseerrSettings
from medianest.media.errors import (
    InvalidAnswerError,
    UpstreamError,
)
from medianest.media.overseerr.client import OverseerrClient
from tests.media.overseerr.wishing import wish
from tests.support.narrowing import not_none

FOREIGN = [
    (201, "text/html", b"<html>"),
    (201, "application/json", b"{}"),
    (202, "application/json", b"{}"),
    (409, "application/json", b'{"error": "conflict"}'),
    (400, "application/json", b'{"code": 400, "detail": "no"}'),
    (400, "application/json", b'{"message": "Bad Request", "errors": []}'),
    (403, "text/plain", b"forbidden"),
    (404, "text/plain", b"404 page not found"),
    (404, "application/json", b'{"message": "no Route matched with those values"}'),
    (200, "text/html", b"<html>log in</html>"),
    (502, "application/json", b'{"message": "The upstream server is timing out"}'),
]


@pytest.fixture
def heard() -> list[Message]:
    """The headers of the requests that `answering` got."""
    return []


@pytest.fixture
def answering(heard: list[Message]) -> Iterator[Callable[[int, str, bytes], OverseerrClient]]:
    """`answering(status, type, body)` is a client of a server that gives that answer to all."""
    servers = []

    def make(status: int, kind: str, body: bytes) -> OverseerrClient:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.do_GET()

            def do_GET(self) -> None:
                heard.append(self.headers)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: str) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
        settings = OverseerrSettings(url=f"http://127.0.0.1:{server.server_port}")
        return OverseerrClient(not_none(settings.url), settings)

    yield make
    for server in servers:
        server.shutdown()
        server.server_close()


JSON = "application/json"


@pytest.mark.parametrize(
    "body",
    [
        {"id": 77, "type": "movie", "media": {"tmdbId": 2}},
        {"id": 77, "type": "tv", "media": {"tmdbId": 1}},
        {"id": -5, "type": "movie", "media": {"tmdbId": 1}},
        {"id": 10**60, "type": "movie", "media": {"tmdbId": 1}},
        {"id": 77},
    ],
)
def test_a_201_that_is_about_something_else_proves_nothing(
    answering: Callable[[int, str, bytes], OverseerrClient], body: dict[str, Any]
) -> None:
    client = answering(201, JSON, json.dumps(body).encode())
    with pytest.raises(InvalidAnswerError) as caught:
        client.create(wish("movie", 1))
    assert caught.value.uncertain


@pytest.mark.parametrize("status", [400, 404, 410])
def test_that_there_is_no_search_is_no_word_of_a_title(
    answering: Callable[[int, str, bytes], OverseerrClient], status: int
) -> None:
    """Keeps out: a gateway's 404 to a look makes a dead letter."""
    client = answering(status, JSON, b'{"message": "no Route matched with those values"}')
    for ask in (
        client.check_source,
        lambda: client.look(wish("movie", 1), datetime.now(UTC)),
        lambda: client.requests(0, 9),
    ):
        with pytest.raises(UpstreamError):
            ask()


def test_no_cache_in_between_answers_in_its_place(
    answering: Callable[[int, str, bytes], OverseerrClient], heard: list[Message]
) -> None:
    with pytest.raises(UpstreamError):
        answering(500, JSON, b"{}").search("x")
    assert {each["Cache-Control"] for each in heard} == {"no-cache"}


@pytest.mark.parametrize(("status", "kind", "body"), FOREIGN)
def test_an_answer_that_is_not_its_own_is_an_outage(
    answering: Callable[[int, str, bytes], OverseerrClient], status: int, kind: str, body: bytes
) -> None:
    """Keeps out: what stands in front is taken for the server's word, for done or for never."""
    with pytest.raises(UpstreamError) as caught:
        answering(status, kind, body).create(wish("movie", 1))
    assert caught.value.uncertain is (status < 400 or status >= 500)
