"""Recovery actions around views."""

import pytest
from flask import Flask

from medianest.flask import Resilience
from medianest.resilience import RETRY_OPERATION, ErrorRecoveryManager, ManualClock
from tests.guards.conftest import Calls


@pytest.fixture
def manager(clock: ManualClock) -> ErrorRecoveryManager:
    return ErrorRecoveryManager(clock=clock)


def test_a_recovery_action_answers_for_a_view(
    app: Flask,
    resilience: Resilience,
    calls: Calls,
    manager: ErrorRecoveryManager,
) -> None:
    _, script = calls
    script[:] = [KeyError("x")]
    contexts = []
    manager.register_recovery_action(
        "default", 1, execute=lambda error, context: contexts.append(context) or ("later", 203)
    )
    resilience.guard(
        "/api/critical", service="critical-service", recovery=manager, authorize=lambda: True
    )
    answer = app.test_client().get("/api/critical/thing")
    assert (answer.status_code, answer.text) == (203, "later")
    assert (contexts[0].operation, contexts[0].service) == ("thing", "critical-service")
    assert contexts[0].metadata == {"method": "GET", "path": "/api/critical/thing"}


@pytest.mark.parametrize(("method", "status", "times"), [("GET", 200, 2), ("POST", 500, 1)])
def test_after_a_repair_only_what_is_safe_is_run_again(
    app: Flask,
    resilience: Resilience,
    calls: Calls,
    manager: ErrorRecoveryManager,
    method: str,
    status: int,
    times: int,
) -> None:
    made, script = calls
    script[:] = [("bad", 500), ("ok", 200)]
    manager.register_recovery_action("repair", 1, execute=lambda error, context: RETRY_OPERATION)
    resilience.guard(
        "/api/critical", service="critical-service", recovery=manager, authorize=lambda: True
    )
    answer = app.test_client().open("/api/critical/thing", method=method)
    assert (answer.status_code, len(made)) == (status, times)
