"""Through what hosts know of each other, as it is set."""

from pathlib import Path
from typing import Any

import pytest

from medianest.cluster import tier_of
from medianest.config import Settings

REDIS = {"url": "redis://127.0.0.1:1/0"}
POSTGRES = {"url": "postgresql://house@127.0.0.1:1/house"}


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({}, None),
        ({"redis": REDIS}, "Redis"),
        ({"database": POSTGRES}, "PostgreSQL"),
        ({"redis": REDIS, "database": POSTGRES}, "Redis"),
    ],
)
def test_redis_goes_before_the_database(
    given: dict[str, Any], name: str | None, tmp_path: Path
) -> None:
    tier = tier_of(Settings.load({}, {"instance_path": tmp_path, **given}))
    assert (None if tier is None else tier.name) == name
