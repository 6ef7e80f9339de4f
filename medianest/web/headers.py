"""Headers that tell browsers to take every answer for what it is, and pages to do nothing else."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Final

from flask import Blueprint, Flask, Response

__all__ = ["page", "send_security_headers", "source_of"]

_NOTHING: Final = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

_OF_PAGES: Final[Mapping[str, str]] = {
    "Content-Security-Policy": _NOTHING,
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}


def send_security_headers(app: Flask | Blueprint) -> None:
    """With every answer of an app, or of a blueprint; those of pages with every HTML."""
    app.after_request(_secured)


def page(html: str, style: str) -> Response:
    """A page with one style element, which it may use, and nothing else."""
    policy = f"{_NOTHING}; style-src {source_of(style)}"
    headers = {"Content-Security-Policy": policy, "Cache-Control": "no-store"}
    return Response(html, headers=headers, content_type="text/html; charset=utf-8")


def source_of(text: str) -> str:
    """What a policy allows an element with that style or script by, and no other."""
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def _secured(response: Response) -> Response:
    response.headers["X-Content-Type-Options"] = "nosniff"
    if response.headers.get("Content-Type", "").startswith("text/html"):
        for name, value in _OF_PAGES.items():
            response.headers.setdefault(name, value)
    return response
