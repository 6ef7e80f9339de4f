"""A rehearsal tells what would happen, what happens is that, and the history tells it: for each
operation and each kind of trouble, with real servers."""

import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from medianest.media.errors import MediaError
from medianest.media.requests import LISTING
from medianest.resilience import CallRefusedError, ManualClock, State
from medianest.sandbox.process import SandboxProcess
from medianest.storage import StorageError
from tests.support.narrowing import not_none

RESILIENCE = "/api/v1/resilience"
MEDIA = "/api/v1/media"
VIEWER = {"Authorization": "Bearer the-viewer-token"}
CLIENT = {"Authorization": "Bearer the-client-token"}
OPERATOR = {"Authorization": "Bearer the-operator-token"}
TROUBLES = ("timeout", "ECONNREFUSED", "5xx", "circuit-open")


def get(path: str, **query: Any) -> Callable[..., Any]:
    return lambda app: app.test_client().get(path, query_string=query, headers=CLIENT)


def request_a_title(app: Flask) -> TestResponse:
    wish = {"media_type": "movie", "media_id": 550}
    return app.test_client().post(f"{MEDIA}/requests", json=wish, headers=CLIENT)


def tried(ask: Callable[..., Any]) -> Callable[[Flask], None]:
    """A call without the web in front of it; that it fails is no news."""

    def call(app: Flask) -> None:
        try:
            ask(app.extensions["medianest"])
        except (MediaError, StorageError, CallRefusedError):
            pass

    return call


def one(connection: Any) -> Any:
    return connection.exec_driver_sql("SELECT 1").scalar()


CALLS = {
    "plex-media-server.libraries": get(f"{MEDIA}/libraries"),
    "plex-media-server.items": get(f"{MEDIA}/libraries/1/items", limit=2),
    "plex-media-server.recently_added": get(f"{MEDIA}/recently-added", limit=5),
    "plex-media-server.search": tried(lambda parts: parts.media.plex.search("love")),
    "plex-media-server.sessions": get(f"{MEDIA}/sessions"),
    "overseerr.search": tried(lambda parts: parts.media.overseerr.search("love")),
    LISTING: get(f"{MEDIA}/requests"),
    "overseerr.request": request_a_title,
    "database.read": tried(lambda parts: parts.storage.database.read(one)),
    "database.write": tried(lambda parts: parts.storage.database.write(one)),
    "dashboard.queue": get("/api/v1/dashboard/status"),
}
OF_DATABASE = ("database.read", "database.write", "dashboard.queue")
BREAKER = {"plex-media-server": "plex", "overseerr": "overseerr", "dashboard": "database"}


@pytest.fixture
def servers(
    plex_sandbox: SandboxProcess, overseerr_sandbox: SandboxProcess
) -> dict[str, SandboxProcess]:
    return {"plex": plex_sandbox, "overseerr": overseerr_sandbox}


@pytest.fixture
def app(make_app: Callable[..., Flask], servers: dict[str, Any], tables: None) -> Flask:
    """The app with a Plex and an Overseerr that are well."""
    patience = {"timeout": 0.3, "max_attempts": 1, "reset_timeout": 600, "max_reset_timeout": 600}
    plex, overseerr = servers["plex"], servers["overseerr"]
    return make_app(
        plex={"url": plex.url, "token": plex.token, **patience},
        overseerr={"url": overseerr.url, "api_key": overseerr.token, **patience},
    )


@pytest.fixture
def trouble(app: Flask, servers: dict[str, Any]) -> Iterator[Callable[[str, str], None]]:
    """`trouble(name, kind)` makes the server fail that an operation needs."""
    gone = []

    def make(name: str, kind: str) -> None:
        server = servers[BREAKER[name.partition(".")[0]]]
        if kind == "timeout":
            server.fault("hang")
        elif kind == "5xx":
            server.fault("status", status=503)
        elif kind == "ECONNREFUSED":
            gone.append(server)
            server.stop()
        else:
            app.extensions["medianest"].registry.breaker(name.partition(".")[0]).open("a test")

    yield make
    for server in gone:
        server.restart()


def rehearse(app: Flask, name: str, kind: str, **more: Any) -> TestResponse:
    body = {"operation": name, "error": kind, **more}
    path = f"{RESILIENCE}/recovery/test"
    return app.test_client().post(path, json=body, headers=OPERATOR)


def ran(record: dict[str, Any]) -> list[str]:
    return [step["action"] for step in record["steps"] if step["outcome"] not in NOT_RUN]


NOT_RUN = ("declined", "suspended")


def told(app: Flask, name: str) -> dict[str, Any] | None:
    """What the history tells of an operation; None: nothing. That the audit cannot be written is
    another matter."""
    records = app.extensions["medianest"].service.recovery.history.records()
    return next(
        (
            record.as_dict()
            for record in records
            if record.operation == name and record.metadata.get("statement") != "Journal._insert"
        ),
        None,
    )


