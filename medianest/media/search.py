"""One search of everything: what Plex has and what Overseerr can get, asked at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from dataclasses import dataclass
from typing import TypeVar

from medianest.media.errors import MediaError, NotConfiguredError
from medianest.media.overseerr.client import SERVICE as OVERSEERR
from medianest.media.overseerr.models import Title
from medianest.media.overseerr.service import Overseerr
from medianest.media.plex.client import SERVICE as PLEX
from medianest.media.plex.models import Item
from medianest.media.plex.service import Plex
from medianest.resilience import CallRefusedError

__all__ = ["Found", "search_everything"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Found:
    """What was found, and whose answer is missing: who could not be asked, or made no sense."""

    items: tuple[Item, ...]
    titles: tuple[Title, ...]
    missing: tuple[str, ...]


def search_everything(plex: Plex, overseerr: Overseerr, query: str) -> Found:
    """Search both; when one fails, what the other has. Raises the error of Plex when both fail.
    One that is not configured is not missed."""
    beside = _beside(lambda: overseerr.search(query))
    items = titles = None
    missing: list[str] = []
    failures: list[Exception] = []
    try:
        answer = plex.search(query)
        items = answer.value
        missing += [PLEX] if answer.degraded else []
    except (MediaError, CallRefusedError) as error:
        failures.append(error)
        missing += [] if isinstance(error, NotConfiguredError) else [PLEX]
    try:
        titles = beside.result()
    except (MediaError, CallRefusedError) as error:
        failures.append(error)
        missing += [] if isinstance(error, NotConfiguredError) else [OVERSEERR]
    if items is None and titles is None:
        raise failures[0]
    return Found(items or (), titles or (), tuple(missing))


def _beside(function: Callable[[], T]) -> Future[T]:
    """Run it in a thread of its own, under the deadline of this one, which bounds it."""
    future: Future[T] = Future()
    context = copy_context()

    def run() -> None:
        try:
            future.set_result(context.run(function))
        except BaseException as error:
            future.set_exception(error)

    try:
        threading.Thread(target=run, name="search", daemon=True).start()
    except RuntimeError:  # the system gives no more threads
        run()
    return future
