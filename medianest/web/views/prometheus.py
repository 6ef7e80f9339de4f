"""`/metrics`: everything for Prometheus."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, request
from prometheus_client import CollectorRegistry, exposition
from prometheus_client.openmetrics import exposition as open_exposition
from prometheus_client.registry import Collector

from medianest.web.core import core
from medianest.web.endpoint import endpoint
from medianest.web.host_metrics import OwnMetrics

__all__ = ["blueprint"]

blueprint = Blueprint("prometheus", __name__)

_FORMATS: dict[str, tuple[Callable[[CollectorRegistry], bytes], str]] = {
    "text": (exposition.generate_latest, "text/plain; version=0.0.4; charset=utf-8"),
    "open": (
        open_exposition.generate_latest,
        "application/openmetrics-text; version=1.0.0; charset=utf-8",
    ),
}


_TYPES = tuple(kind.partition(";")[0] for _, kind in _FORMATS.values())


@blueprint.get("/metrics")
@endpoint(
    "viewer",
    operation_id="get_prometheus_metrics",
    answers={200: None},
    unless="metrics_public",
    linked=True,
    text=_TYPES,
)
def get_prometheus_metrics() -> Response:
    """Every figure in the text format of Prometheus; for viewers, or for all by a setting."""
    here = core()
    # Of what the client says only this one word counts: the rest must not come back to it.
    is_open = "application/openmetrics-text" in request.headers.get("Accept", "")
    encode, content_type = _FORMATS["open" if is_open else "text"]
    host = here.host_metrics
    if host is not None and host.has_company:
        # Not once for all: what this worker remembers is older than what another has told since.
        text = _text(encode, host)
    else:
        report, collector = here.monitoring.reporter.report(), host or OwnMetrics(here)
        text = here.once(content_type, report, lambda: _text(encode, collector))
    return Response(text, content_type=content_type, headers={"Cache-Control": "no-store"})


def _text(encode: Callable[[CollectorRegistry], bytes], collector: Collector) -> str:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)
    return encode(registry).decode()
