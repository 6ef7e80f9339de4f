"""The health monitor: runs checks when it is told to, and answers from what they found last.

Whoever has a scheduler calls `run` for each check and `beat` every second; others call `start`.
Readers never wait for a dependency.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Self

from medianest.health.background import Background
from medianest.health.check import Check, CheckResult, finding_of
from medianest.health.component import Change, ComponentHealth, ComponentTracker
from medianest.health.events import HealthChanged
from medianest.health.status import Status
from medianest.resilience import Clock, ConfigurationError, Deadline, UnknownNameError
from medianest.resilience.arguments import tells_arguments
from medianest.resilience.clock import as_clock
from medianest.resilience.events import publish
from medianest.resilience.snapshot import describe

__all__ = ["MONITOR", "HealthMonitor"]

MONITOR = "health-monitor"
"""The name of the component that is the monitor itself."""

STALL_SECONDS = 15.0
"""Without a beat for so long the monitor is taken for dead; it beats every second."""


@tells_arguments
class HealthMonitor:
    """Keeps the components of a system and what their checks found. Thread-safe.

        monitor = HealthMonitor()
        monitor.add(Check("nas", lambda: nas.ping()))
        with monitor:  # looks at them in the background until the block ends
            monitor.component("nas").status

    Each change of a status is given to `on_change` and published as a HealthChanged event.
    """

    def __init__(
        self,
        clock: Clock | Callable[[], float] | None = None,
        *,
        on_change: Callable[[Change], None] = lambda change: None,
    ) -> None:
        self._clock = as_clock(clock)
        self._on_change = on_change
        self._components: dict[str, ComponentTracker] = {}
        self._lock = threading.Lock()
        self._made_at = self._clock.now()
        self._beat_at: float | None = None
        self._alive_since: datetime | None = None
        self._refreshing = threading.Lock()
        self._background = Background(self, self._clock)

    def add(self, check: Check) -> None:
        """Watch a component from now on. Raises ConfigurationError when its name is taken."""
        with self._lock:
            if check.name in self._components or check.name == MONITOR:
                raise ConfigurationError(f"check {check.name!r} is registered already")
            self._components[check.name] = ComponentTracker(check, self._clock.now())

    def remove(self, name: str) -> None:
        """Watch it no longer. What is not there is not missed."""
        with self._lock:
            self._components.pop(name, None)

    def checks(self) -> list[Check]:
        """Everything that is watched."""
        with self._lock:
            return [component.check for component in self._components.values()]

    def recovering(self) -> list[str]:
        """What should be looked at again soon: what was found well again, to be sure, and that of
        which nothing could be found out."""
        with self._lock:
            return [name for name, found in self._components.items() if found.is_recovering]

    def run(self, name: str) -> None:
        """Run one check in this thread; nothing when it still runs, or is gone."""
        with self._lock:
            component = self._components.get(name)
            if component is None or not component.begin(self._clock.now()):
                return
        finding = CheckResult(Status.UNHEALTHY, "its check was interrupted")
        try:
            finding = self._found(component.check)
        finally:
            with self._lock:
                change = component.end(finding, self._clock.now())
                is_watched = self._components.get(name) is component
        if is_watched:
            self._tell(change)

    def records(self) -> list[dict[str, Any]]:
        """What is known of each component, for `adopt` in another process of this host."""
        with self._lock:
            return [component.record() for component in self._components.values()]

    def adopt(self, records: Iterable[Mapping[str, Any]]) -> bool:
        """Go on with what another process has found, which has published it; whether any status is
        another one now. Raises KeyError, TypeError or ValueError for what are no `records`."""
        with self._lock:
            known = [(self._components.get(record["name"]), record) for record in records]
            adopted = [component.adopt(record) for component, record in known if component]
        changes = [change for change in adopted if change is not None]
        for change in changes:
            self._on_change(change)
        return bool(changes)

    def beat(self) -> None:
        """Say that the scheduler is alive, and count the checks that hang."""
        with self._lock:
            now = self._clock.now()
            if self._beat_at is None or now - self._beat_at > STALL_SECONDS:
                self._alive_since = self._clock.utc()
            self._beat_at = now
            changes = [component.watch(now) for component in self._components.values()]
        for change in changes:
            self._tell(change)

    def refresh(self, patience: float) -> None:
        """Run every check now, each in a thread of its own, and wait for them at most so many
        seconds. Of several that want it at once, one does it and all wait."""
        if not self._refreshing.acquire(blocking=False):
            if self._refreshing.acquire(timeout=patience):
                self._refreshing.release()
            return
        try:
            until = self._clock.now() + patience
            threads = [
                threading.Thread(target=self.run, args=(check.name,), daemon=True)
                for check in self.checks()
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(max(0.0, until - self._clock.now()))
        finally:
            self._refreshing.release()

    def start(self) -> None:
        """Have the checks run in the background of this process, each in a thread of its own,
        until `stop`; nothing when they do already. Not before a fork: threads stay behind."""
        self._background.start()

    def stop(self, patience: float = 5.0) -> None:
        """Run no further check, and wait at most so many seconds for those that run."""
        self._background.stop(patience)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def component(self, name: str) -> ComponentHealth:
        """One component. Raises UnknownNameError."""
        with self._lock:
            if name in self._components:
                return self._components[name].take_snapshot(self._clock.now(), self._clock.utc())
        raise UnknownNameError(f"there is no component {name!r}")

    def components(self) -> list[ComponentHealth]:
        """All components; the monitor itself comes last."""
        with self._lock:
            now, utc, beat_at = self._clock.now(), self._clock.utc(), self._beat_at
            found = [component.take_snapshot(now, utc) for component in self._components.values()]
            alive_since = self._alive_since
        if beat_at is None:
            return [*found, _not_begun(now - self._made_at)]
        return [*found, _itself(now - beat_at, utc, alive_since)]

    def _found(self, check: Check) -> CheckResult:
        try:
            with Deadline(check.timeout, name=check.name, clock=self._clock).scope():
                finding = finding_of(check.run())
        except Exception as error:
            kind, message = describe(error)
            finding = CheckResult(Status.UNHEALTHY, message or kind)
        # It stands beside the name, wherever it is told.
        told = finding.message and finding.message.removeprefix(f"{check.name}: ")
        return finding if told == finding.message else replace(finding, message=told)

    def _tell(self, change: Change | None) -> None:
        if change is not None:
            self._on_change(change)
            before, after = change.before.value, change.after.value
            what = change.name, before, after, self._clock.utc(), change.message
            publish((HealthChanged(*what, origin=id(self)),))


def _itself(age: float, utc: datetime, alive_since: datetime | None) -> ComponentHealth:
    """Nobody checks the monitor but whoever reads it."""
    stalled = age > STALL_SECONDS
    beat_at = utc - timedelta(seconds=age)
    return ComponentHealth(
        name=MONITOR,
        kind="internal",
        criticality="important",
        status=Status.UNHEALTHY if stalled else Status.HEALTHY,
        since=beat_at + timedelta(seconds=STALL_SECONDS) if stalled else alive_since,
        checked_at=beat_at,
        age_seconds=round(age, 3),
        message=f"no heartbeat within {STALL_SECONDS:g} s" if stalled else None,
    )


def _not_begun(age: float) -> ComponentHealth:
    """It has a moment to begin; after that, nothing is there that would begin."""
    late = age > STALL_SECONDS
    return ComponentHealth(
        name=MONITOR,
        kind="internal",
        criticality="important",
        status=Status.UNHEALTHY if late else Status.UNKNOWN,
        since=None,
        checked_at=None,
        age_seconds=None,
        message=f"no check has run within {STALL_SECONDS:g} s"
        if late
        else "it has not started yet",
    )
