"""What runs beside the requests in each worker process: starts after fork, ends with it."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, timedelta
from functools import partial
from typing import Any

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler

from medianest.every import Every
from medianest.monitoring.notifier import Notifier
from medianest.resilience import CallRefusedError
from medianest.resilience.steps import ClockSteps
from medianest.storage import StorageError, schema
from medianest.storage.dependencies import MOST
from medianest.web.parts import Parts

__all__ = ["Worker"]

logger = logging.getLogger(__name__)

_THREADS = {
    "default": 8,
    # A check that hangs keeps its thread, and no other check waits for it.
    "checks": MOST + 20,
    # What must go on whatever hangs: the pulse of the monitor, alerts.
    "watch": 4,
}
_SCHEMA_SECONDS, _JOURNAL_SECONDS, _PRUNE_SECONDS, _PRUNE_FIRST = 2.0, 1.0, 3600.0, 60.0
_BEAT_SECONDS, _ALERT_SECONDS, _SEND_SECONDS = 1.0, 5.0, 1.0
_PROBE_SECONDS = _FOLLOW_SECONDS = _RELEASE_SECONDS = 1.0
_TELL_SECONDS = 10.0
_LAST_LETTERS = 3.0
"""Seconds in which the last alerts may be sent when the process ends."""
_CHECK = "check "


class Worker:
    """Migrates, drains the queue, writes journals and prunes, watches and alerts, each in a job of
    its own. `start` and `stop` may be called again; a forked child starts its own."""

    def __init__(self, parts: Parts, notifier: Notifier) -> None:
        self._parts = parts
        self._notifier = notifier
        self._steps = ClockSteps(parts.registry.clock)
        self._scheduler: BackgroundScheduler | None = None
        self._pid: int | None = None
        self._lock = threading.Lock()
        self._stopping = False
        self._adopted = False
        self._ended = threading.Event()

    def start(self) -> None:
        """Start the jobs of this process, if they do not run yet."""
        if self._pid == os.getpid() or self._parts.settings.env == "testing":
            return
        with self._lock:
            if self._pid == os.getpid():
                return
            self._pid, self._stopping = os.getpid(), False
            self._parts.lifecycle.is_preparing = True
            self._parts.overrides.follow()  # the app may be older than what was said since
            self._scheduler, self._ended = self._scheduled(), threading.Event()
            self._scheduler.start()
            arguments = self._scheduler, self._ended
            threading.Thread(target=self._mind_the_clock, args=arguments, daemon=True).start()

    def stop(self) -> None:
        """Take on nothing new, and write what waits to be written. What runs now ends at its
        deadline."""
        self._stopping = True
        with self._lock:
            scheduler, self._scheduler = self._scheduler, None
            if scheduler is None or self._pid != os.getpid():
                return
            self._pid = None
            self._ended.set()
        scheduler.shutdown(wait=False)
        self._quietly("write the history", self._parts.history.flush)
        self._quietly("write the audit", self._parts.audit.flush)
        self._notifier.finish(_LAST_LETTERS)

    def stop_soon(self) -> None:
        """From a signal handler: only say that nothing new is taken on."""
        self._stopping = True

    def _scheduled(self) -> BackgroundScheduler:
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        scheduler = BackgroundScheduler(
            executors={name: ThreadPoolExecutor(most) for name, most in _THREADS.items()},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone=UTC,
        )
        parts, add = self._parts, partial(self._add, scheduler)
        stored = partial(add, stored=True)
        interval = parts.settings.health.interval
        add("prepare the database", self._prepare, _SCHEMA_SECONDS)
        stored("write the history", parts.history.flush, _JOURNAL_SECONDS)
        stored("write the audit", parts.audit.flush, _JOURNAL_SECONDS)
        stored("prune what is old", self._prune, _PRUNE_SECONDS, first=_PRUNE_FIRST)
        stored("learn of dependencies", parts.monitoring.dependencies.sync, interval)
        stored("keep overrides", parts.overrides.sync, interval)
        add("release connections", parts.database.release_idle, _RELEASE_SECONDS)
        add("obey overrides", parts.overrides.follow, _FOLLOW_SECONDS, executor="watch")
        for handler in parts.queue_runner.handlers:
            drain = partial(parts.queue_runner.run_due, handler.name, until=lambda: self._stopping)
            stored(f"drain {handler.name}", drain, parts.settings.queue.interval)
        add("probe plex", parts.plex.probe, _PROBE_SECONDS)
        add("watch", partial(self._beat, scheduler), min(_BEAT_SECONDS, interval), executor="watch")
        alerts = max(0.2, min(_ALERT_SECONDS, interval, parts.settings.alerts.hold / 4))
        add("alert", parts.monitoring.alerts.evaluate, alerts, executor="watch")
        stored("remember alerts", self._remember_alerts, interval)
        add("tell of failed attempts", parts.tokens.throttle.tell, _TELL_SECONDS, executor="watch")
        add("send alerts", self._notifier.flush, _SEND_SECONDS, executor="watch")
        return scheduler

    def _add(
        self,
        scheduler: BackgroundScheduler,
        name: str,
        job: Callable[[], Any],
        seconds: float,
        *,
        first: float = 0.0,
        executor: str = "default",
        stored: bool = False,
    ) -> None:
        """Have a job done every so many seconds; one that is `stored` needs the tables."""
        now = self._parts.registry.clock.utc() + timedelta(seconds=first)
        jitter = min(1.0, seconds / 10)  # many processes must not do it at the same instant
        scheduler.add_job(
            self._run, Every(seconds, jitter), (name, job, stored), id=name, next_run_time=now,
            executor=executor,
        )  # fmt: skip

    def _run(self, name: str, job: Callable[[], Any], stored: bool) -> None:
        if self._parts.lifecycle.schema_is_current or not stored:
            self._quietly(name, job)

    def _quietly(self, name: str, job: Callable[[], Any]) -> None:
        try:
            job()
        except (StorageError, CallRefusedError) as error:
            logger.debug("cannot %s now: %s", name, error)
        except Exception:
            logger.exception("failed to %s", name)

    def _mind_the_clock(self, scheduler: BackgroundScheduler, ended: threading.Event) -> None:
        """The scheduler plans by the time of day: set back by an hour, it would do nothing for one.
        When that was set, all jobs are due at once, and planned anew."""
        clock, steps = self._parts.registry.clock, ClockSteps(self._parts.registry.clock)
        while not ended.wait(_BEAT_SECONDS):
            if not (step := steps.look()):
                continue
            way = "forward" if step > 0 else "back"
            logger.warning("the time of day was set %s by %.0f s", way, abs(step))
            for job in scheduler.get_jobs():
                with suppress(JobLookupError):  # of what has just been removed
                    job.modify(next_run_time=clock.utc())

    def _beat(self, scheduler: BackgroundScheduler) -> None:
        """Give the monitor its pulse, and each check a job of its own."""
        monitor = self._parts.monitoring.monitor
        monitor.beat()
        wanted = {_CHECK + check.name: check for check in monitor.checks()}
        if not self._parts.lifecycle.schema_is_current:
            wanted.pop(f"{_CHECK}queue", None)  # there is no table to look into yet
        known = {job.id for job in scheduler.get_jobs() if job.id.startswith(_CHECK)}
        for name in known - wanted.keys():
            scheduler.remove_job(name)
        for name in wanted.keys() - known:
            check = wanted[name]
            run = partial(monitor.run, check.name)
            self._add(scheduler, name, run, check.interval, executor="checks")
        soon = self._parts.registry.clock.utc() + timedelta(seconds=_BEAT_SECONDS)
        for name in monitor.recovering():
            job = scheduler.get_job(_CHECK + name)
            if job is not None and job.next_run_time > soon:
                job.modify(next_run_time=soon)

    def _remember_alerts(self) -> None:
        """Those of other processes, and of this one before it was started anew."""
        alerts, journal = self._parts.monitoring.alerts, self._parts.monitoring.journal
        if not self._adopted:
            # First what the alerts are about: one whose subject is gone is over.
            self._parts.monitoring.dependencies.sync()
            alerts.adopt(journal.unresolved())
            self._adopted = True
        alerts.recall(journal.recent())

    def _prepare(self) -> None:
        lifecycle = self._parts.lifecycle
        try:
            self._migrate()
        finally:
            lifecycle.is_preparing = False

    def _migrate(self) -> None:
        """Bring the tables to this version, or see whether they are; and whether they still are."""
        parts, head = self._parts, schema.head_revision()
        lifecycle, database = parts.lifecycle, parts.database
        if parts.settings.database.migrate and not lifecycle.schema_is_current:
            before, found = database.upgrade()
            if before != found:
                logger.warning("database: migrated from %s to %s", before or "nothing", found)
        else:
            found = database.revision() or "none"
        is_known = found in schema.known_revisions() | {"none"}
        if found not in (head, lifecycle.schema):
            advice = "medianest db upgrade" if is_known else "they are of a newer version"
            logger.warning("database: its tables are at %s, not %s: %s", found, head, advice)
        # Another version has migrated while we run; what we use of the tables is still there.
        is_newer = lifecycle.schema_is_current and not is_known
        lifecycle.schema, lifecycle.schema_is_current = found, found == head or is_newer

    def _prune(self) -> None:
        """Remove what is old, and not what a clock that was set forward makes look so."""
        parts, ago = self._parts, self._steps.ago
        keep = parts.settings.database
        old = ago(keep.keep_history)
        parts.queue_admin.prune()
        parts.history.prune(old)
        parts.monitoring.journal.prune(old)
        parts.audit.prune(ago(keep.keep_audit))