def agree(
    app: Flask, clock: ManualClock, name: str, kind: str
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Assert that prediction, rehearsal, the call itself and the history are of one mind."""
    answer = not_none(rehearse(app, name, kind).json)
    predicted = [action["action"] for action in answer["actions"] if action["applies"]]
    assert told(app, name) is None, "a rehearsal is in the history"
    executed = rehearse(app, name, kind, execute=True).get_json()["executed"]
    assert told(app, name) is None, "a rehearsal is in the history"
    clock.advance(1.5)  # what the rehearsal has run cools down
    CALLS[name](app)
    happened = told(app, name)
    if happened is None:
        assert (predicted, ran(executed), executed["recovered_by"]) == ([], [], None)
        return answer, None
    assert ran(executed) == ran(happened) == predicted[: len(ran(happened))]
    assert executed["recovered_by"] == happened["recovered_by"]
    assert executed["error"]["type"] == happened["error_type"] == answer["error"]
    return answer, happened


HELPS = {
    "plex-media-server.libraries": "cache-fallback",
    "plex-media-server.items": "cache-fallback",
    "plex-media-server.recently_added": "cache-fallback",
    LISTING: "graceful-degradation",
    "overseerr.request": "queue-for-later",
    "dashboard.queue": "default-response",
}


def test_each_operation_is_compared(app: Flask) -> None:
    listed = not_none(
        app.test_client().get(f"{RESILIENCE}/recovery/operations", headers=VIEWER).json
    )
    assert {each["name"] for each in listed["operations"]} == set(CALLS)
    actions = {each["name"]: each["actions"] for each in listed["operations"]}
    assert actions["plex-media-server.items"] == ["cache-fallback"]
    assert actions["database.read"] == ["database-reconnect", "circuit-breaker-reset"]
    assert actions["overseerr.request"] == ["queue-for-later"]
    assert actions["plex-media-server.sessions"] == []


@pytest.mark.parametrize("kind", TROUBLES)
@pytest.mark.parametrize("name", [name for name in CALLS if name not in OF_DATABASE])
def test_with_an_upstream_in_trouble_rehearsal_deed_and_history_agree(
    app: Flask, clock: ManualClock, trouble: Callable[[str, str], None], name: str, kind: str
) -> None:
    if name != "overseerr.request":
        CALLS[name](app)
    trouble(name, kind)
    _, happened = agree(app, clock, name, kind)
    assert (happened and happened["recovered_by"]) == HELPS.get(name)


@pytest.fixture
def database_in_trouble(make_app: Callable[..., Flask]) -> Iterator[Callable[[str], Flask]]:
    """`database_in_trouble(kind)` is an app whose database server refuses, or never answers."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def make(kind: str) -> Flask:
            port = listener.getsockname()[1]
            if kind != "timeout":
                listener.close()
            url = f"postgresql://kim:secret@127.0.0.1:{port}/x"
            patience = {"timeout": 0.3, "reset_timeout": 600, "max_reset_timeout": 600}
            return make_app(database={"url": url, **patience})

        yield make


@pytest.mark.parametrize("kind", ["timeout", "ECONNREFUSED"])
@pytest.mark.parametrize("name", OF_DATABASE)
def test_with_the_database_in_trouble_rehearsal_deed_and_history_agree(
    database_in_trouble: Callable[[str], Flask], clock: ManualClock, name: str, kind: str
) -> None:
    _, happened = agree(database_in_trouble(kind), clock, name, kind)
    assert not_none(happened)["recovered_by"] == HELPS.get(name)


@pytest.mark.parametrize("name", OF_DATABASE)
def test_with_the_breaker_of_the_database_open_rehearsal_deed_and_history_agree(
    database_in_trouble: Callable[[str], Flask], clock: ManualClock, name: str
) -> None:
    app = database_in_trouble("ECONNREFUSED")
    breaker = app.extensions["medianest"].registry.breaker("database")
    while breaker.state is not State.OPEN:
        CALLS["database.read" if name == "database.write" else "database.write"](app)
    clock.advance(30)  # the repairs that were tried meanwhile have rested
    _, happened = agree(app, clock, name, "circuit-open")
    assert not_none(happened)["recovered_by"] == HELPS.get(name)


@pytest.mark.parametrize("name", OF_DATABASE)
def test_a_database_never_answers_with_a_status(app: Flask, name: str) -> None:
    answer = rehearse(app, name, "5xx")
    assert (answer.status_code, answer.get_json()["errors"][0]["field"]) == (422, "error")


def test_an_unknown_operation_is_told_with_the_known_ones(app: Flask) -> None:
    for wrong in (
        {"name": "plex.shows"},
        {"name": "plex-media-server.items", "service": "database"},
    ):
        answer = rehearse(app, wrong.pop("name"), "timeout", **wrong)
        assert (answer.status_code, answer.get_json()["type"]) == (404, "/problems/not-found")
        assert answer.get_json()["operations"] == sorted(CALLS)


def test_a_rehearsal_for_given_arguments_is_about_these(app: Flask) -> None:
    CALLS["plex-media-server.items"](app)
    known = {"key": "1", "offset": 0, "limit": 2}

    def why_not(**context: Any) -> str | None:
        actions = rehearse(app, "plex-media-server.items", "timeout", context=context).get_json()[
            "actions"
        ]
        return next(a["why_not"] for a in actions if a["action"] == "cache-fallback")

    assert (why_not(), why_not(**known)) == (None, None)
    assert "no good answer" in not_none(why_not(**{**known, "offset": 2}))
    answer = rehearse(app, "plex-media-server.items", "timeout", context={**known, "key": []})
    assert (answer.status_code, answer.get_json()["errors"][0]["field"]) == (422, "context")


def test_rehearsals_have_a_list_of_their_own_and_count_for_nothing(
    app: Flask, trouble: Callable[[str, str], None], clock: ManualClock
) -> None:
    CALLS["plex-media-server.libraries"](app)
    parts = app.extensions["medianest"]
    before = parts.service.recovery.statistics()
    for _ in range(4):
        rehearse(app, "plex-media-server.libraries", "timeout", execute=True)
        rehearse(app, "overseerr.request", "timeout", execute=True)
    seen = not_none(app.test_client().get(f"{RESILIENCE}/recovery/rehearsals", headers=VIEWER).json)
    assert len(seen["items"]) == 8
    assert all(record["rehearsal"] for record in seen["items"])
    assert parts.service.recovery.statistics() == before
    assert parts.service.recovery.history.records() == []
    assert parts.monitoring.counters.fallbacks() == {}
    assert parts.queue.admin.figures()["pending"] == 0
