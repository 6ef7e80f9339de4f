"""`/docs`: the API's own document, for people and for programs."""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from pathlib import Path
from typing import Annotated, Any, Final, Literal, cast

from flask import Blueprint, Flask, Response, current_app, render_template, request
from markupsafe import Markup, escape
from pydantic import BaseModel, ConfigDict, Field

from medianest.web.container import container
from medianest.web.endpoint import endpoint
from medianest.web.headers import page as page_of
from medianest.web.hosts import called
from medianest.web.openapi import document
from medianest.web.openapi_curl import curl
from medianest.web.proxies import FORWARDED

__all__ = ["OpenApi", "blueprint"]


class OpenApi(BaseModel):
    """An OpenAPI document, this one."""

    model_config = ConfigDict(extra="allow", frozen=True)

    openapi: Literal["3.1.0"]
    info: dict[str, Any]
    paths: Annotated[dict[str, Any], Field(description="The operations, by path and method.")]
    components: dict[str, Any]


_STYLE: Final = Markup(
    Path(__file__).with_name("templates").joinpath("docs.css").read_text("utf-8")
)

_PAGES: Final = "medianest.docs"
_MOST: Final = 8
"""Pages that are kept, one for each address by which clients find this server."""

blueprint = Blueprint("docs", __name__, url_prefix="/docs", template_folder="templates")


@blueprint.get("", strict_slashes=False)
@endpoint("viewer", operation_id="get_docs_page", answers={}, linked=True)
def get_docs_page() -> Response:
    """The document as a page for people."""
    pages = cast(OrderedDict[str, str], _app().extensions.setdefault(_PAGES, OrderedDict()))
    root = _root()
    found = pages.get(root)
    if found is None:
        found = pages[root] = _page(root)
        while len(pages) > _MOST:
            pages.popitem(last=False)
    return page_of(found, _STYLE)


@blueprint.get("/openapi.json")
@endpoint("viewer", operation_id="get_openapi_document", answers={200: OpenApi}, linked=True)
def get_openapi_document() -> Response:
    """This document."""
    text = json.dumps({**document(_app()), "servers": [{"url": _server()}]}) + "\n"
    return Response(text, headers={"Cache-Control": "no-store"}, content_type="application/json")


@blueprint.app_template_filter()
def prose(text: str) -> Markup:
    """Text with the little Markdown that our descriptions have, as HTML."""
    html = str(escape(text.strip()))
    link = rf'<a href="{escape(request.script_root)}\2">\1</a>'
    html = re.sub(r"\[(.+?)\]\((/[a-z/-]+)\)", link, html)
    html = re.sub(r"`(.+?)`", r"<code>\1</code>", html)
    html = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", html)
    return Markup(html)  # escaped above, before any tag came in


@blueprint.app_template_filter()
def written(example: Any) -> str:
    """An example as it stands in an answer, in lines that people can read."""
    return example if isinstance(example, str) else json.dumps(example, indent=2)


@blueprint.app_template_filter()
def command(operation: dict[str, Any], method: str, path: str, server: str) -> str:
    """What to type in a shell to have an operation done; with a token where this server asks for
    one."""
    role = operation["security"][0]["bearer"][0] if operation["security"] else None
    is_open = role is None or container().tokens.is_open(role)
    return curl(server, method, path, operation, None if is_open else role)


@blueprint.app_template_filter()
def model_name(reference: str) -> str:
    """The name of the model that a $ref leads to."""
    return reference.rpartition("/")[2]


def _page(server: str) -> str:
    api = document(_app())
    values = {"api": api, "operations": _by_tag(api), "style": _STYLE, "server": server}
    return render_template("docs.html", **values)


def _server() -> str:
    """Where clients find this server: as its proxy says, or where they have found the document."""
    return _root() if FORWARDED in request.environ else request.script_root or "/"


def _root() -> str:
    """Where this server is, as who asks calls it."""
    return f"{request.scheme}://{called()}{request.script_root}"


def _by_tag(api: dict[str, Any]) -> dict[str, list[tuple[str, str, dict[str, Any]]]]:
    """Method, path and description of each operation, by its tag."""
    found: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
    for path, methods in api["paths"].items():
        for method, operation in methods.items():
            found.setdefault(operation["tags"][0], []).append((method.upper(), path, operation))
    return found


def _app() -> Flask:
    return current_app._get_current_object()  # type: ignore[attr-defined, no-any-return]
