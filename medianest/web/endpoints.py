"""The endpoints that every app can have whose resilience is looked at and steered."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, Flask

from medianest.web.views import (
    alerts,
    audit,
    cascade,
    circuit_breakers,
    dependencies,
    events,
    health,
    metrics,
    overrides,
    recovery,
    series,
    silences,
    status,
)

__all__ = ["register_endpoints"]

_ENDPOINTS: Final = (
    health.blueprint, metrics.of_health, metrics.blueprint, series.blueprint, status.blueprint,
    alerts.blueprint, silences.blueprint, circuit_breakers.blueprint, overrides.blueprint,
    dependencies.blueprint, recovery.blueprint, cascade.blueprint, events.blueprint,
    audit.blueprint,
)  # fmt: skip

_SERVER: Final = "/api/v1"


def register_endpoints(room: Flask | Blueprint, base: str | None = None) -> None:
    """Put them where the server has them; or all below one path, those about resilience directly:
    `/api/v1/health/live` is then `{base}/health/live`, and `/api/v1/resilience/status` is
    `{base}/status`."""
    for blueprint in _ENDPOINTS:
        prefix = str(blueprint.url_prefix)
        if base is not None:
            prefix = base + prefix.removeprefix(_SERVER).removeprefix("/resilience")
        room.register_blueprint(blueprint, url_prefix=prefix)
