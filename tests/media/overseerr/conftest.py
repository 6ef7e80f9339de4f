"""A client of the sandbox Overseerr."""

from collections.abc import Iterator

import pytest

from medianest.config import OverseerrSettings
from medianest.media.overseerr.client import OverseerrClient
from medianest.sandbox.process import SandboxProcess
from tests.support.narrowing import not_none


@pytest.fixture
def client(overseerr_sandbox: SandboxProcess) -> Iterator[OverseerrClient]:
    settings = OverseerrSettings(
        url=overseerr_sandbox.url, api_key=overseerr_sandbox.token, timeout=0.5
    )
    client = OverseerrClient(not_none(settings.url), settings)
    yield client
    client.close()
