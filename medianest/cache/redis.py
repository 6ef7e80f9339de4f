"""Redis or Valkey: every command through one pipeline, bounded by the deadline, with own errors."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from redis import ConnectionPool, Redis
from redis import exceptions as theirs

from medianest.cache.redis_errors import FAILURES, error_of
from medianest.cache.redis_sockets import make_pool
from medianest.config import RedisSettings
from medianest.resilience import Deadline, DeadlineExceededError, ResilienceService, remaining
from medianest.storage.errors import CacheUnavailableError

__all__ = ["MOST_BYTES", "SERVICE", "RedisFacts", "RedisServer", "Shelf", "Stamped"]

logger = logging.getLogger(__name__)

SERVICE: Final = "redis-cache"

_SPARE = 2
"""Connections more than there are places, for looking how it is."""
_PROOF = 1.0
"""Seconds within which a server that is well has told how it is."""
_ENOUGH = 0.1
"""Seconds. With less left, running out of time says nothing about the server."""

_PROOF_KEY: Final = "medianest:write-proof"

MOST_BYTES: Final = 1024 * 1024
"""Of a value. Larger ones are not kept, and not fetched: they are none of ours."""

_STAMP_BYTES: Final = 16
"""The digits and the space before a value."""

# Its size is asked first, where it is kept.
_GET = """
local size = redis.call('STRLEN', KEYS[1])
if size == 0 or size > tonumber(ARGV[1]) then
  return false
end
return redis.call('GET', KEYS[1])
"""

# Compared where it is kept, as others may write between our reading and our writing. What is
# there may also be no value of ours, and of any type. The index of a shelf has the stamps of its
# keys; those of a wrong clock leave it, or they would never be the oldest.
_PUT = """
local head = redis.pcall('GETRANGE', KEYS[1], 0, 20)
local kept = type(head) == 'string' and tonumber(string.match(head, '^(%d+) '))
if kept and kept > tonumber(ARGV[1]) and kept <= tonumber(ARGV[2]) then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[3], 'PX', ARGV[4])
if KEYS[2] then
  if type(redis.pcall('ZADD', KEYS[2], ARGV[1], KEYS[1])) ~= 'number' then
    redis.call('DEL', KEYS[2])
    redis.call('ZADD', KEYS[2], ARGV[1], KEYS[1])
  end
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '(' .. ARGV[2], '+inf')
  redis.call('PEXPIRE', KEYS[2], ARGV[6])
  local excess = redis.call('ZCARD', KEYS[2]) - tonumber(ARGV[5])
  if excess > 0 then
    local oldest = redis.call('ZPOPMIN', KEYS[2], math.min(excess, 100))
    for i = 1, #oldest, 2 do
      redis.call('DEL', oldest[i])
    end
  end
