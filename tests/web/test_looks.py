"""What looks is answered by one process for all; the rest, and what cannot be, by each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from werkzeug.test import Client, EnvironBuilder

from medianest.guards.ending import STREAMED
from medianest.web.looks import Looks
from medianest.web.proxies import FORWARDED
from medianest.web.traffic import answered, note_answer

PATHS = ("/", "/alerts", "/api/v1/health", "/api/v1/resilience", "/login", "/metrics")


def telling(name: str, **more: Any) -> Callable[..., Iterable[bytes]]:
    """An app that answers with its name, and with all that it was asked."""

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        environ.update(more)
        note_answer(environ, "/<path>", 203)
        start_response("203 Fine", [("X-Who", name), ("X-Who", "twice"), ("ETag", '"1"')])
        told = {key: value for key, value in environ.items() if isinstance(value, str | bool)}
        return [json.dumps(told).encode(), b"\n"]

    return app


class Elected:
    """Another process, to which no function leads but by bytes."""

    def __init__(self, like: str = "alike", **more: bool) -> None:
        self.looks = Looks(telling("elected", **more), PATHS, lambda: None, like)

    def ask(self, question: bytes) -> bytes | None:
        assert isinstance(question, bytes)
        return self.looks.answer(question)


def asked(path: str, method: str = "GET", elected: Any = None, **more: Any) -> Any:
    """The answer of a worker."""
    others = Elected() if elected is None else elected
    looks = Looks(telling("worker"), PATHS, lambda: others, "alike")
    return Client(looks).open(path, method=method, **more)


@pytest.mark.parametrize(
    ("path", "who"),
    [
        ("/", "elected"), ("/alerts", "elected"), ("/alerts/x", "elected"), ("/alertsx", "worker"),
        ("/api/v1/health", "elected"), ("/api/v1/health/", "elected"), ("/metrics", "elected"),
        ("/api/v1/health/comprehensive", "elected"), ("/api/v1/resilience/status", "elected"),
        ("/api/v1/health/live", "worker"), ("/api/v1/health/ready", "worker"),
        ("/api/v1/media/libraries", "worker"), ("/login", "worker"), ("/x", "worker"),
    ],
)  # fmt: skip
def test_what_looks_is_answered_by_the_elected_one(path: str, who: str) -> None:
    assert asked(path).headers["X-Who"] == who
    assert asked(path, "HEAD").headers["X-Who"] == who
    assert asked(path, "POST").headers["X-Who"] == "worker"


def test_all_that_decides_an_answer_goes_along() -> None:
    builder = EnvironBuilder(
        "/alerts?fragment&name=ä", "https://nas.lan:8443/media", headers=[("If-None-Match", '"1"')]
    )
    environ = {**builder.get_environ(), "REMOTE_ADDR": "192.0.2.7", FORWARDED: True}
    there = Looks(telling("worker"), PATHS, Elected, "alike")(dict(environ), lambda *head: None)
    here = telling("elected")(dict(environ), lambda *head: None)
    found, expected = json.loads(b"".join(there)), json.loads(b"".join(here))
    process = {"wsgi.multithread", "wsgi.multiprocess", "wsgi.run_once"}
    assert {k: v for k, v in found.items() if k not in process} == {
        k: v for k, v in expected.items() if k not in process
    }


def test_the_answer_is_the_elected_ones_and_is_counted_here() -> None:
    environ, heads = EnvironBuilder("/alerts").get_environ(), []
    looks = Looks(telling("worker"), PATHS, Elected, "alike")
    b"".join(looks(environ, lambda *head: heads.append(head)))
    headers = [("X-Who", "elected"), ("X-Who", "twice"), ("ETag", '"1"')]
    assert heads == [("203 Fine", headers)]
    assert answered(environ) == ("/<path>", 203)


def test_who_cannot_be_asked_is_not_needed() -> None:
    class Nobody:
        def ask(self, question: bytes) -> None:
            return None

    assert asked("/alerts", elected=Nobody()).headers["X-Who"] == "worker"


def test_who_has_other_settings_is_not_believed() -> None:
    """Keeps out: with a new token, a worker of before refused it."""
    assert asked("/alerts", elected=Elected("another")).headers["X-Who"] == "worker"


def test_a_stream_is_not_relayed() -> None:
    elected = Elected("alike", **{STREAMED: True})
    assert asked("/alerts", elected=elected).headers["X-Who"] == "worker"


def test_a_look_with_a_body_is_not_relayed() -> None:
    assert asked("/alerts", data=b"x").headers["X-Who"] == "worker"


@pytest.mark.parametrize(
    "told",
    [
        b"", b"{}", b"[]\n", b"\xff\n", b'{"status": "200 OK", "headers": 7, "answered": null}\n',
        b'{"status": "200 OK", "headers": [], "answered": [1]}\n',
    ],
)  # fmt: skip
def test_what_is_no_answer_costs_nobody_theirs(told: bytes) -> None:
    class Liar:
        def ask(self, question: bytes) -> bytes:
            return told

    assert asked("/metrics", elected=Liar()).headers["X-Who"] == "worker"
