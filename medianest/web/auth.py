"""Who may do what: bearer tokens of three roles.

They live in the settings and not in the database, so that an operator can act while that is down.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from flask import request
from pydantic import SecretStr

from medianest.config import Settings
from medianest.config.instance import prepare_instance
from medianest.config.private import OthersMayReadError, read_private
from medianest.jobs import Job
from medianest.resilience import Clock, ConfigurationError
from medianest.web.problems import ProblemError
from medianest.web.roles import Role
from medianest.web.throttle import Reason, Throttle

__all__ = ["Tokens", "ensure_operator_token", "renew_operator_token", "session_key"]

_TELL_SECONDS = 10.0


class Tokens:
    """The tokens of each role, and which roles need none."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.throttle = Throttle(clock)
        given: list[tuple[Role, SecretStr | None]] = [
            ("operator", settings.operator_token),
            ("viewer", settings.viewer_token),
            ("client", settings.client_token),
        ]
        self._tokens = {role: t.get_secret_value().encode() for role, t in given if t is not None}
        self._open: tuple[Role, ...] = () if settings.env == "production" else ("client", "viewer")

    def jobs(self) -> list[Job]:
        """What is done beside the requests."""
        name = "tell of failed attempts"
        return [Job(name=name, run=self.throttle.tell, every=_TELL_SECONDS, must_go_on=True)]

    def authorize(self, wanted: Role) -> Role:
        """The role in which the current request may do what `wanted` may. Raises ProblemError."""
        role = self._role_of_request()
        if role == wanted or role == "operator" or (role is not None and wanted in self._open):
            return role
        if role is None and wanted in self._open:
            return wanted
        if role is None:
            raise self._failed("no_token", self._unauthorized(wanted))
        detail = f"this needs the {wanted} token, not the {role}'s"
        raise self._failed("wrong_role", ProblemError("forbidden", detail))

    def is_open(self, role: Role) -> bool:
        """Whether everybody may do what a role may, without a token."""
        return role in self._open

    def role_of(self, token: str) -> Role:
        """The role whose token that is. Raises ProblemError where it is nobody's, and for an
        address that has tried too many."""
        self._slow_down()
        given = token.strip().encode()
        # All are compared, each in constant time, so that the time tells nothing.
        matches = [role for role, t in self._tokens.items() if hmac.compare_digest(t, given)]
        if not matches:
            raise self._failed("wrong_token", _unauthorized("the token is not known"))
        self.trust_address()
        return matches[0]

    def trust_address(self) -> None:
        """Whoever asks has shown that they may."""
        self.throttle.passed(request.remote_addr)

    def _role_of_request(self) -> Role | None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if not scheme:
            return None
        if scheme.lower() != "bearer":
            self._slow_down()
            raise self._failed("wrong_token", _unauthorized("the token is not known"))
        return self.role_of(token)

    def _slow_down(self) -> None:
        if (wait := self.throttle.slows(request.remote_addr)) is not None:
            self.throttle.failed(request.remote_addr, "too_many")
            raise _too_many(wait)

    def _failed(self, reason: Reason, problem: ProblemError) -> ProblemError:
        """The problem; for who has failed too often, only how long to wait."""
        wait = self.throttle.failed(request.remote_addr, reason)
        return problem if wait is None else _too_many(wait)

    def _unauthorized(self, wanted: Role) -> ProblemError:
        detail = f"this needs the {wanted} token"
        if wanted not in self._tokens and "operator" not in self._tokens:
            detail += f", and none is set: set MEDIANEST_{wanted.upper()}_TOKEN"
        return _unauthorized(detail)


def session_key(settings: Settings) -> bytes | None:
    """What sessions of browsers are signed with: another one as soon as a token is another. None
    without tokens, as then nobody can log in."""
    tokens = (settings.operator_token, settings.viewer_token)
    known = [b"" if token is None else token.get_secret_value().encode() for token in tokens]
    if not any(known):
        return None
    both = b"".join(len(token).to_bytes(4, "big") + token for token in known)
    return hmac.digest(both, b"sessions of browsers", hashlib.sha256)


def _too_many(wait: float) -> ProblemError:
    detail = "too many attempts from this address have failed"
    return ProblemError("too-many-attempts", detail, {"retry_after_seconds": wait})


def _unauthorized(detail: str) -> ProblemError:
    return ProblemError("unauthorized", detail, headers={"WWW-Authenticate": "Bearer"})


def ensure_operator_token(settings: Settings) -> Settings:
    """In development without an operator token, keep a random one in instance/operator.token.
    Raises ConfigurationError, also where the instance folder cannot be written."""
    path = prepare_instance(settings) / "operator.token"
    if settings.env != "development" or settings.operator_token is not None:
        return settings
    try:
        token = _read_or_make(path)
    except OthersMayReadError as error:
        raise ConfigurationError(f"{path}: others may read the operator token: {error}") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise ConfigurationError(f"{path}: cannot keep the operator token: {reason}") from None
    if token in [t.get_secret_value() for t in (settings.viewer_token, settings.client_token) if t]:
        raise ConfigurationError(f"{path} holds the token of another role: delete it")
    return settings.model_copy(update={"operator_token": SecretStr(token)})


def renew_operator_token(settings: Settings) -> Path:
    """Put a new random token in the place of the one in instance/operator.token; where that is.
    A server takes it when it starts or gets SIGHUP. Raises ConfigurationError."""
    path = prepare_instance(settings) / "operator.token"
    try:
        _draft(path).replace(path)
    except OSError as error:
        reason = f"cannot keep the operator token: {error.strerror}"
        raise ConfigurationError(f"{path}: {reason}") from None
    return path


def _read_or_make(path: Path) -> str:
    if not path.exists():
        draft = _draft(path)
        try:
            os.link(draft, path)  # atomic: of several processes that start at once, one makes it
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    token = read_private(path)
    if not token:
        raise ConfigurationError(f"{path} is empty: delete it, and a new one is made")
    return token


def _draft(path: Path) -> Path:
    """A file beside it with a new token, for this user alone whatever the umask is."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            os.fchmod(descriptor, 0o600)  # whatever the umask takes away
            file.write(secrets.token_urlsafe(24) + "\n")
    except OSError:
        draft.unlink()
        raise
    return draft
