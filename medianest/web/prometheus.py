"""`/metrics`: everything for Prometheus."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, request
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, exposition
from prometheus_client.openmetrics import exposition as open_exposition

from medianest.web.endpoint import endpoint
from medianest.web.families import Families
from medianest.web.parts import Parts, parts

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
@endpoint("viewer", answers={200: None}, unless="metrics_public", text=_TYPES)
def metrics() -> Response:
    """Every figure in the text format of Prometheus; for viewers, or for all by a setting."""
    here = parts()
    # Of what the client says only this one word counts: the rest must not come back to it.
    is_open = "application/openmetrics-text" in request.headers.get("Accept", "")
    encode, content_type = _FORMATS["open" if is_open else "text"]
    report = here.watch.reporter.report()
    text = here.once(content_type, report, lambda: encode(_registry(here)).decode())
    return Response(text, content_type=content_type, headers={"Cache-Control": "no-store"})


def _registry(here: Parts) -> CollectorRegistry:
    """Of this app alone: what other code of this process counts is not ours to tell."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Families(here))
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    return registry
