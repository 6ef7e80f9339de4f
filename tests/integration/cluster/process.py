"""A worker of a host with one breaker, which does what it reads line by line, and says how that
went.

`python -m tests.integration.cluster.process FOLDER SETTINGS` with the settings as JSON.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from medianest.cluster import HostLink, host_name, tier_of
from medianest.config import Settings
from medianest.overrides.file import OverrideFile
from medianest.overrides.keeper import OverrideKeeper
from medianest.peers.host import HostPeers
from medianest.resilience import CallRefusedError, Registry

__all__ = ["Host", "Worker"]


class Worker:
    """One that runs."""

    def __init__(self, folder: Path, settings: dict[str, Any], inside: str) -> None:
        program = [sys.executable, "-m", __name__, str(folder), json.dumps(settings)]
        folder.mkdir(0o700, exist_ok=True)
        self._log = (folder / "log").open("a")
        self._process = subprocess.Popen(
            [*inside.split(), *program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )

    def answer(self) -> Any:
        """What it says of the first thing that it has not answered."""
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())

    def do(self, *words: str) -> Any:
        """Have it do something; what it says."""
        assert self._process.stdin is not None
        self._process.stdin.write(" ".join(words) + "\n")
        self._process.stdin.flush()
        return self.answer()

    def kill(self) -> None:
        """As a crash would."""
        self._process.kill()

    def end(self) -> None:
        """Be rid of it."""
        self._process.kill()
        self._process.communicate()
        self._log.close()


class Host:
    """Two workers that share a folder, until the end of the block. `inside` is what to put before
    a command for it to run on the host."""

    def __init__(self, folder: Path, inside: str = "", **settings: Any) -> None:
        self._folder = folder
        self.workers = [Worker(folder, settings, inside) for _ in range(2)]

    def __enter__(self) -> Self:
        for worker in self.workers:
            assert worker.answer() == "ready"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, t: TracebackType | None
    ) -> None:
        for worker in self.workers:
            worker.end()

    @property
    def log(self) -> str:
        return (self._folder / "log").read_text()

    def ask(self, *words: str) -> list[Any]:
        """Have all workers do something."""
        return [worker.do(*words) for worker in self.workers]

    @property
    def connected(self) -> int:
        """How many of its workers have a connection."""
        return sum(each["connected"] for each in self.ask("standing"))

    @property
    def elected(self) -> Worker:
        return next(each for each in self.workers if each.do("standing")["is_held"])

    @property
    def other(self) -> Worker:
        return next(each for each in self.workers if not each.do("standing")["is_held"])


class _Doer:
    def __init__(self, folder: Path, settings: Settings) -> None:
        self.registry = Registry()
        self.breaker = self.registry.breaker(
            "plex", failure_threshold=3, counting="consecutive", reset_timeout=2.0
        )
        self.peers = HostPeers(self.registry, folder / "peers")
        file = OverrideFile(folder / "overrides.json", self.registry.clock)
        self.keeper = OverrideKeeper(self.registry, file, None, self.peers)
        tier = tier_of(settings)
        assert tier is not None
        self.link = HostLink(
            tier,
            self.keeper,
            self.registry,
            lambda: self.peers.is_elected,
            self.peers.breakers,
            lambda: host_name(folder),
        )
        self.longest_call = 0.0
        self.rests = False

    def start(self) -> None:
        self.keeper.follow()
        self.peers.start()
        for each in (self.run_jobs, self.call):
            threading.Thread(target=each, daemon=True).start()

    def run_jobs(self) -> None:
        while True:
            self.keeper.follow()
            self.link.look()
            time.sleep(1)

    def call(self) -> None:
        """Calls through the breaker all the time, which take nothing."""
        while True:
            began = time.monotonic()
            if not self.rests:
                self.succeed()
            self.longest_call = max(self.longest_call, time.monotonic() - began)
            time.sleep(0.001)

    def succeed(self) -> None:
        with suppress(CallRefusedError):
            self.breaker.call(int)

    def fail(self) -> None:
        with suppress(CallRefusedError, ValueError):
            self.breaker.call(int, "no number")

    def rest(self, rests: str) -> None:
        """Whether calls are made all the time."""
        self.rests = rests == "yes"

    def longest(self) -> float:
        longest, self.longest_call = self.longest_call, 0.0
        return longest

    def act(self, action: Any) -> float:
        """How long the operator waits."""
        began = time.monotonic()
        self.keeper.act("plex", action)
        return time.monotonic() - began

    def state(self) -> str:
        return self.breaker.state.value

    def standing(self) -> dict[str, Any]:
        found = self.link.standing
        return {name: getattr(found, name) for name in ("is_held", "connected", "problem", "looks")}

    def fork(self) -> bool:
        """Whether the link is held, as is told in a process that is forked of this one."""
        reads, writes = os.pipe()
        if (pid := os.fork()) == 0:
            os.write(writes, json.dumps(self.standing()).encode())
            os._exit(0)
        found = os.read(reads, 1_000).decode()
        os.waitpid(pid, 0)
        return bool(json.loads(found)["is_held"])

    def stop(self) -> float:
        began = time.monotonic()
        self.link.stop()
        return time.monotonic() - began


def _main(folder: str, settings: str) -> None:
    logging.basicConfig(level=logging.INFO)
    doer = _Doer(Path(folder), Settings.load({}, json.loads(settings)))
    doer.start()
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        word, *rest = line.split()
        print(json.dumps(getattr(doer, word)(*rest)), flush=True)


if __name__ == "__main__":
    _main(*sys.argv[1:])
