"""The other processes of an app, as all apps on one registry share them."""

from __future__ import annotations

import threading
import weakref
from pathlib import Path
from typing import Any, Final

from medianest.jobs import Job
from medianest.peers import HostPeers
from medianest.resilience import ConfigurationError, Registry

__all__ = ["SharedPeers", "folder_of", "peers_of"]


class SharedPeers:
    """One membership in `folder`, from the first request of the first app until the last app has
    ended. Thread-safe."""

    def __init__(self, registry: Registry, folder: Path) -> None:
        self.folder = folder
        self.host = HostPeers(registry, folder / "peers")
        self._lock = threading.Lock()  # held while one joins, as all others have to wait for that
        self._apps: set[object] = set()

    def job(self) -> Job:
        """What one more app does beside its requests."""
        app, again = object(), self.host.job()
        return Job(
            name=again.name,
            run=lambda: self._begin(app),
            every=again.every,
            at_start=lambda: self._begin(app),
            at_end=lambda: self._end(app),
        )

    def _begin(self, app: object) -> None:
        with self._lock:
            self._apps.add(app)
            self.host.start()

    def _end(self, app: object) -> None:
        with self._lock:
            self._apps.discard(app)
            if not self._apps:
                self.host.stop()


_found: Final[weakref.WeakKeyDictionary[Registry, weakref.ref[SharedPeers]]] = (
    weakref.WeakKeyDictionary()
)
"""A registry may be in several extensions, and is one witness all the same."""


def folder_of(folder: Any) -> Path | None:
    """What RESILIENCE_FOLDER says. Raises ConfigurationError for what is no folder."""
    if folder is None:
        return None
    if not isinstance(folder, str | Path):
        raise ConfigurationError(f"RESILIENCE_FOLDER must be the path of a folder, not {folder!r}")
    return Path(folder)


def peers_of(registry: Registry, folder: Path) -> SharedPeers:
    """Those of a registry. Raises ConfigurationError when they are in another folder already."""
    known = _found.get(registry)
    peers = None if known is None else known()
    if peers is None:
        peers = SharedPeers(registry, folder)
        _found[registry] = weakref.ref(peers)
    if peers.folder != folder:
        raise ConfigurationError(
            f"RESILIENCE_FOLDER: apps on one registry share the folder, which is "
            f"{str(peers.folder)!r}, not {str(folder)!r}"
        )
    return peers
