"""How many files a reader enters who follows what happens: measured by a trace of the running code.

`python -m benchmarks.walks` prints a line for each walk; with `--files`, their files too.
"""

from __future__ import annotations

import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Final

from flask import Flask

import medianest
from medianest.app import create_app
from medianest.resilience import ManualClock
from medianest.sandbox.process import SandboxProcess
from medianest.web.container import Container

PACKAGE: Final = str(Path(medianest.__file__).parent) + "/"
OPERATOR: Final = {"Authorization": "Bearer the-operator-token"}
MOST: Final = {
    "create_app": 168,  # 167 before Python 3.14
    "a request that is made": 63,
    "a request that is queued": 82,
    "an operator's action": 66,
    "an alert, from reading to delivery": 47,
}
"""How long each walk is now. One that grows fails; one that gets shorter takes its bound along."""


@contextmanager
def entered() -> Iterator[set[str]]:
    """The package's files of which a function is called, in any thread that begins meanwhile."""
    files: set[str] = set()

    def note(frame: FrameType, event: str, _argument: Any) -> None:
        name = frame.f_code.co_filename
        if event == "call" and name.startswith(PACKAGE) and frame.f_code.co_name != "<module>":
            files.add(name.removeprefix(PACKAGE))

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        yield files
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


def walks() -> dict[str, set[str]]:
    """The files of each walk."""
    with (
        tempfile.TemporaryDirectory() as folder,
        SandboxProcess.start(kind="overseerr", port=0) as overseerr,
    ):
        settings = {
            "env": "development",
            "instance_path": Path(folder),
            "sandbox": False,
            "operator_token": "the-operator-token",
            "overseerr": {"url": overseerr.url, "api_key": overseerr.token},
            "plex": {"url": "http://127.0.0.1:1"},
        }
        clock = ManualClock()
        with entered() as making:
            app = create_app(settings, clock=clock)
        parts: Container = app.extensions["medianest"]
        try:
            return {"create_app": making, **_walks_of(app, clock, overseerr)}
        finally:
            parts.close()


def _walks_of(app: Flask, clock: ManualClock, overseerr: SandboxProcess) -> dict[str, set[str]]:
    """Those through an app, whose Overseerr is away for the last of them."""
    parts: Container = app.extensions["medianest"]
    parts.storage.database.upgrade()
    _ask(app, 603, 201)  # what is done once is done
    with entered() as made:
        _ask(app, 604, 201)
    with entered() as acted:
        path = "/api/v1/resilience/circuit-breakers/plex-media-server/action"
        _post(app, path, {"action": "open", "reason": "a walk"}, 200)
    told = _telling(parts, clock)
    overseerr.stop()
    with entered() as queued:
        _ask(app, 605, 202)
    return {
        "a request that is made": made,
        "a request that is queued": queued,
        "an operator's action": acted,
        "an alert, from reading to delivery": told,
    }


def _ask(app: Flask, number: int, wanted: int) -> None:
    body = {"media_type": "movie", "media_id": number}
    _post(app, "/api/v1/media/requests", body, wanted)


def _post(app: Flask, path: str, body: dict[str, Any], wanted: int) -> None:
    answer = app.test_client().post(path, json=body, headers=OPERATOR)
    if answer.status_code != wanted:
        raise RuntimeError(f"{path}: {answer.status_code} is not what was to be walked")


def _telling(parts: Container, clock: ManualClock) -> set[str]:
    """Of the evaluation in which the alert about Plex is told."""
    monitor, told = parts.monitoring.monitor, list[Any]()
    parts.monitoring.alerts.sinks.append(told.append)
    for _ in range(60):
        for check in monitor.checks():
            monitor.run(check.name)
        monitor.beat()
        with entered() as files:
            parts.monitoring.alerts.evaluate()
        if told:
            return files
        clock.advance(5)
    raise RuntimeError("no alert was told")


def main(show: Callable[[str], None] = print) -> int:
    """Print them; 1 when one is longer than it is to be."""
    found = walks()
    for name, most in MOST.items():
        show(f"{len(found[name]):4} of {most:3} files  {name}")
        if "--files" in sys.argv:
            show("".join(f"       {file}\n" for file in sorted(found[name])))
    return int(any(len(found[name]) > most for name, most in MOST.items()))


if __name__ == "__main__":
    sys.exit(main())
