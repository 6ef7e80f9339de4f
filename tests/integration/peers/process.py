"""A process with one breaker, which does what it reads line by line, and says how that went.

`python -m tests.integration.peers.process FOLDER OPTIONS` with the options as JSON.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from medianest.peers.host import HostPeers
from medianest.resilience import Bulkhead, BulkheadFullError, CircuitOpenError, Registry

__all__ = ["Crowd", "Process"]

_TAKES = 0.02
"""Seconds of a call, which goes through a server and to another one. What calls that take next to
nothing do before the others have heard is shown by test_workers, with real ones."""


class Process:
    """One that runs."""

    def __init__(self, folder: Path, options: dict[str, Any]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(folder), json.dumps(options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.pid = self._process.pid

    def begin(self, *words: str) -> None:
        """Have it do something."""
        assert self._process.stdin is not None
        self._process.stdin.write(" ".join(words) + "\n")
        self._process.stdin.flush()

    def answer(self) -> str:
        """What it says of the first thing that it has not answered."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def do(self, *words: str) -> str:
        """Have it do something; what it says."""
        self.begin(*words)
        return self.answer()

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def end(self) -> None:
        """Be rid of it."""
        self._process.kill()
        self._process.communicate()


class Crowd:
    """Several of a folder, until the end of the block."""

    def __init__(self, number: int, folder: Path, **options: Any) -> None:
        self.processes = [Process(folder, options) for _ in range(number)]
        for each in self.processes:
            assert each.answer() == "ready"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, t: TracebackType | None
    ) -> None:
        for each in self.processes:
            each.end()

    def ask(self, *words: str) -> list[str]:
        """Have all of them do something."""
        for each in self.processes:
            each.begin(*words)
        return [each.answer() for each in self.processes]


class _Doer:
    def __init__(self, folder: str, options: str) -> None:
        registry = Registry()
        self.breaker = registry.breaker("plex", **json.loads(options))
        self.bulkhead = registry.bulkhead("plex", max_concurrent=2, scope="host")
        self.peers = HostPeers(registry, Path(folder))

    def call(self, how: str) -> str:
        def reach() -> None:
            time.sleep(_TAKES)
            if how == "fail":
                raise ConnectionError

        try:
            self.breaker.call(reach)
        except CircuitOpenError:
            return "refused"
        except ConnectionError:
            return "failed"
        return "done"

    def probe(self) -> str:
        """A call that hangs."""
        try:
            self.breaker.acquire()
        except CircuitOpenError:
            return "refused"
        return "done"

    def enter(self) -> str:
        """A call that does not end."""
        return _entered(self.bulkhead)

    def fork_and_enter(self) -> str:
        return _of_a_child(lambda: _entered(self.bulkhead))

    def state(self) -> str:
        return self.breaker.state.value

    def members(self) -> str:
        return str(len(self.peers.members()))

    def fork(self) -> str:
        return _of_a_child(lambda: str(len(self.peers.members())))


def _main(folder: str, options: str) -> None:
    doer = _Doer(folder, options)
    doer.peers.start()
    print("ready", flush=True)
    for line in sys.stdin:
        word, *rest = line.split()
        print(getattr(doer, word)(*rest), flush=True)
    doer.peers.stop()


def _entered(bulkhead: Bulkhead) -> str:
    try:
        bulkhead.acquire()
    except BulkheadFullError:
        return "full"
    return "done"


def _of_a_child(says: Callable[[], str]) -> str:
    """What a process says that is forked of this one, and ends."""
    reads, writes = os.pipe()
    if (pid := os.fork()) == 0:
        os.write(writes, says().encode())
        os._exit(0)
    found = os.read(reads, 10).decode()
    os.waitpid(pid, 0)
    return found


if __name__ == "__main__":
    _main(*sys.argv[1:])
