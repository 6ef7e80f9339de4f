"""Who may do what."""

import re
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from medianest.resilience import ConfigurationError, ManualClock
from medianest.web.throttle import SECONDS_EACH

LIBRARIES = "/api/v1/media/libraries"
BREAKERS = "/api/v1/resilience/circuit-breakers"
ACTION = f"{BREAKERS}/plex/action"
PLEX = {"url": "http://127.0.0.1:1"}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def production(make_app: Callable[..., Flask]) -> FlaskClient:
    return make_app(env="production", plex=PLEX).test_client()


@pytest.mark.parametrize(
    ("token", "path", "status"),
    [
        (None, "/api/v1/health/", 200),
        (None, "/api/v1/health/live", 200),
        (None, LIBRARIES, 401),
        (None, BREAKERS, 401),
        (None, "/api/v1/health/circuit-breakers", 401),
        ("the-client-token", LIBRARIES, 503),
        ("the-client-token", BREAKERS, 403),
        ("the-viewer-token", LIBRARIES, 403),
        ("the-viewer-token", BREAKERS, 200),
        ("the-operator-token", LIBRARIES, 503),
        ("the-operator-token", BREAKERS, 200),
        ("somebody", BREAKERS, 401),
    ],
)
def test_each_role_may_do_what_is_its_own(
    production: FlaskClient, token: str | None, path: str, status: int
) -> None:
    headers = bearer(token) if token else {}
    assert production.get(path, headers=headers).status_code == status


@pytest.mark.parametrize("env", ["development", "testing", "production"])
def test_only_an_operator_acts(make_app: Callable[..., Flask], env: str) -> None:
    client = make_app(env=env, plex=PLEX).test_client()
    body = {"action": "close"}
    assert client.post(ACTION, json=body).status_code == 401
    assert client.post(ACTION, json=body, headers=bearer("the-client-token")).status_code == 403
    assert client.post(ACTION, json=body, headers=bearer("the-viewer-token")).status_code == 403
    assert client.post(ACTION, json=body, headers=bearer("the-operator-token")).status_code == 200


def test_a_401_says_how_to_authenticate(production: FlaskClient) -> None:
    assert production.get(BREAKERS).headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "header", ["Basic dGhlLW9wZXJhdG9y", "the-operator-token", "Bearer", "Bearer "]
)
def test_anything_but_a_known_bearer_token_is_refused(production: FlaskClient, header: str) -> None:
    assert production.get(BREAKERS, headers={"Authorization": header}).status_code == 401


def test_development_opens_client_and_viewer(make_app: Callable[..., Flask]) -> None:
    client = make_app(env="development", plex=PLEX).test_client()
    assert client.get(BREAKERS).status_code == 200
    assert client.get(LIBRARIES).status_code == 503  # let in; the Plex of this test is dead


PUBLIC = {
    "/api/v1/health": {200, 503},
    "/api/v1/health/live": {200},
    "/api/v1/health/ready": {200, 503},
    "/badge.svg": {200},
    "/problems/<kind>": {200},
}
"""What nobody needs a token for: probes, one word, and where the type of a problem leads."""


def test_production_without_tokens_refuses_all_but_probes(
    make_app: Callable[..., Flask], clock: ManualClock
) -> None:
    app = make_app(env="production", operator_token=None, viewer_token=None, client_token=None)
    client, refused = app.test_client(), 0
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("page."):
            continue  # they lead to the login form
        path = re.sub("<[^>]*>", "unauthorized", rule.rule)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            clock.advance(SECONDS_EACH)  # too quick for nobody
            answer = client.open(path, method=method, json={} if method == "POST" else None)
            if rule.rule in PUBLIC:
                assert answer.status_code in PUBLIC[rule.rule], path
                continue
            refused += 1
            assert answer.status_code == 401, (method, path)
            assert answer.content_type == "application/problem+json"
            assert re.search(
                "set MEDIANEST_(CLIENT|VIEWER|OPERATOR)_TOKEN", answer.get_json()["detail"]
            )
    assert refused > 30


def test_metrics_can_be_opened_to_all(make_app: Callable[..., Flask]) -> None:
    closed, opened = (
        make_app(env="production", metrics_public=public).test_client().get("/metrics")
        for public in (False, True)
    )
    assert (closed.status_code, opened.status_code) == (401, 200)


def test_development_keeps_a_random_operator_token(
    make_app: Callable[..., Flask], tmp_path: Path
) -> None:
    first = make_app(env="development", operator_token=None)
    path = tmp_path / "operator.token"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    second = make_app(env="development", operator_token=None)
    headers = bearer(path.read_text().strip())
    for app in (first, second):
        assert app.test_client().get(BREAKERS, headers=headers).status_code == 200
    assert [entry.name for entry in tmp_path.iterdir()] == ["operator.token"]


def test_a_token_that_others_may_read_is_refused_with_the_remedy(
    make_app: Callable[..., Flask], tmp_path: Path
) -> None:
    path = tmp_path / "operator.token"
    path.write_text("a-token-of-the-operator")
    path.chmod(0o644)
    with pytest.raises(ConfigurationError) as caught:
        make_app(env="development", operator_token=None)
    assert str(caught.value) == (
        f"{path}: others may read the operator token: its mode is 644: chmod 600 it"
    )


def test_nobody_can_prepare_the_file_of_the_token(
    make_app: Callable[..., Flask], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keeps out: a link under the name of the draft, through which the token goes elsewhere."""
    elsewhere = tmp_path / "elsewhere"
    monkeypatch.setattr("secrets.token_hex", lambda size: "known")
    (tmp_path / "operator.token.known").symlink_to(elsewhere)
    with pytest.raises(ConfigurationError, match="cannot keep the operator token"):
        make_app(env="development", operator_token=None)
    assert not elsewhere.exists()
