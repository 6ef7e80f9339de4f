"""Processes that share a folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.peers.boarding import Begin, Process


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Begin]:
    begun: list[Process] = []

    def make(**options: Any) -> Process:
        begun.append(Process(tmp_path / "peers", **options))
        return begun[-1]

    yield make
    for each in begun:
        each.peers.stop()
