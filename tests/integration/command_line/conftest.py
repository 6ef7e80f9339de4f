"""One house, which each test leaves as it was."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from click.testing import CliRunner, Result

from medianest.cli.command import command
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


@pytest.fixture
def run(house: House, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """`run("breakers list")` is how that command ends, with the token in the instance folder."""
    monkeypatch.setenv("PORT", str(house.server.port))
    monkeypatch.setenv("MEDIANEST_INSTANCE_PATH", str(house.server.directory))
    monkeypatch.delenv("HOST", raising=False)

    def call(line: str, *more: str, **options: Any) -> Result:
        return CliRunner().invoke(command, [*line.split(), *more], **options)

    return call


@pytest.fixture
def said(run: Callable[..., Result]) -> Callable[..., str]:
    """`said("breakers list")` is what that command says, and it must end well."""

    def call(line: str, *more: str) -> str:
        done = run(line, *more)
        assert done.exit_code == 0, done.output
        return done.stdout

    return call
