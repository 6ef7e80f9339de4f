"""What runs beside the requests in each worker process: starts after fork, ends with it."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from datetime import UTC, timedelta
from functools import partial

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from medianest.resilience import CallRefusedError
from medianest.storage import StorageError, schema
from medianest.web.parts import Parts

__all__ = ["Worker"]

logger = logging.getLogger(__name__)

_THREADS = 8
_SCHEMA_SECONDS, _JOURNAL_SECONDS, _PRUNE_SECONDS, _PRUNE_FIRST = 2.0, 1.0, 3600.0, 60.0


class Worker:
    """Migrates, drains the queue, writes journals and prunes, each in a job of its own. `start`
    and `stop` may be called again; a forked child starts its own."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._scheduler: BackgroundScheduler | None = None
        self._pid: int | None = None
        self._lock = threading.Lock()
        self._stopping = False

    def start(self) -> None:
        """Start the jobs of this process, if they do not run yet."""
        if self._pid == os.getpid() or self._parts.settings.env == "testing":
            return
        with self._lock:
            if self._pid == os.getpid():
                return
            self._pid, self._stopping = os.getpid(), False
            self._scheduler = self._scheduled()
            self._scheduler.start()

    def stop(self) -> None:
        """Take on nothing new, and write what waits to be written. What runs now ends at its
        deadline."""
        self._stopping = True
        with self._lock:
            scheduler, self._scheduler = self._scheduler, None
            if scheduler is None or self._pid != os.getpid():
                return
            self._pid = None
        scheduler.shutdown(wait=False)
        self._quietly("write the history", self._parts.history.flush)
        self._quietly("write the audit", self._parts.audit.flush)

    def stop_soon(self) -> None:
        """From a signal handler: only say that nothing new is taken on."""
        self._stopping = True

    def _scheduled(self) -> BackgroundScheduler:
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        scheduler = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(_THREADS)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone=UTC,
        )
        add = partial(self._add, scheduler)
        add("prepare the database", self._prepare, _SCHEMA_SECONDS)
        add("write the history", self._parts.history.flush, _JOURNAL_SECONDS)
        add("write the audit", self._parts.audit.flush, _JOURNAL_SECONDS)
        add("prune what is old", self._prune, _PRUNE_SECONDS, first=_PRUNE_FIRST)
        for handler in self._parts.drainer.handlers:
            drain = partial(self._parts.drainer.drain, handler.name, until=lambda: self._stopping)
            add(f"drain {handler.name}", drain, self._parts.settings.queue.interval)
        return scheduler

    def _add(
        self,
        scheduler: BackgroundScheduler,
        name: str,
        job: Callable[[], object],
        seconds: float,
        first: float = 0.0,
    ) -> None:
        now = self._parts.registry.clock.utc() + timedelta(seconds=first)
        jitter = min(1.0, seconds / 10)  # many processes must not do it at the same instant
        scheduler.add_job(
            self._run, "interval", (name, job), seconds=seconds, jitter=jitter, id=name,
            next_run_time=now,
        )  # fmt: skip

    def _run(self, name: str, job: Callable[[], object]) -> None:
        if job == self._prepare or self._parts.lifecycle.schema_is_current:
            self._quietly(name, job)

    def _quietly(self, name: str, job: Callable[[], object]) -> None:
        try:
            job()
        except (StorageError, CallRefusedError) as error:
            logger.debug("cannot %s now: %s", name, error)
        except Exception:
            logger.exception("failed to %s", name)

    def _prepare(self) -> None:
        """Bring the tables to this version, or see whether they are; and whether they still are."""
        parts, head = self._parts, schema.head_revision()
        lifecycle, database = parts.lifecycle, parts.database
        if parts.settings.database.migrate and not lifecycle.schema_is_current:
            before, found = database.upgrade()
            if before != found:
                logger.warning("database: migrated from %s to %s", before or "nothing", found)
        else:
            found = database.revision() or "none"
        if found not in (head, lifecycle.schema):
            logger.warning("database: its tables are at %s, not %s: flask db upgrade", found, head)
        lifecycle.schema, lifecycle.schema_is_current = found, found == head

    def _prune(self) -> None:
        parts, now = self._parts, self._parts.registry.clock.utc()
        keep = parts.settings.database
        parts.desk.prune()
        parts.history.prune(now - timedelta(seconds=keep.keep_history))
        parts.audit.prune(now - timedelta(seconds=keep.keep_audit))
