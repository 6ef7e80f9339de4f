"""Whether the database and Redis answer, take writes, and have the tables of this version."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import make_url

from medianest.cache.redis import RedisServer
from medianest.cli.local.doctor.finding import Finding, fault, good
from medianest.config import Settings
from medianest.dependencies.checks import CacheCheck, DatabaseCheck
from medianest.health import CheckResult, Status
from medianest.resilience import (
    CallRefusedError,
    Deadline,
    DeadlineExceededError,
    Registry,
    ResilienceService,
)
from medianest.storage import StorageError
from medianest.storage.database import Database
from medianest.storage.errors import CacheError

__all__ = ["examine_database", "examine_redis"]


def examine_database(settings: Settings, seconds: float) -> Finding:
    """The database that the settings name."""
    url = make_url(settings.database_url)
    is_file = url.get_backend_name() == "sqlite"
    if is_file and not Path(url.database or "").exists():
        return good(f"{url.database} is not there yet: the first start makes it")
    shown = url.render_as_string(hide_password=True)
    remedy = f"look at {url.database} and its rights"
    if not is_file:
        remedy = f"check that it runs, and MEDIANEST_DATABASE_URL ({shown})"
    service = ResilienceService(Registry())
    database = Database(settings.database_url, settings.database, service, threads=settings.threads)
    try:
        with Deadline(seconds, name="database").scope():
            return _of_database(database.dialect, DatabaseCheck(database)(), remedy)
    except (StorageError, CallRefusedError) as error:
        return fault(_whole(error), remedy)
    finally:
        database.close()


def _of_database(dialect: str, result: CheckResult, remedy: str) -> Finding:
    if result.status is Status.HEALTHY:
        return good(f"{dialect} {result.detail['server_version']}, its tables are current")
    if result.status is Status.DEGRADED:
        return fault(str(result.message).partition(": run ")[0], "medianest db upgrade")
    return fault(str(result.message), remedy)


def examine_redis(settings: Settings, seconds: float) -> Finding:
    """Redis, where the settings name one."""
    if settings.redis.url is None:
        return good("not set: last good answers stay in memory")
    url, service = settings.redis.url.get_secret_value(), ResilienceService(Registry())
    redis = RedisServer(url, settings.redis, service, threads=settings.threads)
    remedy = "check that it runs, and MEDIANEST_REDIS_URL"
    try:
        with Deadline(seconds, name="redis").scope():
            return _of_redis(CacheCheck(redis)(), remedy)
    except (CacheError, CallRefusedError) as error:
        return fault(_whole(error), remedy)
    finally:
        redis.close()


def _of_redis(result: CheckResult, remedy: str) -> Finding:
    if result.status is Status.HEALTHY:
        return good(f"version {result.detail['version']}")
    return fault(str(result.message), remedy)


def _whole(error: Exception) -> str:
    """With what the driver says."""
    if isinstance(error, DeadlineExceededError):
        return "it did not answer in time"
    cause = getattr(error.__cause__, "orig", None)
    return f"{error} ({str(cause).strip()})" if cause else str(error)
