"""Redis or Valkey between the hosts: hashes hold the entries and the reports, keys that expire are
the leases, a channel wakes."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Final

from redis import ConnectionPool, Redis
from redis.exceptions import NoPermissionError

from medianest.cache.redis_errors import FAILURES, error_of
from medianest.cache.redis_sockets import make_pool
from medianest.cluster.tier import FORGOTTEN, LARGEST, LONGEST_NAME, MOST, Change, TierError

__all__ = ["RedisTier"]

_KEY: Final = "medianest:overrides:v1"
_REPORTS: Final = "medianest:openings:v1"
_CHANNEL: Final = "medianest:news"
_CONNECTIONS: Final = 2
"""Who listens can ask nothing by the same connection."""
_HEARD_AT_ONCE: Final = 100
_BYTES_OF_NAME: Final = 4 * LONGEST_NAME

# What is no hash, or has more entries than all hosts together, is removed: each host writes again
# what it knows.
_READ: Final = """
local kind = redis.call('TYPE', KEYS[1]).ok
if kind == 'none' then
  return {}
end
if kind ~= 'hash' or redis.call('HLEN', KEYS[1]) > tonumber(ARGV[1]) then
  redis.call('DEL', KEYS[1])
  return {}
end
local found = {}
for _, name in ipairs(redis.call('HKEYS', KEYS[1])) do
  if #name <= tonumber(ARGV[3]) then
    local is_small = redis.call('HSTRLEN', KEYS[1], name) <= tonumber(ARGV[2])
    table.insert(found, name)
    table.insert(found, is_small and redis.call('HGET', KEYS[1], name) or '')
  end
end
return found
"""

# Compared where it is kept, as others may write between our reading and our writing.
_WRITE: Final = """
local written = 0
for i = 2, #ARGV, 3 do
  local kept = redis.call('HGET', KEYS[1], ARGV[i]) or ''
  if #kept > tonumber(ARGV[1]) then
    kept = ''
  end
  if kept == ARGV[i + 1] then
    if ARGV[i + 2] == '' then
      redis.call('HDEL', KEYS[1], ARGV[i])
    else
      redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 2])
    end
    written = written + 1
  end
end
return written
"""


# A report is kept with the time of the server, in milliseconds, before it. One of a later time
# would count for ever.
_REPORT: Final = """
local kind = redis.call('TYPE', KEYS[1]).ok
if kind ~= 'none' and (kind ~= 'hash' or redis.call('HLEN', KEYS[1]) > tonumber(ARGV[1])) then
  redis.call('DEL', KEYS[1])
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local found = {}
for _, name in ipairs(redis.call('HKEYS', KEYS[1])) do
  local at, entry = nil, nil
  if #name <= tonumber(ARGV[3]) and redis.call('HSTRLEN', KEYS[1], name) <= ARGV[2] + 20 then
    at, entry = redis.call('HGET', KEYS[1], name):match('^(%d+) (.*)$')
  end
  local age = at and now - tonumber(at)
  if age and age > -1000 and age < tonumber(ARGV[4]) then
    table.insert(found, name)
    table.insert(found, string.format('%.0f', math.max(0, age)))
    table.insert(found, entry)
  else
    redis.call('HDEL', KEYS[1], name)
  end
end
if ARGV[6] == '' then
  redis.call('HDEL', KEYS[1], ARGV[5])
else
  redis.call('HSET', KEYS[1], ARGV[5], string.format('%.0f ', now) .. ARGV[6])
end
return found
"""

# What ends never, or later than any lease, is none: it would keep all hosts from probing.
_TAKE: Final = """
local taken = {}
for i, key in ipairs(KEYS) do
  if redis.call('TYPE', key).ok ~= 'string' then
    redis.call('DEL', key)
  end
  local holder, left = redis.call('GET', key), redis.call('PTTL', key)
  local is_lease = holder and left >= 0 and left <= tonumber(ARGV[2])
  if holder == ARGV[1] or not is_lease then
    redis.call('SET', key, ARGV[1], 'PX', ARGV[2])
    table.insert(taken, i)
  end
