"""What upstreams say holds none of our secrets, whichever of them they know and repeat."""

import json
import logging
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from medianest.app import create_app
from tests.support.keeping import KeepingServer

SECRETS = {
    "plex": {"token": "planted/plex+token=="},
    "overseerr": {"api_key": "planted/overseerr+key=="},
    "client_token": "planted-client-token",
    "operator_token": "planted-operator-token",
    "redis": {"url": "redis://:planted-redis@127.0.0.1:1/0"},
}
SAID = (
    "planted/plex+token== planted/overseerr+key== planted-client-token "
    "planted-operator-token planted-redis"
)
CLIENT = {"Authorization": "Bearer planted-client-token"}


def answering(status: int, body: dict[str, Any], head: str = "") -> KeepingServer:
    """A server that repeats what it knows, escaped as some encoders of JSON do."""
    text = json.dumps(body).replace("/", "\\/").replace("=", "\\u003d").encode()

    def answer(connection: socket.socket, place: int, turn: int) -> None:
        connection.sendall(
            f"HTTP/1.1 {status} {SAID}\r\nContent-Type: application/json\r\nX-Plex-Said: {SAID}\r\n"
            f"{head}Content-Length: {len(text)}\r\n\r\n".encode()
            + text
        )

    return KeepingServer(answer)


@pytest.fixture
def ask(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Callable[..., TestResponse]:
    """`ask(server, method, path)` is an answer of the app in front of that server; no secret is
    in it, in the log or in the database."""
    caplog.set_level(logging.DEBUG)

    def ask(
        server: KeepingServer, method: str, path: str, body: dict[str, Any] | None = None
    ) -> TestResponse:
        values: dict[str, Any] = {**SECRETS, "env": "testing", "instance_path": tmp_path}
        for name in ("plex", "overseerr"):
            values[name] = {**values[name], "url": server.url}
        app = create_app(values)
        parts = app.extensions["medianest"]
        parts.storage.database.upgrade()
        answer = app.test_client().open(path, method=method, json=body, headers=CLIENT)
        parts.storage.history.flush()
        for part in (parts.media.plex, parts.media.overseerr, parts.storage.database, parts.redis):
            part.close()
        server.stop()
        kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
        for seen in (answer.data, str(answer.headers).encode(), caplog.text.encode(), kept):
            assert b"planted" not in seen
        return answer

    return ask


def test_a_refusal_in_overseerrs_words_is_told_without_them(
    ask: Callable[..., TestResponse],
) -> None:
    fault = {"path": "/body", "message": SAID}
    refused = answering(400, {"message": f"a rule, with {SAID}", "errors": [fault]})
    wanted = {"media_type": "movie", "media_id": 550}
    answer = ask(refused, "POST", "/api/v1/media/requests", wanted)
    assert (answer.status_code, answer.get_json()["type"]) == (422, "/problems/upstream-refused")
    assert answer.get_json()["detail"].count("********") == 5


def test_a_title_in_plexs_words_is_shown_without_them(ask: Callable[..., TestResponse]) -> None:
    library = {"key": "1", "type": "movie", "title": f"Movies of {SAID}"}
    found = answering(200, {"MediaContainer": {"size": 1, "Directory": [library]}})
    answer = ask(found, "GET", "/api/v1/media/libraries")
    (shown,) = answer.get_json()["libraries"]
    assert shown["title"] == "Movies of " + " ".join(["********"] * 5)


def test_a_redirect_to_a_host_with_a_secret_for_a_name_is_not_shown(
    ask: Callable[..., TestResponse],
) -> None:
    moved = answering(302, {}, "Location: http://planted-client-token.example/\r\n")
    answer = ask(moved, "GET", "/api/v1/media/libraries")
    assert (
        answer.get_json()["detail"]
        == "plex-media-server: it redirects (302), which is not followed"
    )
