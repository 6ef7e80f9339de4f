"""Renders our templates in an environment of their own, so that an app's own templates, filters and
options of Jinja have nothing to do with them, nor they with those."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import flask
from flask import g
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup
from werkzeug.local import LocalProxy

from medianest import __version__
from medianest.page.words import WORDS
from medianest.web.core import core

__all__ = ["SCRIPT", "STYLE", "render_template", "url_for"]

_TEMPLATES, _FILES = map(Path(__file__).with_name, ("templates", "static"))

STYLE: Final = (_FILES / "page.css").read_text()
"""In the page rather than a file of its own: a browser paints nothing before it has it, which took
a fourth of the time until then. An app that is not ours may have a policy of its own, which allows
its files and no style in a page: there it is a file."""

SCRIPT: Final = (_FILES / "forms.js").read_text()
"""The same: a form that was sent before a file has come would not prove itself."""

_HIDDEN: Final = Markup('<input type="hidden" name="proof" value="{}" data-given>')


def url_for(endpoint: str, **values: Any) -> str:
    """The address of one of our views, by whatever name an app has its blueprint."""
    return flask.url_for(core().names + endpoint, **values)


def render_template(name: str, **values: Any) -> str:
    """A template of ours; it knows these values, our words, and the `here` of the app."""
    return _environment.get_template(name).render(**values)


def _proof_field() -> str:
    """What a form proves itself with where no script does that."""
    proof = g.get("proof")
    return "" if proof is None else _HIDDEN.format(proof)


_environment: Final = Environment(
    loader=FileSystemLoader(_TEMPLATES),
    autoescape=True,
    auto_reload=False,  # a look at each file for each page
)
_environment.filters.update((word.__name__, word) for word in WORDS)
_environment.globals.update(url_for=url_for, here=LocalProxy(core), proof_field=_proof_field)
_environment.globals.update(style=Markup(STYLE), script=Markup(SCRIPT), version=__version__)
