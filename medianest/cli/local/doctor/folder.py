"""Whether the instance folder can be written, and by whom. Nothing is made here: the folder would
belong to whoever looks, and not to whoever serves."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from medianest.cli.local.doctor.finding import Finding, fault, good, note
from medianest.config import Settings
from medianest.config.private import OthersMayReadError, open_to_others, read_private

__all__ = ["examine_folder"]

_FILES = ("medianest.db", "medianest.db-wal", "overrides.json", "operator.token")

_CLOSE = (
    "chmod 700 it if nothing else is in it, or name another one in MEDIANEST_INSTANCE_PATH; the "
    "files of MediaNest are private all the same"
)


def examine_folder(settings: Settings) -> Iterator[Finding]:
    """The folder, and the files in it."""
    folder = settings.instance_path.absolute()
    if not folder.exists():
        yield _missing(folder)
        return
    if not _may_write(folder, os.W_OK | os.X_OK):
        yield fault(f"user {os.geteuid()} cannot write {folder}", _remedy(folder))
        return
    found = folder.stat()
    mode = f"{stat.S_IMODE(found.st_mode):o}"
    yield good(f"{folder} can be written; it belongs to user {found.st_uid}, mode {mode}")
    if told := open_to_others(folder):
        yield note(told, _CLOSE)
    yield from _files(folder, settings)


def _missing(folder: Path) -> Finding:
    above = next(each for each in folder.parents if each.exists())
    if _may_write(above, os.W_OK | os.X_OK):
        return good(f"{folder} is not there yet: the first start makes it")
    return fault(f"user {os.geteuid()} cannot make {folder}", _remedy(above))


def _remedy(folder: Path) -> str:
    return f"chown {os.geteuid()} {folder}, or name another one in MEDIANEST_INSTANCE_PATH"


def _files(folder: Path, settings: Settings) -> Iterator[Finding]:
    for name in _FILES:
        file = folder / name
        if file.exists() and not _may_write(file):
            yield fault(f"user {os.geteuid()} cannot write {file}", f"chown {os.geteuid()} {file}")
    token = folder / "operator.token"
    if settings.env == "development" and settings.operator_token is None and token.exists():
        yield from _token(token)


def _token(path: Path) -> Iterator[Finding]:
    remedy = f"chmod 600 {path}, or delete it, and a new one is made"
    try:
        if not read_private(path):
            yield fault(f"{path} is empty", "delete it, and a new one is made")
    except OthersMayReadError as error:
        yield fault(f"others may read {path}: {error}", remedy)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        yield fault(f"cannot read {path}: {reason}", remedy)


def _may_write(path: Path, how: int = os.W_OK) -> bool:
    return os.access(path, how, effective_ids=os.access in os.supports_effective_ids)
