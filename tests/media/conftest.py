"""A sandbox Plex for the tests of this folder: its own process, real sockets."""

from pathlib import Path

import pytest

from medianest.config import PlexSettings
from medianest.media.plex_client import PlexClient
from medianest.sandbox.process import SandboxProcess


@pytest.fixture(scope="session")
def sandbox():
    with SandboxProcess.start(kind="plex", port=0) as process:
        yield process


@pytest.fixture
def plex_server(sandbox):
    """The sandbox without faults and with its counters at zero."""
    sandbox.clear_faults()
    sandbox.reset_requests()
    yield sandbox
    sandbox.clear_faults()


@pytest.fixture
def settings(plex_server):
    return PlexSettings(url=plex_server.url, token=plex_server.token, timeout=0.5)


@pytest.fixture
def client(settings):
    client = PlexClient(settings.url, settings)
    yield client
    client.close()


CAPTURES = Path(__file__).parents[3] / "shared" / "captures"
collect_ignore = [] if CAPTURES.is_dir() else ["test_captures.py"]
