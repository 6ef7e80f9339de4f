"""The door of the page in an app that says itself who may pass."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from flask import Flask, Response, abort, g, request
from werkzeug.exceptions import HTTPException

from medianest.flask.gate import Gate
from medianest.page.door import refuse_other_sites
from medianest.page.session import Sessions
from medianest.resilience import Clock
from medianest.web.problems import ProblemError
from medianest.web.roles import Role

__all__ = ["AppDoor"]

_PURPOSE: Final = b"medianest page"


class AppDoor:
    """Lets in whom the app's gate admits. Each form has a proof that it comes from a page which
    that person was shown: other sites can send forms, but not read pages."""

    def __init__(self, app: Flask, gate: Gate, clock: Clock) -> None:
        self._app, self._gate, self._clock = app, gate, clock
        self._own_key = secrets.token_bytes(32)

    def look(self) -> Role:
        """The role of who looks. Raises ProblemError, or the app's own answer."""
        try:
            self._gate.admit("viewer")
        except HTTPException:
            if "fragment" in request.args:  # the script loads the page anew, which gets the answer
                abort(Response(status=401, headers={"Cache-Control": "no-store"}))
            raise
        try:
            actor = self._gate.admit("operator")
        except (ProblemError, HTTPException):
            return "viewer"
        g.proof = self._proof(actor)
        return "operator"

    def act(self) -> None:
        """Let only a page of ours act, and who may; `g.actor` is then who does."""
        refuse_other_sites()
        actor = self._gate.admit("operator")
        proof, given = self._proof(actor), request.form.get("proof", "")
        if not hmac.compare_digest(proof.encode(), given.encode()):
            detail = "this form is out of date: load its page anew, and send it again"
            raise ProblemError("forbidden", detail)
        g.actor, g.proof = actor, proof  # the form may be refused, and is sent again then

    def knows(self) -> bool:
        """Never: one signs in by the app's own means."""
        return False

    def with_notice(self, url: str, text: str) -> str:
        """The address of a page that says so, for a moment."""
        return f"{url}?{urlencode({'notice': self._signer().notice(text)})}"

    def notice(self, signed: str) -> str | None:
        """What `with_notice` has just said; None where that was somebody else, or long ago."""
        return self._signer().read_notice(signed)

    def _proof(self, actor: str) -> str:
        return hmac.new(self._key(), actor.encode(), hashlib.sha256).hexdigest()

    def _signer(self) -> Sessions:
        return Sessions(self._key(), None, self._clock, Path())

    def _key(self) -> bytes:
        """Of the app's own, which its workers share, or else of this process: it may be set later
        than the extension."""
        secret = self._app.secret_key or self._own_key
        known = secret.encode() if isinstance(secret, str) else secret
        return hmac.digest(known, _PURPOSE, hashlib.sha256)
