"""Answers with a page, or with 304 while nothing on it has changed.

A page is made of a value, and only of that: its ETag is a digest of the value, so an idle page that
is asked for every two seconds costs a look at the value and no rendering.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import Any, Final

from flask import Response, render_template, request

from medianest import __version__
from medianest.web.auth import Role

__all__ = ["POLICY", "framed", "html_page", "page"]

POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    # Not "no-referrer": with that, browsers send no Origin with the page's own forms.
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Vary": "Cookie",
}
_MOST: Final = 32
"""Rendered fragments that are kept for others who look at the same."""

_rendered: OrderedDict[str, str] = OrderedDict()


def page(name: str, role: Role, shown: Any, **around: Any) -> Response:
    """The page of that template, for the role, of what is shown; `around` are things that stay
    the same while somebody looks at it. With `?fragment` only the part that changes."""
    tag = _digest(name, role, shown, request.script_root)
    is_part = "fragment" in request.args
    if is_part and request.if_none_match.contains(tag):
        response = Response(status=304, headers=_HEADERS)
    else:
        main = _fragment(tag, name, {"shown": shown, "role": role})
        whole = main if is_part else framed(name, role, main, {**around, "tag": tag})
        response = html_page(whole)
    response.set_etag(tag)
    return response


def html_page(html: str, status: int = 200) -> Response:
    """An answer that is a page, with what browsers are to be told of it."""
    return Response(html, status, _HEADERS, content_type="text/html; charset=utf-8")


def framed(name: str, role: Role, main: str, around: dict[str, Any]) -> str:
    """A whole page around its main part. One with a `tag` keeps itself up to date."""
    return render_template(
        "page/frame.html", page=name, role=role, main=main, version=__version__, **around
    )


def _fragment(tag: str, name: str, values: dict[str, Any]) -> str:
    html = _rendered.get(tag)
    if html is None:
        html = _rendered[tag] = render_template(f"page/{name}.html", **values)
        while len(_rendered) > _MOST:
            _rendered.popitem(last=False)
    return html


def _digest(*parts: Any) -> str:
    return hashlib.blake2b(repr((__version__, *parts)).encode(), digest_size=12).hexdigest()
