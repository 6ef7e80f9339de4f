"""For whom the database is called."""

from collections.abc import Callable

from flask import Flask


def test_the_database_knows_for_whom_it_is_called(make_app: Callable[..., Flask]) -> None:
    """Those whom the limit does not count have connections of their own, and so has what runs
    beside the requests."""
    app = make_app()
    caller = app.extensions["medianest"].storage.database._caller
    assert caller() == "background"
    for path, who in (
        ("/api/v1/media/requests", "client"),
        ("/api/v1/dashboard/status", "client"),
        ("/api/v1/resilience/queue", "operator"),
        ("/api/v1/health", "operator"),
    ):
        with app.test_request_context(path):
            assert caller() == who
