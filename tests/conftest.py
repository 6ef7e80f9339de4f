"""What every test may use: a clock that moves only when told, and an ear for events."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from blinker import Signal

from medianest.resilience import ManualClock
from medianest.sandbox import SandboxProcess
from tests.support.migrated import emptying, migrate
from tests.support.postgres import PostgresProcess
from tests.support.valkey import ValkeyProcess


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--pin`: see tests/web/test_pinned.py."""
    parser.addoption("--pin", action="store_true", help="write the files of tests/pinned anew")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """While tests are found nothing becomes garbage: to look for it took two fifths of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Thousands of tests, once found, stay: to look through them at each collection of garbage
    took a fifth of all the time."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def clock() -> ManualClock:
    """Time that stands still until a test advances it."""
    return ManualClock()


@pytest.fixture
def heard() -> Iterator[Callable[[Signal], list[Any]]]:
    """`heard(signal)` is the list of the events that the signal sends from now on."""
    connected: list[tuple[Signal, Callable[[Any], None]]] = []

    def listen(signal: Signal) -> list[Any]:
        events: list[Any] = []

        def note(event: Any) -> None:
            events.append(event)

        connected.append((signal, note))
        signal.connect(note)
        return events

    yield listen
    for signal, receiver in connected:
        signal.disconnect(receiver)


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the tables, for tests to copy."""
    file = tmp_path_factory.mktemp("migrated") / "medianest.db"
    migrate(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresProcess]:
    """One server for all tests that leave it as it was."""
    server = PostgresProcess()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def migrated_database(postgres: PostgresProcess) -> str:
    """The name of one of its databases with the tables."""
    migrate(postgres.make_database("migrated"))
    return "migrated"


@pytest.fixture
def emptied_database(postgres: PostgresProcess, migrated_database: str) -> str:
    """Its URL, with nothing in the tables and nobody left: a new one takes five times as long."""
    postgres.throw_out(migrated_database)
    postgres.execute(emptying(), migrated_database)
    return postgres.url(migrated_database)


@pytest.fixture(scope="session")
def valkey_process() -> Iterator[ValkeyProcess]:
    """One server for all tests that do it no harm."""
    server = ValkeyProcess()
    yield server
    server.stop()


@pytest.fixture
def valkey(valkey_process: ValkeyProcess) -> ValkeyProcess:
    """The same, empty."""
    with valkey_process.client() as client:
        client.flushall()
    return valkey_process


@pytest.fixture(scope="session")
def plex_process() -> Iterator[SandboxProcess]:
    """One Plex for all tests that neither kill nor replace it."""
    with SandboxProcess.start(kind="plex", port=0) as process:
        yield process


@pytest.fixture
def plex_sandbox(plex_process: SandboxProcess) -> Iterator[SandboxProcess]:
    """The same, without faults and with its counts at zero."""
    plex_process.clear_faults()
    plex_process.reset_requests()
    yield plex_process
    plex_process.clear_faults()


@pytest.fixture(scope="module")
def overseerr_process() -> Iterator[SandboxProcess]:
    """One Overseerr for the tests of a module, which see each other's requests for media."""
    with SandboxProcess.start(kind="overseerr", port=0) as process:
        yield process


@pytest.fixture
def overseerr_sandbox(overseerr_process: SandboxProcess) -> Iterator[SandboxProcess]:
    """The same, without faults and with its counts at zero."""
    overseerr_process.clear_faults()
    overseerr_process.reset_requests()
    yield overseerr_process
    overseerr_process.clear_faults()


@pytest.fixture(autouse=True, scope="session")
def no_settings_of_this_shell() -> Iterator[None]:
    """What happens to be set where the tests run is not for them."""
    with pytest.MonkeyPatch.context() as patched:
        for name in [name for name in os.environ if name.startswith("MEDIANEST_")]:
            patched.delenv(name)
        for name in ("PORT", "HOST", "WEB_CONCURRENCY"):
            patched.delenv(name, raising=False)
        yield