end
return 1
"""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Stamped:
    """A value and when it was right, in milliseconds of the time of day."""

    stamp: int
    value: bytes


@dataclass(frozen=True, slots=True)
class Shelf:
    """Values that belong together, of which at most `most` are kept, whoever writes them: the
    oldest go. `name` is the key of their index; it lives for `ttl` seconds after the last one."""

    name: str
    most: int
    ttl: float


@dataclass(frozen=True, slots=True)
class RedisFacts:
    """How a server is. Memory is in bytes, `latency` in seconds; `max_memory` None: no limit."""

    version: str
    used_memory: int
    max_memory: int | None
    keys: int
    latency: float


class RedisServer:
    """Keeps stamped values, through the pipeline of the dependency "redis-cache". Opens no
    connection before the first call; a forked child has its own. Thread-safe.

    Raises CacheError, and what the pipeline refuses.
    """

    def __init__(
        self, url: str, settings: RedisSettings, service: ResilienceService, *, threads: int
    ) -> None:
        places, self._clock = settings.places(threads), service.registry.clock
        # Its notes for debugging look up names, without end.
        logging.getLogger("redis").setLevel(logging.WARNING)
        self._pool: ConnectionPool = make_pool(url, places + _SPARE)
        self._client = Redis(connection_pool=self._pool)
        self._enough = min(_ENOUGH, settings.timeout)
        self._proof = Deadline(_PROOF, name=SERVICE, clock=self._clock)
        self._said: dict[str, str] = {}
        policy = settings.policy(CacheUnavailableError, places)
        service.register_dependency(SERVICE, policy, criticality="important", type="cache")
        self._pipeline = service.pipeline(SERVICE)

    def get(self, key: str) -> Stamped | None:
        """What is kept under a key; None when there is nothing, or nothing of ours."""
        return self._through("get", self._get, key)

    def put(
        self, key: str, kept: Stamped, ttl: float, *, latest: int, shelf: Shelf | None = None
    ) -> bool:
        """Keep a value for `ttl` seconds, unless it is larger than MOST_BYTES, or there is one
        with a later stamp. One that is later than `latest` comes from a wrong clock and does not
        count. Whether it was kept."""
        if len(kept.value) > MOST_BYTES:
            return False
        return self._through("put", self._put, key, kept, ttl, latest, shelf)

    def ping(self) -> RedisFacts:
        """How it is, past the breaker and the bulkhead: for the health monitor."""
        with self._proof.scope():
            return self._mapped("ping", self._facts)

    def prove_write(self) -> None:
        """Write a small value that is gone in a minute, past the breaker and the bulkhead. Raises
        CacheError."""
        with self._proof.scope():
            self._mapped("prove", lambda: self._client.set(_PROOF_KEY, 1, ex=60))

    def close(self) -> None:
        """Close the idle connections."""
        self._pool.disconnect(inuse_connections=False)

    def _get(self, key: str) -> Stamped | None:
        found: Any = self._client.eval(_GET, 1, key, MOST_BYTES + _STAMP_BYTES)
        if not isinstance(found, bytes | None):
            raise TypeError(f"a value that is a {type(found).__name__}")
        stamp, separator, value = (found or b"").partition(b" ")
        if not separator or not stamp.isdigit() or len(stamp) >= _STAMP_BYTES:
            return None
        return Stamped(int(stamp), value)

    def _put(self, key: str, kept: Stamped, ttl: float, latest: int, shelf: Shelf | None) -> bool:
        keys: tuple[str, ...] = (key,)
        values: tuple[Any, ...] = (kept.stamp, latest, kept.value, _milliseconds(ttl))
        if shelf is not None:
            keys += (shelf.name,)
            values += (shelf.most, _milliseconds(shelf.ttl))
        return bool(self._client.eval(_PUT, len(keys), *keys, *values))

    def _facts(self) -> RedisFacts:
        info: Any = self._client.info()
        keys: Any = self._client.dbsize()
        asked_at = self._clock.now()
        self._client.echo(b"")  # PING is refused where the disk fails, though all can be read
        return RedisFacts(
            version=_version(info),
            used_memory=int(info.get("used_memory", 0)),
            max_memory=int(info.get("maxmemory", 0)) or None,
            keys=int(keys),
            latency=self._clock.now() - asked_at,
        )

    def _through(self, name: str, command: Callable[..., T], *args: Any) -> T:
        if remaining() < self._enough:
            raise DeadlineExceededError(SERVICE, None)
        return self._pipeline.call(self._mapped, name, command, *args)

    def _mapped(self, name: str, command: Callable[..., T], *args: Any) -> T:
        """Turn the errors of the driver into ours."""
        try:
            answer = command(*args)
        except FAILURES as error:
            ours = error_of(error)
            if isinstance(ours, CacheUnavailableError) or isinstance(error, theirs.ReadOnlyError):
                # The other idle connections may be as dead, where a router has forgotten them;
                # and after a failover the name may lead to another server.
                self.close()
            self._say(name, str(ours), error)
            raise ours from error
        if self._said.get(name):
            self._say(name, "", None)
        return answer

    def _say(self, name: str, trouble: str, error: BaseException | None) -> None:
        """To the log when it changes, for each command: what can be read may not be written."""
        if self._said.get(name, "") == trouble:
            return
        self._said[name] = trouble
        if trouble:
            logger.warning("%s: %s (%s)", name, trouble, _one_line(error))
        else:
            logger.warning("%s: the cache works again", name)


def _milliseconds(seconds: float) -> int:
    return max(1, int(seconds * 1000))


def _one_line(error: BaseException | None) -> str:
    return str(error).strip().replace("\n", " ")[:300]


def _version(info: dict[str, Any]) -> str:
    if "valkey_version" in info:
        return f"Valkey {info['valkey_version']}"
    return f"Redis {info.get('redis_version', '?')}"
