"""Operators' words on circuit breakers, over HTTP and from one process to the next."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from medianest.resilience import ManualClock

ACTION = "/api/v1/resilience/circuit-breakers/{}/action"
OVERRIDES = "/api/v1/resilience/overrides"


@pytest.fixture
def start(make_app: Callable[..., Flask], tmp_path: Path) -> Callable[[], Flask]:
    """`start()` is the app of a new process in the same folder."""

    def start_one() -> Flask:
        return make_app(plex={"url": "http://127.0.0.1:1", "breaker_enabled": True})

    return start_one


@pytest.fixture
def post(operator: dict[str, Any]) -> Callable[..., TestResponse]:
    def ask(app: Flask, name: str = "plex-media-server", **body: Any) -> TestResponse:
        return app.test_client().post(ACTION.format(name), json=body, headers=operator)

    return ask


def state(app: Flask, name: str = "plex-media-server") -> str:
    return app.extensions["medianest"].registry.breaker(name).state.value


def listed(app: Flask) -> dict[str, Any]:
    viewer = {"Authorization": "Bearer the-viewer-token"}
    return app.test_client().get(OVERRIDES, headers=viewer).get_json()


def test_the_answer_says_where_it_is_kept(
    start: Callable[[], Flask], post: Callable[..., TestResponse]
) -> None:
    app = start()
    answer = post(app, action="open", reason="moving", expires_in_seconds=3600)
    assert (answer.status_code, answer.get_json()["circuit_breaker"]["state"]) == (
        200,
        "forced_open",
    )
    assert answer.get_json()["kept"] == {
        "file": True,
        "database": False,  # its tables are not made in this test
        "problem": None,
        "other_workers_within_seconds": 2.0,
        "applied": {"workers": 1, "of": 1, "silent": []},
    }
    app.extensions["medianest"].storage.database.upgrade()
    assert post(app, action="enable").get_json()["kept"]["database"]


def test_each_app_obeys_before_its_first_request(
    start: Callable[[], Flask], post: Callable[..., TestResponse]
) -> None:
    app = start()
    post(app, action="open")
    post(app, "plex-media-server.search", action="disable")
    second = start()
    assert (state(second), state(second, "plex-media-server.search")) == ("forced_open", "disabled")
    post(second, action="close")
    assert state(start()) == "closed"


def test_where_it_can_be_kept_nowhere_it_is_obeyed_and_the_answer_is_202(
    start: Callable[[], Flask], post: Callable[..., TestResponse], tmp_path: Path
) -> None:
    app = start()
    (tmp_path / "overrides.json.lock").mkdir()  # even root cannot write to it
    answer = post(app, action="open")
    assert (answer.status_code, answer.get_json()["circuit_breaker"]["state"]) == (
        202,
        "forced_open",
    )
    kept = answer.get_json()["kept"]
    assert (kept["file"], kept["database"], kept["other_workers_within_seconds"]) == (
        False,
        False,
        None,
    )
    assert kept["problem"] == f"not kept: {tmp_path}/overrides.json: Is a directory"
    assert listed(app)["problem"] == f"{tmp_path}/overrides.json: Is a directory"


def test_where_only_the_database_has_it_the_answer_is_200_and_says_so(
    start: Callable[[], Flask], post: Callable[..., TestResponse], tmp_path: Path
) -> None:
    app = start()
    app.extensions["medianest"].storage.database.upgrade()
    (tmp_path / "overrides.json.lock").mkdir()
    answer = post(app, action="open")
    assert (answer.status_code, answer.get_json()["kept"]["database"]) == (200, True)
    assert "not kept" in answer.get_json()["kept"]["problem"]


def test_overrides_are_listed_also_of_breakers_that_are_gone(
    start: Callable[[], Flask],
    post: Callable[..., TestResponse],
    operator: dict[str, Any],
    clock: ManualClock,
) -> None:
    app = start()
    app.extensions["medianest"].registry.breaker("gone")
    post(app, action="open", reason="moving", expires_in_seconds=60)
    post(app, "gone", action="disable")
    second = start()
    gone, plex = listed(second)["overrides"]
    assert (gone["name"], gone["action"], gone["breaker_state"]) == ("gone", "disable", None)
    assert (plex["breaker_state"], plex["reason"], plex["actor"]) == (
        "forced_open",
        "moving",
        "operator",
    )
    assert plex["expires_at"] > plex["set_at"]
    ended = second.test_client().delete(f"{OVERRIDES}/gone", headers=operator)
    assert (ended.status_code, ended.get_json()["file"]) == (200, True)
    assert second.test_client().delete(f"{OVERRIDES}/gone", headers=operator).status_code == 404
    clock.advance(61)
    assert listed(second)["overrides"] == listed(start())["overrides"] == []


def test_only_operators_end_them(start: Callable[[], Flask]) -> None:
    app = start()
    viewer = {"Authorization": "Bearer the-viewer-token"}
    assert app.test_client().delete(f"{OVERRIDES}/plex", headers=viewer).status_code == 403
