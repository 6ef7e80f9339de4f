"""The checks of what the settings name: the database, the cache, Plex and Overseerr.

They go past circuit breakers and bulkheads, so that they see recovery first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from medianest.cache.redis import RedisServer
from medianest.config import UpstreamTls
from medianest.health import CheckResult, Status
from medianest.media.errors import MediaError
from medianest.media.http import UpstreamHttp
from medianest.media.said import said
from medianest.resilience import Clock
from medianest.storage import CacheRefusedError, StorageError, schema
from medianest.storage.database import Database

__all__ = ["CacheCheck", "DatabaseCheck", "UpstreamCheck"]

_MOST_BYTES = 256 * 1024


class UpstreamCheck:
    """Asks a media server the question that it answers while it is well: `path` under `url`.

    `version_of` finds the version in the answer; `trouble()` is what else is wrong with it, though
    it answers, such as a token that it refuses.
    """

    def __init__(
        self,
        service: str,
        url: str,
        path: str,
        version_of: Callable[[Any], Any],
        *,
        timeout: float,
        clock: Clock,
        tls: UpstreamTls | None = None,
        trouble: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._path = path
        self._version_of = version_of
        self._trouble = trouble
        self._http = UpstreamHttp(
            service,
            url,
            headers={},
            timeout=timeout,
            max_bytes=_MOST_BYTES,
            connections=1,
            tls=tls,
            clock=clock,
        )

    def __call__(self) -> CheckResult:
        try:
            version = self._version_of(self._http.get_json(self._path))
        except MediaError as error:
            return CheckResult(Status.UNHEALTHY, str(error), _answered(error.status))
        except (AttributeError, KeyError, TypeError):
            message = f"{self._http.service}: something else answers at its address"
            return CheckResult(Status.UNHEALTHY, message, _answered(200))
        detail = {**_answered(200), "version": said(str(version), 100) if version else None}
        trouble = self._trouble()
        return CheckResult(Status.HEALTHY if trouble is None else Status.DEGRADED, trouble, detail)


def _answered(status: int | None) -> dict[str, Any]:
    return {"status_code": status, "version": None}


class DatabaseCheck:
    """Asks the database for its version and the revision of its tables, and writes to it unless
    that was done within `proven_for` seconds: what can be read may not be written."""

    def __init__(
        self,
        database: Database,
        is_being_prepared: Callable[[], bool] = lambda: False,
        *,
        proven_for: float = 0.0,
    ) -> None:
        self._database, self._is_being_prepared = database, is_being_prepared
        self._proven_for = proven_for
        self._head = schema.head_revision()

    def __call__(self) -> CheckResult:
        facts = self._database.ping()
        if facts.revision == self._head:
            return self._written(asdict(facts))
        if self._is_being_prepared():
            return CheckResult(Status.UNKNOWN, "its tables are being made", asdict(facts))
        message = f"{schema.in_words(facts.revision)}: run medianest db upgrade"
        return CheckResult(Status.DEGRADED, message, asdict(facts))

    def _written(self, detail: dict[str, Any]) -> CheckResult:
        try:
            self._database.prove_write(self._proven_for)
        except StorageError as error:
            return CheckResult(Status.UNHEALTHY, f"it does not accept writes: {error}", detail)
        return CheckResult(detail=detail)


class CacheCheck:
    """Asks Redis how it is, and writes to it; without one, memory stands in for it, and that is
    always there."""

    def __init__(self, redis: RedisServer | None) -> None:
        self._redis = redis

    def __call__(self) -> CheckResult:
        if self._redis is None:
            return CheckResult(detail={"mode": "memory"})
        detail = {"mode": "redis", **asdict(self._redis.ping())}
        try:
            self._redis.prove_write()
        except CacheRefusedError as error:
            return CheckResult(Status.DEGRADED, f"it does not accept writes: {error}", detail)
        return CheckResult(detail=detail)
