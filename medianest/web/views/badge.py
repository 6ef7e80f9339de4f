"""`/badge.svg`: the status in a word, as a small picture for a portal or a README."""

from __future__ import annotations

import hashlib
from typing import Any, Final

from flask import Blueprint, Response, request

from medianest.health import Status
from medianest.web.core import core
from medianest.web.endpoint import endpoint
from medianest.web.refresh import Anything

__all__ = ["blueprint"]

_SVG: Final = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20" role="img" \
aria-label="medianest: {word}">
<title>medianest: {word}</title>
<clipPath id="round"><rect width="{width}" height="20" rx="3"/></clipPath>
<g clip-path="url(#round)">
<rect width="{label}" height="20" fill="#444"/>
<rect x="{label}" width="{value}" height="20" fill="{colour}"/>
</g>
<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">
<text x="{label_middle}" y="14" textLength="{label_text}">medianest</text>
<text x="{value_middle}" y="14" textLength="{value_text}">{word}</text>
</g>
</svg>
"""

_COLOURS: Final = {
    Status.HEALTHY: "#2a7d3f",
    Status.UNKNOWN: "#5f6368",
    Status.DEGRADED: "#9a5b00",
    Status.UNHEALTHY: "#b3261e",
}
"""Dark enough for white letters to be read on them (WCAG: 4.5 to 1)."""

_LETTER, _MARGIN = 7, 6
"""Pixels; `textLength` makes each letter so wide, whatever font there is."""

blueprint = Blueprint("badge", __name__)


@blueprint.get("/badge.svg")
# Not in the document: makers of clients know no pictures, and warn of them.
@endpoint(operation_id="get_badge", query=Anything, answers={})
def get_badge() -> Any:
    """The status of the whole in a word, as a picture. Always 200, as browsers show no other; it
    tells no more than the status of `/api/v1/health`."""
    svg = _drawn(core().monitoring.reporter.report().status)
    response = Response(svg, content_type="image/svg+xml", headers={"Cache-Control": "no-cache"})
    response.set_etag(hashlib.blake2b(svg.encode(), digest_size=16).hexdigest(), weak=True)
    return response.make_conditional(request)


def _drawn(status: Status) -> str:
    word = status.value
    label_text, value_text = (_LETTER * len(text) for text in ("medianest", word))
    label, value = label_text + 2 * _MARGIN, value_text + 2 * _MARGIN
    return _SVG.format(
        word=word,
        colour=_COLOURS[status],
        width=label + value,
        label=label,
        value=value,
        label_text=label_text,
        value_text=value_text,
        label_middle=label / 2,
        value_middle=label + value / 2,
    )
