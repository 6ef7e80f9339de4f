"""Whether the settings make sense."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator

from medianest.cli.local.doctor.finding import Finding, fault, good, note
from medianest.config import Settings, missing
from medianest.monitoring.notifier import Notifier
from medianest.resilience import ConfigurationError

__all__ = ["examine_settings", "load_settings"]


class _Noting(logging.Handler):
    """Keeps what is said in the log, and keeps it from the terminal."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


def load_settings() -> tuple[Settings | None, list[Finding]]:
    """The settings, or None where one of them is wrong; and what there is to say of them."""
    noting = _Noting()
    logging.getLogger("medianest").addHandler(noting)
    try:
        settings = Settings.load()
        Notifier(settings.alerts.urls)
    except ConfigurationError as error:
        return None, [fault(str(error), "correct it: MediaNest does not start with it")]
    return settings, [*map(note, noting.said), *examine_settings(settings), *_of_the_process()]


def examine_settings(settings: Settings) -> Iterator[Finding]:
    """What is off for want of a setting."""
    yield good(f"they are for {settings.env}; medianest config shows them")
    if settings.env != "production":
        return
    yield from map(note, missing(settings))
    for role, what in (("operator", "change anything"), ("client", "use the media API")):
        if getattr(settings, f"{role}_token") is None:
            variable = f"MEDIANEST_{role.upper()}_TOKEN"
            yield fault(f"nobody can {what}", f"set {variable}: openssl rand -hex 24 makes one")


def _of_the_process() -> Iterator[Finding]:
    count = os.environ.get("WEB_CONCURRENCY") or "1"
    if not (count.isascii() and count.isdigit() and 1 <= int(count) <= 128):
        told = f"WEB_CONCURRENCY: {count!r} is no number of workers"
        yield fault(told, "set it to a whole number from 1 to 128")
