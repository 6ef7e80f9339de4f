"""What every test may use: a clock that moves only when told, and an ear for events."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from blinker import Signal

from medianest.resilience import ManualClock
from tests.valkey import ValkeyProcess


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


@pytest.fixture(autouse=True, scope="session")
def no_settings_of_this_shell() -> Iterator[None]:
    """What happens to be set where the tests run is not for them."""
    with pytest.MonkeyPatch.context() as patched:
        for name in [name for name in os.environ if name.startswith("MEDIANEST_")]:
            patched.delenv(name)
        for name in ("PORT", "HOST", "WEB_CONCURRENCY"):
            patched.delenv(name, raising=False)
        yield
