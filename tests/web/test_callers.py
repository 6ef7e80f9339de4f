"""For whom the database is called."""

from collections.abc import Callable

from flask import Flask

from medianest.storage.callers import CALLER, Caller


def test_the_database_knows_for_whom_it_is_called(make_app: Callable[..., Flask]) -> None:
    """Those whom the limit does not count have connections of their own, and so has what runs
    beside the requests."""
    app = make_app()
    seen: list[Caller] = []
    app.before_request_funcs.setdefault(None, []).insert(0, lambda: seen.append(CALLER.get()))
    for path in (
        "/api/v1/media/requests",
        "/api/v1/dashboard/status",
        "/api/v1/resilience/queue",
        "/api/v1/health",
    ):
        app.test_client().get(path)
    assert seen == ["client", "client", "operator", "operator"]
    assert CALLER.get() == "background"
