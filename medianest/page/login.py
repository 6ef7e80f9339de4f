"""Logging in and out."""

from __future__ import annotations

import re
from typing import Final, cast

from flask import Response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from medianest.page.common import door, server_pages, surroundings
from medianest.page.door import Door, is_here, refuse_other_sites
from medianest.page.live import framed, html_page
from medianest.page.rendering import render_template, url_for
from medianest.web.problems import ProblemError
from medianest.web.roles import Role

__all__ = ["show_login"]

_CODE: Final = re.compile(r"[\w-]+\.[0-9a-f]+\.[\w-]{22}")
"""What the code of a link looks like."""


@server_pages.get("/login")
def show_login() -> AnyResponse:
    """The form that takes a token, or the code of a printed link."""
    return _form(None)


@server_pages.post("/login")
def log_in() -> AnyResponse:
    """Begin a session."""
    refuse_other_sites()
    given = request.form.get("token", "").strip()
    try:
        role = _role_of(given)
    except ProblemError as error:
        return _form(_why_refused(error, given), 429 if error.kind == "too-many-attempts" else 403)
    if role not in ("viewer", "operator"):
        return _form("this token is for the media API alone", 403)
    has_script = request.form.get("script") == "1"
    following = _next()
    proof, bind = _door().let_in(role, has_script)
    if not has_script:
        return bind(redirect(following, 303))
    main = render_template("page/begun.html", proof=proof, next=following)
    return bind(html_page(framed("begun", "viewer", main, surroundings())))


@server_pages.post("/logout")
def log_out() -> AnyResponse:
    """End the session of this browser."""
    refuse_other_sites()
    response = redirect(url_for("page.show_now"), 303)
    _door().let_out(response)
    return response


def _door() -> Door:
    """That of the server, which takes tokens."""
    return cast(Door, door())


def _role_of(given: str) -> Role:
    sessions = _door().sessions
    if sessions is None:
        raise ProblemError("forbidden", "no token is set: set MEDIANEST_OPERATOR_TOKEN")
    if "." in given and (role := sessions.redeem(given)) is not None:
        _door().tokens.trust_address()
        return role
    return _door().tokens.role_of(given)


def _why_refused(error: ProblemError, given: str) -> str:
    """Who comes late with a link knows of no token."""
    if error.kind == "unauthorized" and _CODE.fullmatch(given):
        return "this link was used before, or is too old: medianest token link prints another"
    return error.detail


def _form(fault: str | None, status: int = 200) -> Response:
    main = render_template("page/login.html", next=_next())
    around = {**surroundings(), "back": _next(), "fault": fault}
    return html_page(framed("login", "viewer", main, around), status)


def _next() -> str:
    """Where to go on: a page of this server alone."""
    wanted = request.values.get("next", "")
    return wanted if is_here(wanted) else url_for("page.show_now")
