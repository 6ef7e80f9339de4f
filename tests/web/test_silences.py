"""Operators silence alerts, over HTTP."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from medianest.resilience import ManualClock

DOWN = "dependency-down:plex-media-server"
KNOWN = {"duration_seconds": 3600, "reason": "moving the server"}


class Asked:
    """The app, and who asks it."""

    def __init__(self, app: Flask, operator: dict[str, str]) -> None:
        self.parts = app.extensions["medianest"]
        self._client, self._operator = app.test_client(), operator

    def ask(self, method: str, path: str, **options: Any) -> TestResponse:
        headers = options.pop("headers", self._operator)
        path = f"/api/v1/resilience/{path}"
        return self._client.open(path, method=method, headers=headers, **options)

    def silence(self, key: str = DOWN, **body: Any) -> TestResponse:
        return self.ask("POST", f"alerts/{key}/silence", json=KNOWN | body)

    def end(self, key: str = DOWN) -> TestResponse:
        return self.ask("DELETE", f"alerts/{key}/silence")

    @property
    def listed(self) -> list[Any]:
        return self.ask("GET", "silences").get_json()["silences"]


@pytest.fixture
def here(tables: None, make_app: Callable[..., Flask], operator: dict[str, str]) -> Asked:
    """One whose Plex refuses connections, and whose tables are there."""
    app = make_app("development", plex={"url": "http://127.0.0.1:1"}, sandbox=False)
    return Asked(app, operator)


def fire(here: Asked, clock: ManualClock) -> None:
    """Let time pass until it is known that Plex is down."""
    for _ in range(20):
        clock.advance(10)
        for check in here.parts.monitoring.monitor.checks():
            here.parts.monitoring.monitor.run(check.name)
        here.parts.monitoring.alerts.evaluate()


def test_it_is_answered_listed_and_audited(here: Asked) -> None:
    answer = here.silence()
    assert (answer.status_code, answer.get_json()) == (
        200,
        {
            "key": DOWN,
            "set_at": "2026-01-01T00:00:00.000Z",
            "until_at": "2026-01-01T01:00:00.000Z",
            "reason": "moving the server",
            "actor": "operator",
            "kept": True,
        },
    )
    assert here.listed == [answer.get_json()]
    (entry,) = here.ask("GET", "audit").get_json()["items"]
    assert (entry["action"], entry["target"], entry["reason"], entry["detail"]) == (
        "alert.silence", DOWN, "moving the server", {"duration_seconds": 3600.0},
    )  # fmt: skip


def test_an_alert_that_fires_shows_it_and_nobody_is_told(here: Asked, clock: ManualClock) -> None:
    told: list[Any] = []
    here.parts.monitoring.alerts.sinks.append(told.append)
    tag = here.ask("GET", "status").headers["ETag"]
    assert here.silence().status_code == 200
    fire(here, clock)
    shown = {"until_at": "2026-01-01T01:00:00.000Z", "reason": "moving the server"}
    (alert,) = here.ask("GET", "alerts").get_json()["firing"]
    assert (alert["key"], alert["silence"]) == (DOWN, {**shown, "actor": "operator"})
    assert (alert["notified_at"], told) == (None, [])
    (alert,) = here.ask("GET", "status").get_json()["alerts"]
    assert alert["silence"]["reason"] == "moving the server"
    silent = here.ask("GET", "status").headers["ETag"]
    assert here.end().get_json()["until_at"] == "2026-01-01T00:03:20.000Z"
    assert len({tag, silent, here.ask("GET", "status").headers["ETag"]}) == 3
    here.parts.monitoring.alerts.evaluate()
    assert [each.key for each in told] == [DOWN]
    (alert,) = here.ask("GET", "alerts").get_json()["firing"]
    assert (alert["silence"], alert["notified_at"]) == (None, "2026-01-01T00:03:20.000Z")


def test_what_is_not_silenced_cannot_be_ended(here: Asked) -> None:
    here.silence("dependency-down:plex")  # which is short for it
    assert [each["key"] for each in here.listed] == [DOWN]
    assert here.end("dependency-down:plex").status_code == 200
    again = here.end()
    assert (again.status_code, again.get_json()["detail"]) == (
        404,
        f"the alert '{DOWN}' is not silenced",
    )
    actions = [each["action"] for each in here.ask("GET", "audit").get_json()["items"]]
    assert sorted(actions) == ["alert.end-silence", "alert.silence"]


def test_a_key_that_no_alert_has_is_told_so(here: Asked) -> None:
    answer = here.silence("dependency-down:toaster").get_json()
    assert answer["detail"] == "there is no alert 'dependency-down:toaster'"
    assert {DOWN, "memory:system"} <= set(answer["alerts"])


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"duration_seconds": 59}, "duration_seconds: must be greater than or equal to 60"),
        (
            {"duration_seconds": 2_592_001},
            "duration_seconds: must be less than or equal to 2592000",
        ),
        ({"reason": ""}, "reason: must have at least 1 character"),
        ({"reason": "x" * 501}, "reason: must have at most 500 characters"),
        ({"reason": None}, "reason: must be a valid string"),
    ],
)
def test_what_is_out_of_bounds_is_told_so(here: Asked, wrong: Any, words: str) -> None:
    answer = here.silence(**wrong)
    assert (answer.status_code, answer.get_json()["detail"]) == (422, words)
    assert here.listed == []


def test_only_operators_silence(here: Asked, viewer: dict[str, str]) -> None:
    answer = here.ask("POST", f"alerts/{DOWN}/silence", json=KNOWN, headers=viewer)
    assert answer.status_code == 403


def test_without_the_database_it_is_obeyed_and_the_answer_is_202(
    make_app: Callable[..., Flask], operator: dict[str, str], tmp_path: Any
) -> None:
    (tmp_path / "medianest.db").mkdir()
    here = Asked(make_app("development", sandbox=False), operator)
    answer = here.silence("memory:system")
    assert (answer.status_code, answer.get_json()["kept"]) == (202, False)
    assert [each["key"] for each in here.listed] == ["memory:system"]
    assert here.end("memory:system").status_code == 202
    assert here.listed == []
