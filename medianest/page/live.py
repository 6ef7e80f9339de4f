"""Answers with a page, or with 304 while nothing on it has changed.

A page is made of a value, and only of that. It is drawn anew when the value is another one, and its
ETag is a digest of the drawing, so an idle page that is asked for every two seconds costs a look at
the value and no rendering.
"""

from __future__ import annotations

import hashlib
import math
from collections import OrderedDict
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Final

from flask import Response, current_app, g, request

from medianest import __version__
from medianest.page.rendering import SCRIPT, STYLE, render_template
from medianest.web.core import core
from medianest.web.headers import source_of
from medianest.web.roles import Role

__all__ = ["DRAWINGS", "LOOKED", "POLICY", "Drawings", "alike", "framed", "html_page", "page"]

POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        f"script-src 'self' {source_of(SCRIPT)}",
        f"style-src 'self' {source_of(STYLE)}",
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
    # What else answers here, as the login form of a proxy, has no place on an open page.
    "X-Answered-By": "MediaNest",
}
_HARDLY: Final = 1 / 3
"""A measured figure that has moved by a smaller share of it is no news to an open page, for a
while: those of the database, which this program's own jobs use, never stand still."""

_WHILE: Final = 30.0
"""Seconds after which such figures are shown as they are."""

DRAWINGS: Final = "medianest.drawings"
"""Where an app has its Drawings in its `extensions`."""

LOOKED: Final = "medianest.looked"
"""Where an environ has the role of who saw nothing new, and the route."""

_MOST: Final = 32
"""Pages whose last drawing is kept for others who look at the same."""


@dataclass(frozen=True, slots=True)
class _Drawing:
    shown: Any
    html: str
    tag: str
    at: float

    def will_do(self, shown: Any, now: float, *, may_be_alike: bool) -> bool:
        """Whether it shows that, or hardly another."""
        is_fresh = may_be_alike and now - self.at < _WHILE
        return alike(self.shown, shown) if is_fresh else bool(self.shown == shown)


class Drawings:
    """The last drawings of an app's pages, for others who look at the same. Thread-safe."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str | None, ...], _Drawing] = OrderedDict()

    def last(self, key: tuple[str | None, ...]) -> _Drawing | None:
        """That of a page."""
        return self._known.get(key)

    def keep(self, key: tuple[str | None, ...], drawing: _Drawing) -> None:
        """Keep one in the place of the last."""
        self._known.pop(key, None)  # what another thread may have dropped cannot be moved
        self._known[key] = drawing
        while len(self._known) > _MOST:
            self._known.popitem(last=False)


def page(name: str, role: Role, shown: Any, **around: Any) -> Response:
    """The page of that template, for the role, of what is shown; `around` are things that stay
    the same while somebody looks at it. With `?fragment` only the part that changes."""
    is_part = "fragment" in request.args
    drawing = _drawn(name, role, shown, may_be_alike=is_part)
    if is_part and request.if_none_match.contains_weak(drawing.tag):
        request.environ[LOOKED] = role, str(request.url_rule)
        response = Response(status=304, headers=_HEADERS)
    else:
        around = {**around, "tag": drawing.tag}
        html = drawing.html if is_part else framed(name, role, drawing.html, around)
        response = html_page(html)
    response.set_etag(drawing.tag)
    return response


def alike(shown: Any, found: Any) -> bool:
    """Whether who sees the one need not be shown the other. Floats are what was measured: they may
    differ a little, and all else not at all."""
    if shown == found:
        return True
    if isinstance(shown, float) and isinstance(found, float):
        return math.isclose(shown, found, rel_tol=_HARDLY)
    if type(shown) is not type(found):
        return False
    if is_dataclass(shown):
        names = [field.name for field in fields(shown)]
        return all(alike(getattr(shown, name), getattr(found, name)) for name in names)
    if isinstance(shown, (tuple, list)):
        return len(shown) == len(found) and all(map(alike, shown, found))
    return False


def html_page(html: str, status: int = 200) -> Response:
    """An answer that is a page, with what browsers are to be told of it."""
    return Response(html, status, _HEADERS, content_type="text/html; charset=utf-8")


def framed(name: str, role: Role, main: str, around: dict[str, Any]) -> str:
    """A whole page around its main part. One with a `tag` keeps itself up to date."""
    known = {"page": name, "role": role, "root": request.script_root, "version": __version__}
    return render_template("page/frame.html", main=main, **known, **around)


def _drawn(name: str, role: Role, shown: Any, *, may_be_alike: bool) -> _Drawing:
    """The last drawing of the page that is asked for, or a new one where that will not do."""
    drawings: Drawings = current_app.extensions[DRAWINGS]
    key = name, role, request.script_root, request.path, g.get("proof")
    last, now = drawings.last(key), core().registry.clock.now()
    if last is not None and last.will_do(shown, now, may_be_alike=may_be_alike):
        return last
    html = render_template(f"page/{name}.html", shown=shown, role=role)
    made = _Drawing(shown, html, _digest(html), now)
    drawings.keep(key, made)
    return made


def _digest(html: str) -> str:
    return hashlib.blake2b((__version__ + html).encode(), digest_size=12).hexdigest()
