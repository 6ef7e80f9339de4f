"""Who may look at the page, and who may act on it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import urlencode

from flask import g, request
from werkzeug.wrappers import Response as AnyResponse

from medianest.page.session import Session, Sessions
from medianest.web.hosts import called
from medianest.web.problems import ProblemError
from medianest.web.roles import Role

if TYPE_CHECKING:
    from medianest.web.auth import Tokens

__all__ = ["Door", "LoginNeeded", "PageDoor", "refuse_other_sites"]

_SAME_SITE: Final = "Strict"

_PORT: Final = re.compile(r":([0-9]+)$")
_PATH: Final = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f]*")
"""Of this server, for every browser: some take a backslash for a slash, and leave tabs out."""


class LoginNeeded(Exception):  # noqa: N818  # no error: it leads to the login form
    """This page is for those who have logged in."""


class PageDoor(Protocol):
    """Who may look at a page, and who may act on it."""

    def look(self) -> Role:
        """The role of who looks. Raises LoginNeeded and ProblemError."""

    def act(self) -> None:
        """Let only an operator's own page act; `g.actor` is then who does. Raises the same."""

    def knows(self) -> bool:
        """Whether who looks has signed in here, and may sign out."""

    def with_notice(self, url: str, text: str) -> str:
        """The address of a page that says so, for a moment."""

    def notice(self, signed: str) -> str | None:
        """What `with_notice` has just said; None where that was somebody else, or long ago."""


@dataclass(frozen=True, slots=True)
class Door:
    """Lets browsers in. `sessions` is None where there is no token to log in with."""

    tokens: Tokens
    sessions: Sessions | None

    def session(self) -> Session | None:
        """That of the current request."""
        if self.sessions is None:
            return None
        # There may be several: another port of the host can set one of the same name.
        given = request.cookies.getlist(cookie_name())
        found = (self.sessions.find(cookie, request.remote_addr) for cookie in given)
        return next(filter(None, found), None)

    def knows(self) -> bool:
        """Whether who looks has signed in here, and may sign out."""
        return self.session() is not None

    def look(self) -> Role:
        """The role of who looks. Raises LoginNeeded."""
        session = self.session()
        if session is not None:
            return session.role
        if not self.tokens.is_open("viewer"):
            raise LoginNeeded
        return "viewer"

    def act(self) -> None:
        """Let only an operator's own page act; `g.actor` is then who does. Raises LoginNeeded and
        ProblemError."""
        refuse_other_sites()
        session = self.session()
        if session is None or self.sessions is None:
            raise LoginNeeded
        if session.role != "operator":
            raise ProblemError("forbidden", "this needs the operator token, not the viewer's")
        if not self.sessions.is_proven(session, request.form.get("proof", "")):
            raise ProblemError("forbidden", "this browser has not signed in here: sign in again")
        g.actor = session.role

    def let_in(
        self, role: Role, has_script: bool
    ) -> tuple[str, Callable[[AnyResponse], AnyResponse]]:
        """Begin a session of the current browser: what it proves itself with, and what gives a
        response its cookie."""
        assert self.sessions is not None
        cookie, session = self.sessions.begin(role, None if has_script else request.remote_addr)
        lasts = int(session.ends_at - self.sessions.now())

        def bind(response: AnyResponse) -> AnyResponse:
            response.set_cookie(cookie_name(), cookie, max_age=lasts, **_bounds())
            return response

        return self.sessions.proof(session), bind

    def with_notice(self, url: str, text: str) -> str:
        """The address of a page that says so, for a moment."""
        signed = self.sessions.notice(text) if self.sessions is not None else ""
        return f"{url}?{urlencode({'notice': signed})}"

    def notice(self, signed: str) -> str | None:
        """What `with_notice` has just said; None where that was somebody else, or long ago."""
        return self.sessions.read_notice(signed) if self.sessions is not None else None

    def let_out(self, response: AnyResponse) -> None:
        """End the session of the browser that gets the response, also for whoever has copied its
        cookie; that alone ends nothing."""
        session, proof = self.session(), request.form.get("proof", "")
        if session and self.sessions and self.sessions.is_proven(session, proof):
            self.sessions.end(session)
        response.delete_cookie(cookie_name(), **_bounds())


def cookie_name() -> str:
    """Another one for each port: browsers send a cookie to all ports of a host, and would mix up
    two servers'."""
    port = _PORT.search(called())
    return f"medianest-{port[1] if port else (443 if request.is_secure else 80)}"


def this_page() -> str:
    """The address of what is asked for, to come back to, without what it said once."""
    kept = [each for each in request.args.items(multi=True) if each[0] != "notice"]
    return request.script_root + request.path + (f"?{urlencode(kept)}" if kept else "")


def is_here(address: str) -> bool:
    """Whether that is a page of this server, and of no other site."""
    return _PATH.fullmatch(address) is not None


def refuse_other_sites() -> None:
    """Refuse what a page of another site, or of another port of this host, has sent. Raises
    ProblemError."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin", "")
    here = called()
    # Browsers send the first only to hosts that they trust: not to http://nas.lan. An Origin may be
    # "null", which is no host, as what calls itself by none is not ours.
    is_ours = site == "same-origin" if site else origin.partition("://")[2] == here != ""
    if not is_ours:
        detail = f"this form comes from another site: from {origin or 'nowhere'}, and this is"
        raise ProblemError("forbidden", f"{detail} {here or 'nowhere'}")


def _bounds() -> dict[str, Any]:
    return {
        "path": request.script_root or "/",
        "secure": request.is_secure,
        "httponly": True,
        "samesite": _SAME_SITE,
    }
