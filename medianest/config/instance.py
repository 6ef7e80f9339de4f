"""The instance folder: local state. What is in it is for this user alone."""

from __future__ import annotations

import os
from pathlib import Path

from medianest.config.private import make_private_folder, unusable
from medianest.config.settings import Settings
from medianest.resilience import ConfigurationError

__all__ = ["prepare_instance"]


def prepare_instance(settings: Settings) -> Path:
    """Make the instance folder if there is none; one that is there keeps its mode. Raises
    ConfigurationError with one line when it cannot be written."""
    folder = settings.instance_path
    try:
        make_private_folder(folder)
    except OSError as error:
        raise _unusable(folder, f"cannot make this folder ({error.strerror})") from None
    as_who = os.access in os.supports_effective_ids
    if os.access(folder, os.W_OK | os.X_OK, effective_ids=as_who):
        return folder
    if not os.statvfs(folder).f_flag & os.ST_RDONLY:
        raise _unusable(folder, "cannot write this folder")
    # A disk that fails is often made read-only: then it starts, and its health says why it ails.
    if settings.database.url is None and not (folder / "medianest.db").exists():
        raise _unusable(folder, "cannot write this folder, which is on a read-only file system")
    return folder


def _unusable(folder: Path, why: str) -> ConfigurationError:
    return ConfigurationError(unusable(folder, why))
