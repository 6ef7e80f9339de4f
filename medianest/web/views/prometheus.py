"""`/metrics`: everything for Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from flask import Blueprint, Response, request
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, exposition
from prometheus_client.core import Metric
from prometheus_client.openmetrics import exposition as open_exposition
from prometheus_client.registry import Collector

from medianest.web.core import Core, core
from medianest.web.endpoint import endpoint
from medianest.web.metrics import Metrics

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
    report = here.monitoring.reporter.report()
    text = here.once(content_type, report, lambda: encode(_registry(here)).decode())
    return Response(text, content_type=content_type, headers={"Cache-Control": "no-store"})


def _registry(here: Core) -> CollectorRegistry:
    """Of this app alone: what other code of this process counts is not ours to tell."""
    registry = CollectorRegistry(auto_describe=False)
    worker = here.lifecycle.worker
    for collector in (Metrics(here), ProcessCollector(registry=None), PlatformCollector(None)):
        registry.register(collector if worker is None else _Numbered(collector, worker))
    return registry


class _Numbered(Collector):
    """Of several workers, each sample says whose it is."""

    def __init__(self, collector: Collector, worker: str) -> None:
        self._collector = collector
        self._worker = worker

    def collect(self) -> Iterator[Metric]:
        """What the collector has, with the number of the worker."""
        for family in self._collector.collect():
            family.samples = [
                sample._replace(labels={**sample.labels, "worker": self._worker})
                for sample in family.samples
            ]
            yield family
