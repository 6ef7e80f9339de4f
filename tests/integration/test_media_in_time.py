"""What Plex or Redis does in the way of an answer costs no more time than it may."""

import time
from pathlib import Path
from typing import Any

import pytest

from medianest.app import create_app
from medianest.config import PlexSettings
from medianest.media.errors import SlowError
from medianest.media.plex.client import PlexClient
from medianest.resilience import ManualClock
from medianest.sandbox import SandboxProcess
from tests.support.valkey import ValkeyProcess

MARGIN = 0.5


@pytest.mark.parametrize(
    ("fault", "options"),
    [
        ("hang", {}),
        ("latency", {"seconds": 3}),
        ("drip", {"interval": 0.05}),
        ("drip", {"interval": 0.05, "where": "headers"}),
    ],
)
def test_no_fault_holds_a_call_past_its_timeout(
    plex_sandbox: SandboxProcess, fault: str, options: dict[str, Any]
) -> None:
    settings = PlexSettings(url=plex_sandbox.url, token=plex_sandbox.token, timeout=0.5)
    client = PlexClient(plex_sandbox.url, settings)
    plex_sandbox.fault(fault, **options)
    began = time.monotonic()
    with pytest.raises(SlowError):
        client.libraries()
    assert 0.4 < time.monotonic() - began < 0.5 + MARGIN
    client.close()


def test_a_frozen_redis_costs_a_client_a_little_time_and_nothing_else(
    plex_sandbox: SandboxProcess, clock: ManualClock, tmp_path: Path
) -> None:
    valkey = ValkeyProcess()
    settings = {
        "env": "testing",
        "instance_path": tmp_path,
        "client_token": "the-client-token",
        "plex": {"url": plex_sandbox.url, "token": plex_sandbox.token},
        "redis": {"url": valkey.url},
    }
    app = create_app(settings, clock=clock)
    parts = app.extensions["medianest"]
    try:
        valkey.freeze()
        began = time.monotonic()
        headers = {"Authorization": "Bearer the-client-token"}
        answer = app.test_client().get("/api/v1/media/libraries", headers=headers)
        assert not answer.get_json()["degraded"]
        assert time.monotonic() - began < 0.25 + MARGIN
    finally:
        for part in (parts.media.plex, parts.storage.database, parts.redis):
            part.close()
        valkey.stop()
