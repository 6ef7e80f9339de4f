"""Commands end in time, whatever the servers do that they ask."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from medianest.cli.command import command
from medianest.cli.errors import CommandError
from medianest.cli.exits import Exit
from medianest.cli.remote.client import Client


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=50) as found:
        yield found


@pytest.mark.parametrize("first", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"])
def test_a_server_that_drips_is_left_in_time(listener: socket.socket, first: bytes) -> None:
    """Keeps out: a byte now and then that keeps every single wait of a socket from ending."""
    threading.Thread(target=_drip, args=(listener, first), daemon=True).start()
    url, began = f"http://127.0.0.1:{listener.getsockname()[1]}", time.monotonic()
    with pytest.raises(CommandError, match=r"no answer within 0\.3 s") as refused:
        Client(url, None, 0.3).get("health")
    assert time.monotonic() - began < 3
    assert refused.value.code is Exit.NO_ANSWER


def _drip(listener: socket.socket, first: bytes) -> None:
    with contextlib.suppress(OSError):
        connection, _ = listener.accept()
        with connection:
            connection.sendall(first)
            while not threading.Event().wait(0.05):
                connection.sendall(b" ")


def test_doctor_takes_no_longer_than_it_was_given(
    listener: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keeps out: one wait after the other, for each server that hangs."""
    port = listener.getsockname()[1]
    monkeypatch.setenv("PORT", str(port))
    monkeypatch.setenv("MEDIANEST_INSTANCE_PATH", str(tmp_path))
    for name, scheme, path in (
        ("PLEX", "http", ""),
        ("OVERSEERR", "http", ""),
        ("REDIS", "redis", ""),
        ("DATABASE", "postgresql", "/house"),
    ):
        monkeypatch.setenv(f"MEDIANEST_{name}_URL", f"{scheme}://127.0.0.1:{port}{path}")
    began = time.monotonic()
    done = CliRunner().invoke(command, ["doctor", "--json", "--timeout", "0.5"])
    assert time.monotonic() - began < 5
    wrong = {each["subject"] for each in json.loads(done.stdout) if each["status"] == "fault"}
    assert wrong == {"Plex", "Overseerr", "Redis", "database", "port"}
