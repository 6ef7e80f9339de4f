"""One house, which each test leaves as it was."""

from collections.abc import Iterator

import pytest

from medianest.sandbox.process import SandboxProcess
from tests.integration.command_line.house import House
from tests.support.waiting import wait_until


@pytest.fixture(scope="package")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    with (
        SandboxProcess.start(kind="plex", port=0) as plex,
        SandboxProcess.start(kind="overseerr", port=0, state=folder / "state") as overseerr,
    ):
        found = House(plex, overseerr, folder)
        found.server.wait_until()
        wait_until(lambda: found.ask("health")["status"] == "healthy")
        yield found
        found.server.stop()
