"""A plugin of pytest: of the tests that could notice a mutant, the quickest are asked first."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

MEASURED = Path("mutmut-stats.json")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort them by what mutmut measured, once it has."""
    if MEASURED.exists():
        seconds = json.loads(MEASURED.read_text())["duration_by_test"]
        items.sort(key=lambda item: round(seconds.get(item.nodeid, 0.0), 2))
