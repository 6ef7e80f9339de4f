"""The file of overrides: one line of JSON for each, replaced as a whole and on disk at once.

    {"version": 1, "overrides": 1}
    {"breaker": "plex", "action": "open", "revision": 1, "at": "2026-01-31T12:00:00+00:00", …}

Lines, so that one that is damaged costs no other; their number, so that a missing one is noticed.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from medianest.overrides.override import Override
from medianest.resilience import Clock
from medianest.resilience.counted import counted

__all__ = ["OverrideFile", "OverrideFileError"]

logger = logging.getLogger(__name__)

_VERSION = 1
_LOCK_SECONDS, _LOCK_PAUSE = 2.0, 0.01
_MOST_BYTES = 16 * 1024 * 1024


class OverrideFileError(Exception):
    """It cannot be read or written; the message tells the path and why."""


class OverrideFile:
    """Overrides on disk, shared by all workers of a host. Raises OverrideFileError. Thread-safe."""

    outlives_process = True

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self._clock = clock
        self._complained = ""

    def signature(self) -> tuple[int, ...] | None:
        """Changes whenever the file does; None while it cannot be seen."""
        try:
            seen = self.path.stat()
        except OSError:
            return None
        return seen.st_ino, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_size

    def read(self) -> list[Override]:
        """What it holds, as far as it can be read; nothing while there is no file."""
        try:
            with open(self.path, "rb", opener=_opened_at_once) as file:
                return self._parse(file.read(_MOST_BYTES) or b"")
        except FileNotFoundError:
            return []
        except OSError as error:
            raise self._error(error) from None

    def update(self, change: Callable[[list[Override]], Iterable[Override]]) -> None:
        """Write what `change` makes of what it holds now. When this returns, it is on disk."""
        try:
            self.path.parent.mkdir(0o700, parents=True, exist_ok=True)
            with self._locked():
                self._replace(_text_of(change(self.read())))
        except OSError as error:
            raise self._error(error) from None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One writer at a time, of all threads and processes; the kernel frees it when one dies."""
        descriptor = os.open(self._beside("lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            until = self._clock.now() + _LOCK_SECONDS
            while not _is_locked(descriptor):
                if self._clock.now() >= until:
                    why = f"another process has locked it for {_LOCK_SECONDS:g} s"
                    raise OverrideFileError(f"{self.path}: {why}")
                self._clock.sleep(_LOCK_PAUSE)
            yield
        finally:
            os.close(descriptor)

    def _replace(self, text: str) -> None:
        """Whole or not at all, whenever the power goes: the new file first, then its name."""
        draft = self._beside("new")
        with suppress(FileNotFoundError):
            draft.unlink()  # of a writer that was killed
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(descriptor)
            draft.replace(self.path)
        except OSError:
            with suppress(OSError):
                draft.unlink()
            raise
        _sync_folder(self.path.parent)

    def _parse(self, raw: bytes) -> list[Override]:
        head, *lines = raw.splitlines() or [b""]
        expected = self._expected(_json_of(head))
        found = [override for line in lines if (override := _override_of(line)) is not None]
        if len(found) == expected:
            self._complained = ""
        else:
            most = max(expected or 0, len(lines))
            self._complain(f"is damaged: {len(found)} of {counted(most, 'override')} could be read")
        return found

    def _expected(self, head: Any) -> int | None:
        """How many overrides there should be; None: the head is damaged."""
        version = head.get("version") if isinstance(head, dict) else None
        if isinstance(version, int) and version > _VERSION:
            raise OverrideFileError(
                f"{self.path}: it is of a newer version of MediaNest, and left as it is"
            )
        number = head.get("overrides") if version == _VERSION else None
        return number if isinstance(number, int) else None

    def _complain(self, what: str) -> None:
        """Once: it is looked at again and again."""
        if what != self._complained:
            self._complained = what
            logger.warning("%s %s", self.path, what)

    def _beside(self, suffix: str) -> Path:
        return self.path.with_name(f"{self.path.name}.{suffix}")

    def _error(self, error: OSError) -> OverrideFileError:
        return OverrideFileError(f"{self.path}: {error.strerror or error}")


def _opened_at_once(path: str, flags: int) -> int:
    """Without a wait for whoever writes there, should it be a pipe: reads do not wait either."""
    return os.open(path, flags | os.O_NONBLOCK)


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _sync_folder(folder: Path) -> None:
    """The new name is on disk, too."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _text_of(overrides: Iterable[Override]) -> str:
    # As ASCII: no character of a reason can end a line, or be cut in two.
    lines = [json.dumps(override.as_dict()) for override in overrides]
    head = json.dumps({"version": _VERSION, "overrides": len(lines)})
    return "".join(f"{line}\n" for line in (head, *lines))


def _override_of(line: bytes) -> Override | None:
    try:
        return Override.of(_json_of(line))
    except ValueError:
        return None


def _json_of(line: bytes) -> Any:
    """None for what is no JSON."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None
