"""`/metrics`: everything for Prometheus."""

from __future__ import annotations

from flask import Blueprint, Response, request
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.exposition import choose_encoder

from medianest.web.endpoint import endpoint
from medianest.web.families import Families
from medianest.web.parts import Parts, parts

__all__ = ["blueprint"]

blueprint = Blueprint("prometheus", __name__)


@blueprint.get("/metrics")
@endpoint("viewer", answers={200: None}, unless="metrics_public", text=True)
def metrics() -> Response:
    """Every figure in the text format of Prometheus; for viewers, or for all by a setting."""
    here = parts()
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    report = here.watch.reporter.report()
    known = here.rendered.get(content_type)
    if known is None or known[0] is not report:
        text = encode(_registry(here)).decode()
        known = here.rendered[content_type] = report, text, ""
    return Response(known[1], content_type=content_type, headers={"Cache-Control": "no-store"})


def _registry(here: Parts) -> CollectorRegistry:
    """Of this app alone: what other code of this process counts is not ours to tell."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Families(here))
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    return registry
