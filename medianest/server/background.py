"""The background jobs of a worker process: they start after fork, and end with it."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from datetime import UTC, timedelta
from functools import partial
from typing import Any, Final

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler

from medianest.health import HealthMonitor
from medianest.jobs import Job, Lifecycle
from medianest.resilience import CallRefusedError, Clock
from medianest.resilience.steps import ClockSteps
from medianest.server.every import Every
from medianest.storage import StorageError
from medianest.storage.dependencies import MOST

__all__ = ["BackgroundJobs"]

logger = logging.getLogger(__name__)

_JOBS, _CHECKS, _SURE = "default", "checks", "sure"
_THREADS: Final = {
    _JOBS: 8,
    # A check that hangs keeps its thread, and no other check waits for it.
    _CHECKS: MOST + 20,
    # What must go on whatever hangs: the pulse of the monitor, alerts.
    _SURE: 4,
}
_BEAT_SECONDS: Final = 1.0
_CHECK: Final = "check "


class BackgroundJobs:
    """Does each of `jobs`, and each check of a `monitor`, by itself. `start` and `stop` may be
    called again; a forked child starts its own.

    `run_check(name)` runs a check; that of the monitor, unless it is given. `has_tables()` tells
    whether the database has the tables of this version, which jobs and the checks named in
    `need_tables` wait for.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        monitor: HealthMonitor,
        lifecycle: Lifecycle,
        clock: Clock,
        *,
        has_tables: Callable[[], bool],
        need_tables: Collection[str] = (),
        run_check: Callable[[str], object] | None = None,
    ) -> None:
        self._jobs = jobs
        self._monitor = monitor
        self._lifecycle = lifecycle
        self._clock = clock
        self._has_tables = has_tables
        self._need_tables = need_tables
        self._run_check = run_check if run_check is not None else monitor.run
        self._scheduler: BackgroundScheduler | None = None
        self._pid: int | None = None
        self._lock = threading.Lock()
        self._ended = threading.Event()

    def start(self) -> None:
        """Start the jobs of this process, if they do not run yet."""
        if self._pid == os.getpid():
            return
        with self._lock:
            if self._pid == os.getpid():
                return
            self._lifecycle.is_ending = False
            for job in self._jobs:
                if job.at_start is not None:
                    _quietly(job.name, job.at_start)
            self._scheduler, self._ended = self._scheduled(), threading.Event()
            self._scheduler.start()
            self._pid = os.getpid()  # not before: what has failed is begun again
            arguments = self._scheduler, self._ended
            threading.Thread(target=self._mind_the_clock, args=arguments, daemon=True).start()

    def stop(self) -> None:
        """Take on nothing new, and write what waits to be written. What runs now ends at its
        deadline."""
        self._lifecycle.is_ending = True
        with self._lock:
            scheduler, self._scheduler = self._scheduler, None
            if scheduler is None or self._pid != os.getpid():
                return
            self._pid = None
            self._ended.set()
        scheduler.shutdown(wait=False)
        for job in reversed(self._jobs):  # what has begun last may need what was there before
            if job.at_end is not None:
                _quietly(job.name, job.at_end)

    def _scheduled(self) -> BackgroundScheduler:
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        scheduler = BackgroundScheduler(
            executors={name: ThreadPoolExecutor(most) for name, most in _THREADS.items()},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone=UTC,
        )
        beat = Job(
            name="watch the checks",
            run=partial(self._beat, scheduler),
            every=min([_BEAT_SECONDS, *(check.interval for check in self._monitor.checks())]),
        )
        self._add(scheduler, beat, _SURE)
        for job in self._jobs:
            self._add(scheduler, job, _SURE if job.must_go_on else _JOBS)
        return scheduler

    def _add(self, scheduler: BackgroundScheduler, job: Job, executor: str) -> None:
        now = self._clock.utc() + timedelta(seconds=job.first)
        jitter = min(1.0, job.every / 10)  # many processes must not do it at the same instant
        scheduler.add_job(
            self._run, Every(job.every, jitter), (job,), id=job.name, next_run_time=now,
            executor=executor,
        )  # fmt: skip

    def _run(self, job: Job) -> None:
        if self._has_tables() or not job.needs_tables:
            _quietly(job.name, job.run)

    def _mind_the_clock(self, scheduler: BackgroundScheduler, ended: threading.Event) -> None:
        """The scheduler plans by the time of day: set back by an hour, it would do nothing for one.
        When that was set, all jobs are due at once, and planned anew."""
        clock, steps = self._clock, ClockSteps(self._clock)
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
        self._monitor.beat()
        wanted = {_CHECK + check.name: check for check in self._monitor.checks()}
        if not self._has_tables():
            for name in self._need_tables:
                wanted.pop(_CHECK + name, None)
        known = {job.id for job in scheduler.get_jobs() if job.id.startswith(_CHECK)}
        for name in known - wanted.keys():
            scheduler.remove_job(name)
        for name in wanted.keys() - known:
            check = wanted[name]
            run = partial(self._run_check, check.name)
            self._add(scheduler, Job(name=name, run=run, every=check.interval), _CHECKS)
        soon = self._clock.utc() + timedelta(seconds=_BEAT_SECONDS)
        for name in self._monitor.recovering():
            job = scheduler.get_job(_CHECK + name)
            if job is not None and job.next_run_time > soon:
                job.modify(next_run_time=soon)


def _quietly(name: str, run: Callable[[], Any]) -> None:
    try:
        run()
    except (StorageError, CallRefusedError) as error:
        logger.debug("cannot %s now: %s", name, error)
    except Exception:
        logger.exception("failed to %s", name)
