"""Files by which the processes of a host show each other documents of one topic."""

from __future__ import annotations

import errno
import json
import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

__all__ = ["LARGEST", "RETIRED", "Post", "Posts"]

LARGEST: Final = 4 * 1024 * 1024
"""Bytes of one document."""

RETIRED: Final = "retired"
"""Whose document has what is kept of the dead."""

_VERSION: Final = 1
_SCARCE: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO})
"""When nothing can be said of a file, and it may be well."""
_NEW: Final = ".new"


@dataclass(frozen=True, slots=True)
class Post:
    """A document, whose it is, of which server, and when it was made, by the monotonic clock.
    `folded` are the dead that are part of it."""

    name: str
    server: str
    at: float
    document: Any
    folded: tuple[str, ...] = ()


class Posts:
    """Those of a topic: `folder/NAME.TOPIC`, replaced as a whole. A file that is damaged, too large
    or not ours is not there. Raises OSError where that cannot be told now, as where no more files
    may be open: whoever took it for none would forget what it has counted."""

    def __init__(self, folder: Path, topic: str) -> None:
        self._folder, self._suffix = folder, f".{topic}"

    def write(self, post: Post) -> None:
        """Put it in the place of the one before. Raises ValueError where it is too large. It is for
        those who live now, so nobody waits for the disk."""
        body = {"v": _VERSION, "from": post.name, "server": post.server, "at": post.at}
        body |= {"folded": post.folded, "document": post.document}
        data = json.dumps(body, separators=(",", ":")).encode()
        if len(data) > LARGEST:
            raise ValueError(f"{len(data)} bytes are more than {LARGEST}")
        path = self._path(post.name)
        new = path.with_name(path.name + _NEW)
        new.unlink(missing_ok=True)
        with open(new, "xb", opener=_opened_at_once) as file:
            file.write(data)
        new.replace(path)

    def read(self, name: str) -> Post | None:
        """The one of that process, or of RETIRED."""
        try:
            with open(self._path(name), "rb", opener=_opened_at_once) as file:
                is_file = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
                data = file.read(LARGEST + 1) if is_file else b""
            return _post(name, data) if data and len(data) <= LARGEST else None
        except OSError as error:
            if error.errno in _SCARCE:
                raise
            return None
        except (KeyError, TypeError, ValueError, RecursionError):
            return None

    def names(self) -> list[str]:
        """Who has one, RETIRED included."""
        return [each.removesuffix(self._suffix) for each in self._listed(self._suffix)]

    def begun(self) -> list[str]:
        """Who has begun to write one, and may have died of it."""
        suffix = self._suffix + _NEW
        return [each.removesuffix(suffix) for each in self._listed(suffix)]

    def mark(self, name: str) -> tuple[int, ...] | None:
        """Changes whenever the file does; None: there is none."""
        try:
            seen = self._path(name).stat()
        except OSError:
            return None
        return seen.st_ino, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_size

    def remove(self, name: str) -> None:
        """It is needed no more."""
        path = self._path(name)
        for each in (path, path.with_name(path.name + _NEW)):
            with suppress(OSError):
                each.unlink()

    def _listed(self, suffix: str) -> list[str]:
        try:
            return [each.name for each in self._folder.iterdir() if each.name.endswith(suffix)]
        except FileNotFoundError:
            return []

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}{self._suffix}"


def _post(name: str, data: bytes) -> Post:
    body = json.loads(data)
    texts = body["from"], body["server"], *body["folded"]
    if body["v"] != _VERSION or body["from"] != name or not all(type(t) is str for t in texts):
        raise ValueError(name)
    return Post(name, body["server"], float(body["at"]), body["document"], tuple(body["folded"]))


def _opened_at_once(path: str, flags: int) -> int:
    """Nobody waits for the other end of a pipe that was put there."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOFOLLOW, 0o600)
