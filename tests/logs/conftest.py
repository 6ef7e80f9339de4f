"""The log as JSON, line by line."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from medianest.bridges.logs import log_events
from medianest.config import Settings
from medianest.logs import configure_logs
from medianest.logs.calls import log_calls


@pytest.fixture
def lines(
    capfd: pytest.CaptureFixture[str],
) -> Iterator[Callable[..., Callable[[], list[Any]]]]:
    """`lines(level="INFO")` logs as JSON from now on; called again, the lines since then."""
    kept = [logging.getLogger(name) for name in ("medianest", "gunicorn.error", "medianest.events")]
    last_resort = logging.lastResort
    before = [(each, each.handlers, each.propagate, each.level) for each in kept]

    def configure(level: str = "INFO", as_json: bool = True) -> Callable[[], list[Any]]:
        configure_logs(Settings(log_level=level, log_json=as_json))

        def read() -> list[Any]:
            logging.getLogger("medianest").handlers[0].flush()
            written = capfd.readouterr().err.splitlines()
            return [json.loads(line) for line in written] if as_json else written

        return read

    yield configure
    for handler in logging.getLogger("medianest").handlers:
        handler.close()
    logging.lastResort = last_resort
    for each, handlers, propagate, level in before:
        each.handlers, each.propagate = handlers, propagate
        each.setLevel(level)
    log_events(logging.getLogger("medianest.events"))()
    log_calls(False)
