"""Files and folders of ours that are nobody else's, whatever the umask is."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

__all__ = [
    "OthersMayReadError",
    "keep_private",
    "make_private_folder",
    "open_to_others",
    "read_private",
    "unusable",
]

_GROUP_AND_OTHERS = 0o077
_OTHERS = 0o006
_MINE = 0o600


class OthersMayReadError(Exception):
    """Every user of this machine may read a secret, or put another one there; the text is the
    remedy."""


def read_private(path: Path) -> str:
    """The text of a file with a secret, without spaces around it. Raises OthersMayReadError,
    OSError and UnicodeDecodeError.

    On a file system that can only be read, orchestrators put secrets for one container, with a
    mode that nobody there can change.
    """
    with path.open("rb") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        is_mounted = os.fstatvfs(file.fileno()).f_flag & os.ST_RDONLY
        if mode & _OTHERS and not is_mounted:
            raise OthersMayReadError(f"its mode is {mode:o}: chmod 600 it")
        return file.read().decode("utf-8-sig").strip()


def make_private_folder(folder: Path) -> None:
    """Make a folder, and those above it that are missing, for this user alone. Raises OSError."""
    if folder.is_dir():
        return
    make_private_folder(folder.parent)
    with suppress(FileExistsError):  # another process has just made it
        folder.mkdir(0o700)
        folder.chmod(0o700)


def open_to_others(folder: Path) -> str | None:
    """What to tell of a folder into which every user of this machine may put files that are taken
    for ours. It is not ours to change: others may need it so."""
    with suppress(OSError):
        mode = stat.S_IMODE(folder.stat().st_mode)
        if mode & stat.S_IWOTH:
            path = folder.absolute()
            return f"every user of this machine may write into {path} (mode {mode:o})"
    return None


def keep_private(path: Path, *, make: bool = False) -> None:
    """Take a file of this user away from all others; `make` it first where it is missing. What
    cannot be changed stays as it is: whoever uses it will tell."""
    with suppress(OSError):
        if make and not path.exists():
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, _MINE))
        found = path.stat()
        if found.st_uid == os.geteuid() and found.st_mode & _GROUP_AND_OTHERS:
            path.chmod(stat.S_IMODE(found.st_mode) & ~_GROUP_AND_OTHERS)


def unusable(folder: Path, why: str) -> str:
    """What to tell of an instance folder that this user cannot use, with the remedy."""
    user = os.geteuid()
    return (
        f"{folder.absolute()}: user {user} {why}: give it to that user (chown {user}), "
        f"or name another one in MEDIANEST_INSTANCE_PATH"
    )
