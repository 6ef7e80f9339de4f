"""Last good answers, as a worker keeps them."""

from typing import Any

from pydantic import TypeAdapter

from medianest.cache.last_good import TieredLastGood

DAY = 86400.0


NAME = "plex:libraries"


IN_REDIS = f"medianest:last-good:v1:{NAME}:[]"


LIST = TypeAdapter(tuple[str, ...])


def put(
    store: TieredLastGood[Any], *value: str, key: tuple[Any, ...] = (), asked_ago: float = 0.0
) -> None:
    store.put(key, value, store.now() - asked_ago)