end
return taken
"""

_GIVE: Final = """
for _, key in ipairs(KEYS) do
  if redis.call('TYPE', key).ok == 'string' and redis.call('GET', key) == ARGV[1] then
    redis.call('DEL', key)
  end
end
"""


class RedisTier:
    """A Tier. `url` may hold a password, which no message of its errors has."""

    name = "Redis"

    def __init__(self, url: str) -> None:
        self._pool: ConnectionPool = make_pool(url, _CONNECTIONS)
        self._client = Redis(connection_pool=self._pool)
        self._me = b""
        self._ear: Any = None
        """The connection that listens; None where this user of Redis may not."""

    def connect(self) -> None:
        """Listen to the others."""
        self._me = secrets.token_hex(8).encode()  # and not before the fork
        with _mapped():
            self._ear = self._pool.get_connection()
            try:
                self._ear.send_command("SUBSCRIBE", _CHANNEL)
                self._ear.read_response()
            except NoPermissionError:
                self._hang_up()

    def read(self) -> Mapping[str, bytes]:
        """All entries."""
        with _mapped():
            found: Any = self._client.eval(_READ, 1, _KEY, MOST, LARGEST, _BYTES_OF_NAME)
            pairs = zip(found[::2], found[1::2], strict=True)
            return {name.decode(): bytes(entry) for name, entry in pairs if _is_text(name)}

    def write(self, changes: Collection[Change]) -> int:
        """Make those changes that nobody has forestalled."""
        values: list[Any] = [LARGEST]
        for change in changes:
            values += [change.name, change.seen, change.entry or b""]
        with _mapped():
            return int(self._client.eval(_WRITE, 1, _KEY, *values))

    def report(self, host: str, entry: bytes | None) -> Mapping[str, tuple[float, bytes]]:
        """Keep that of one host; those of all before."""
        limits = MOST, LARGEST, _BYTES_OF_NAME, 1000 * FORGOTTEN
        with _mapped():
            found: Any = self._client.eval(_REPORT, 1, _REPORTS, *limits, host, entry or b"")
            triples = zip(found[::3], found[1::3], found[2::3], strict=True)
            return {
                name.decode(): (int(age) / 1000, bytes(kept))
                for name, age, kept in triples
                if _is_text(name)
            }

    def take_leases(self, names: Collection[str], host: str, seconds: float) -> Collection[str]:
        """By the clock of the server."""
        asked = [*names]
        with _mapped():
            found: Any = self._client.eval(
                _TAKE, len(asked), *map(_lease, asked), host, round(1000 * seconds)
            )
            return {asked[place - 1] for place in found}

    def give_leases(self, names: Collection[str], host: str) -> None:
        """Those that this host has."""
        with _mapped():
            self._client.eval(_GIVE, len(names), *map(_lease, names), host)

    def wake(self) -> None:
        """Have the other hosts look."""
        with _mapped(), suppress(NoPermissionError):
            self._client.publish(_CHANNEL, self._me)

    def fileno(self) -> int:
        """Of the connection that listens."""
        return -1 if self._ear is None else int(self._ear.fileno())

    def is_woken(self) -> bool:
        """Whether another host has asked to look."""
        with _mapped():
            heard = list(self._heard())  # all of it, or it would wake again
        return any(message != self._me for message in heard)

    def _heard(self) -> Iterator[Any]:
        for _ in range(_HEARD_AT_ONCE):
            if self._ear is None or not self._ear.can_read(timeout=0):
                return
            yield self._ear.read_response()[-1]

    def close(self) -> None:
        """Close both connections."""
        with suppress(*FAILURES):
            self._hang_up()
            self._pool.disconnect()

    def _hang_up(self) -> None:
        ear, self._ear = self._ear, None
        if ear is not None:
            ear.disconnect()
            self._pool.release(ear)

    def abandon(self) -> None:
        """The driver knows by itself when it was forked, and leaves the other's alone."""
        self._ear = None
        self._pool.reset()


def _lease(name: str) -> str:
    return f"medianest:lease:v1:{name}"


def _is_text(name: bytes) -> bool:
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return True


@contextmanager
def _mapped() -> Iterator[None]:
    try:
        yield
    except FAILURES as error:
        raise TierError(str(error_of(error))) from error
