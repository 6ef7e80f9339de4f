"""The app on a clock that stands still, with every role's token."""

import pytest

from medianest.app import create_app

TOKENS = {
    "operator_token": "the-operator",
    "viewer_token": "the-viewer",
    "client_token": "the-client",
}


@pytest.fixture
def make_app(clock, tmp_path):
    def make(env="testing", **settings):
        values = {"env": env, "instance_path": tmp_path, **TOKENS, **settings}
        return create_app(values, clock=clock)

    return make


@pytest.fixture
def api(make_app):
    """A client of the app whose Plex refuses connections."""
    return make_app(plex={"url": "http://127.0.0.1:1", "breaker_enabled": True}).test_client()


@pytest.fixture
def operator():
    return {"Authorization": "Bearer the-operator"}
