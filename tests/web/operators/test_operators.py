"""What operators see and do: recovery, cascade risk, the queue, the audit, the dashboard."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from medianest.resilience import Declined, ManualClock, RecoveryContext
from medianest.resilience.recovery import NamedOperation
from medianest.web.container import Container
from tests.support.narrowing import not_none
from tests.web.operators.asking import RESILIENCE


def recover(parts: Container, number: int = 0, service: str = "svc") -> None:
    manager = parts.service.recovery
    if "hopeless" not in [action.name for action in manager.actions]:
        manager.register_recovery_action(
            "hopeless", 1, execute=lambda error, context: 1 / 0, max_attempts=100
        )
    context = RecoveryContext(operation=f"op{number}", service=service)
    with pytest.raises(ConnectionError):
        parts.service.with_recovery(_down, context)


def _down() -> NoReturn:
    raise ConnectionError("down")


def test_the_history_is_paged_from_the_database(
    parts: Container, get: Callable[..., TestResponse], clock: ManualClock
) -> None:
    for number in range(5):
        recover(parts, number)
        clock.advance(1)
        if number == 2:
            parts.storage.history.flush()
    seen, query = [], {"limit": 2}
    while True:
        page = not_none(get("/recovery/history", **query).json)
        seen += [record["operation"] for record in page["items"]]
        if page["next"] is None:
            break
        query["cursor"] = page["next"]
    assert seen == ["op4", "op3", "op2", "op1", "op0"]
    assert get("/recovery/history", operation="op3").get_json()["items"][0]["service"] == "svc"
    assert get("/recovery/history", outcome="recovered").get_json()["items"] == []


def test_without_the_database_the_history_is_what_is_in_memory(
    parts: Container, get: Callable[..., TestResponse], broken: Callable[[], None]
) -> None:
    recover(parts)
    broken()
    page = not_none(get("/recovery/history").json)
    assert [record["operation"] for record in page["items"]] == ["op0"]
    assert page["is_complete"] is False


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("/recovery/history", {"steps": [{"action": "x", "outcome": "a word of another version"}]}),
        ("/recovery/history", {"error_type": None}),
        ("/audit", {"since": "another version"}),
    ],
)
def test_a_record_of_another_version_costs_itself_alone(
    parts: Container,
    get: Callable[..., TestResponse],
    clock: ManualClock,
    path: str,
    change: dict[str, Any],
) -> None:
    for number in range(3):
        recover(parts, number)
        parts.storage.audit.note("kim", "test", f"op{number}")
        clock.advance(1)
    journal = parts.storage.audit if path == "/audit" else parts.storage.history
    odd = journal.waiting()[1]
    journal.add({**odd, "record": {**odd["record"], **change}})
    journal.flush()
    names = [each.get("operation", each.get("target")) for each in get(path).get_json()["items"]]
    assert names == ["op2", "op0"]


@pytest.mark.parametrize("query", [{"cursor": "x"}, {"limit": 0}, {"outcome": "x"}, {"other": 1}])
def test_a_page_that_makes_no_sense_is_told(
    get: Callable[..., TestResponse], query: dict[str, Any]
) -> None:
    assert get("/recovery/history", **query).status_code == 422


def test_a_rehearsal_predicts_and_touches_nothing(
    parts: Container, post: Callable[..., TestResponse]
) -> None:
    answer = not_none(post("/recovery/test", operation="database.read", error="ECONNREFUSED").json)
    applies = {action["action"]: action["applies"] for action in answer["actions"]}
    assert applies["database-reconnect"]
    assert not applies["queue-for-later"]
    assert [a["priority"] for a in answer["actions"]] == [10, 8, 7, 6, 5, 4]
    assert answer["executed"] is None
    assert parts.service.recovery.history.records() == []


def test_a_rehearsal_with_execute_runs_the_actions(
    parts: Container, post: Callable[..., TestResponse], get: Callable[..., TestResponse]
) -> None:
    wish = {"operation": "database.read", "service": "database", "error": "timeout"}
    answer = not_none(post("/recovery/test", **wish, execute=True).json)
    assert answer["executed"]["steps"][0]["action"] == "database-reconnect"
    assert answer["executed"]["steps"][0]["outcome"] == "repaired"
    assert get("/audit").get_json()["items"][0]["action"] == "recovery.rehearse"


def test_a_chain_is_predicted_untouched_and_rehearsed_for_real(
    parts: Container, post: Callable[..., TestResponse]
) -> None:
    runs = []

    def act(
        name: str, priority: int, answer: RuntimeError | str, applies: bool | Declined = True
    ) -> None:
        def execute(error: Exception, context: RecoveryContext) -> str:
            runs.append(name)
            if isinstance(answer, Exception):
                raise answer
            return answer

        parts.service.recovery.register_recovery_action(
            name, priority, lambda error, context: applies, execute
        )

    parts.service.recovery.register_operation(NamedOperation(name="op", service="svc"))
    act("first", 30, RuntimeError("cannot"))
    act("second", 20, "never", applies=Declined("not for this"))
    act("third", 15, "the answer")
    wish = {"operation": "op", "service": "svc", "error": "5xx"}
    predicted = post("/recovery/test", **wish).get_json()["actions"][:3]
    assert [(a["action"], a["applies"], a["why_not"]) for a in predicted] == [
        ("first", True, None),
        ("second", False, "not for this"),
        ("third", True, None),
    ]
    assert runs == []
    executed = post("/recovery/test", **wish, execute=True).get_json()["executed"]
    assert [(s["action"], s["outcome"]) for s in executed["steps"]] == [
        ("first", "raised"),
        ("second", "declined"),
        ("third", "returned"),
    ]
    assert (executed["recovered_by"], runs) == ("third", ["first", "third"])


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({}, "action: must be given"),
        (
            {"action": "open", "expires_in_seconds": "soon"},
            "expires_in_seconds: must be a valid number",
        ),
        ({"action": "open", "expires_in_seconds": 0}, "expires_in_seconds: must be greater than 0"),
    ],
)
def test_a_wrong_action_is_told_in_our_words(
    post: Callable[..., TestResponse], body: dict[str, Any], detail: str
) -> None:
    assert post("/circuit-breakers/plex-media-server/action", **body).get_json()["detail"] == detail


@pytest.mark.parametrize("error", ["nonsense", "ENOTHING", "900"])
def test_an_unknown_error_is_told_with_the_known_ones(
    post: Callable[..., TestResponse], error: str
) -> None:
    answer = post("/recovery/test", operation="plex-media-server.search", error=error)
    assert answer.status_code == 422
    assert "timeout" in answer.get_json()["detail"]


def test_the_cascade_risk_names_the_routes_that_suffer(
    parts: Container, get: Callable[..., TestResponse]
) -> None:
    parts.registry.breaker("plex-media-server").open()
    answer = not_none(get("/cascade-risk").json)
    plex = next(d for d in answer["dependencies"] if d["name"] == "plex-media-server")
    assert "GET /api/v1/media/libraries" in plex["blast_radius"]["routes"]
    assert (answer["risk"], answer["risk_percent"]) == ("medium", 45.0)
    assert (plex["risk"], plex["risk_percent"]) == ("medium", 45.0)
    assert (plex["stress"]["highest"], plex["stress"]["breaker_state"]) == (1.0, "forced_open")


def test_the_dashboard_has_a_line_for_each_service(app: Flask, parts: Container) -> None:
    parts.registry.breaker("plex-media-server").open("moving house")
    parts.storage.database.upgrade()
    parts.monitoring.monitor.run("database")
    client = {"Authorization": "Bearer the-client-token"}
    answer = not_none(app.test_client().get("/api/v1/dashboard/status", headers=client).json)
    lines = {line["name"]: line["message"] for line in answer["services"]}
    assert lines == {
        "database": "works",
        "plex-media-server": "an operator has opened its circuit breaker: moving house",
    }
    assert answer["queue"]["pending"] == 0


def test_without_the_database_the_dashboard_says_less(
    app: Flask, broken: Callable[[], None]
) -> None:
    broken()
    client = {"Authorization": "Bearer the-client-token"}
    answer = app.test_client().get("/api/v1/dashboard/status", headers=client)
    assert (answer.status_code, answer.get_json()["queue"]["pending"]) == (200, None)


def test_the_commands_of_the_database(make_app: Callable[..., Flask], tmp_path: Path) -> None:
    runner = make_app().test_cli_runner()
    before = runner.invoke(args=["medianest", "db", "current"])
    assert (before.exit_code, before.output.split()[0]) == (1, "none")
    assert "upgraded from nothing" in runner.invoke(args=["medianest", "db", "upgrade"]).output
    assert "is current" in runner.invoke(args=["medianest", "db", "upgrade"]).output
    assert runner.invoke(args=["medianest", "db", "current"]).exit_code == 0


@pytest.mark.parametrize(
    "path",
    [
        f"{RESILIENCE}/circuit-breakers/plex",
        f"{RESILIENCE}/dependencies/plex",
        "/api/v1/health/external/plex",
    ],
)
def test_plex_is_short_for_its_whole_name(
    api: FlaskClient, operator: dict[str, Any], path: str
) -> None:
    answer = api.get(path, headers=operator)
    assert answer.get_json().get("name") == "plex-media-server", answer.text


def test_so_it_is_in_bodies_and_queries(
    get: Callable[..., TestResponse], post: Callable[..., TestResponse]
) -> None:
    assert post("/circuit-breakers/plex/action", action="open").status_code == 200
    (change,) = get("/audit", target="plex").get_json()["items"]
    assert change["target"] == "plex-media-server"
    told = post("/recovery/test", operation="plex.search", service="plex", error="timeout")
    assert told.get_json()["service"] == "plex-media-server"
