"""A sandbox server as a child process, for first runs and tests."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import tempfile
from http.client import HTTPException
from types import TracebackType
from typing import IO, Any, Final, Self
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

from medianest.resilience.clock import SystemClock

__all__ = ["SandboxError", "SandboxProcess"]

HTTP_SECONDS: Final = 5.0
EXIT_SECONDS: Final = 5.0

# The sandbox is on this host: whatever proxy the environment names is not asked.
_opener = build_opener(ProxyHandler({}))


class SandboxError(RuntimeError):
    """The sandbox did not start, or refused or did not answer a control request."""


class SandboxProcess:
    """One running sandbox; made by `start`, ended by `stop`, by `with`, or with its parent."""

    def __init__(
        self,
        kind: str,
        token: str,
        timeout: float,
        state: str | os.PathLike[str] | None = None,
    ) -> None:
        self.kind = kind
        self.token = token
        self.url = ""
        self._timeout = timeout
        self._state = state
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None

    @classmethod
    def start(
        cls,
        kind: str = "plex",
        port: int | None = None,
        token: str = "sandbox-token",
        timeout: float = 10.0,
        state: str | os.PathLike[str] | None = None,
    ) -> Self:
        """Start one and wait until it listens; SandboxError with its own words if it does not.

        `port` None is the kind's usual port, or any free one when that is taken; 0 is any.
        `state` is a file in which an Overseerr keeps its requests over restarts.
        """
        sandbox = cls(kind, token, timeout, state)
        sandbox._launch(port)
        return sandbox

    @property
    def pid(self) -> int:
        """The process id."""
        return self._running().pid

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.rpartition(":")[2])

    def fault(self, kind: str, **options: Any) -> str:
        """Switch a fault on and return its id."""
        wish = json.dumps({"kind": kind, **options}).encode()
        return str(self._control("POST", "faults", wish)["id"])

    def remove_fault(self, fault_id: str) -> None:
        """Switch one fault off."""
        self._control("DELETE", f"faults/{fault_id}")

    def clear_faults(self) -> None:
        """Switch all faults off."""
        self._control("DELETE", "faults")

    def faults(self) -> list[dict[str, Any]]:
        """The faults that are on."""
        active: list[dict[str, Any]] = self._control("GET", "faults")["faults"]
        return active

    def requests(self) -> dict[str, Any]:
        """What arrived: `total`, `by_path` and the `last` requests."""
        return self._control("GET", "requests")

    def reset_requests(self) -> None:
        """Count requests from zero."""
        self._control("DELETE", "requests")

    def state(self) -> dict[str, Any]:
        """What clients have brought about; of an Overseerr, its `requests` and their `count`."""
        return self._control("GET", "state")

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self._running().kill()
        self._reap()

    def stop(self) -> None:
        """End it; harmless when it has ended."""
        if self._process is not None:
            self._process.terminate()
            self._reap()

    def restart(self) -> None:
        """End it if it runs and start it anew on the same port, without faults or counts.

        What clients have brought about is gone, too, unless it has a file for its state.
        """
        self.stop()
        self._launch(self.port)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise SandboxError("the sandbox is not running")
        return self._process

    def _launch(self, port: int | None) -> None:
        command = [sys.executable, "-m", "medianest.sandbox", self.kind, "--until-stdin-closes"]
        command += ["--token", self.token]
        if port is not None:
            command += ["--port", str(port)]
        if self._state is not None:
            command += ["--state", os.fspath(self._state)]
        # A file and not a pipe: nobody reads it while the child runs, and a full pipe blocks.
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (_reap closes it)
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=True,  # Ctrl-C in the parent's terminal is for the parent
        )
        try:
            line = self._first_line(self._process)
        except BaseException:  # Ctrl-C, too, must not leave it behind
            self.stop()
            raise
        if not line.startswith("sandbox "):
            raise SandboxError(f"the sandbox did not start: {self._last_words()}")
        self.url = line.rpartition(" ")[2]

    def _first_line(self, process: subprocess.Popen[bytes]) -> str:
        assert process.stdout is not None
        clock, output, text = SystemClock(), process.stdout.fileno(), b""
        until = clock.now() + self._timeout
        with selectors.DefaultSelector() as selector:
            selector.register(output, selectors.EVENT_READ)
            while not text.endswith(b"\n") and selector.select(max(0.0, until - clock.now())):
                if not (some := os.read(output, 4096)):
                    break
                text += some
        return text.decode().strip() if text.endswith(b"\n") else ""

    def _last_words(self) -> str:
        process, errors = self._running(), self._errors
        assert errors is not None
        try:
            process.wait(0.5)  # its output closes a moment before it has ended
        except subprocess.TimeoutExpired:
            process.kill()
        process.wait(EXIT_SECONDS)
        errors.seek(0)
        words = errors.read().decode(errors="replace").strip()
        self._reap()
        return words or f"no word within {self._timeout:g} s, exit code {process.returncode}"

    def _reap(self) -> None:
        process, self._process = self._running(), None
        try:
            process.wait(EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(EXIT_SECONDS)
        for pipe in (process.stdin, process.stdout, self._errors):
            if pipe is not None:
                pipe.close()

    def _control(self, method: str, path: str, body: bytes | None = None) -> dict[str, Any]:
        headers = {"Content-Type": "application/json"}
        request = Request(f"{self.url}/sandbox/{path}", body, headers, method=method)
        try:
            with _opener.open(request, timeout=HTTP_SECONDS) as response:
                answer: dict[str, Any] = json.load(response)
                return answer
        except HTTPError as error:
            with error:
                raise SandboxError(error.read().decode(errors="replace")) from None
        except (OSError, HTTPException) as error:
            raise SandboxError(f"the sandbox at {self.url} does not answer: {error}") from error
