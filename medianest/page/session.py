"""Sessions of browsers: signed cookies that stand for a role. Nothing is stored of one before it is
ended, so they work on every worker and while the database is down, and end when a token is changed.

Browsers send a cookie to every port of a host, and so to every other service of a home server. A
session that was begun by a script therefore may only look; to act takes a proof as well, which the
script keeps in storage that belongs to this port alone. A browser without scripts has no such
storage: its session holds for its address alone, and not for long.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from itsdangerous import BadData, Signer, URLSafeSerializer

from medianest.resilience import Clock
from medianest.web.roles import Role

T = TypeVar("T")

__all__ = ["CODE_SECONDS", "NOTICE_SECONDS", "Session", "Sessions", "login_link"]

CODE_SECONDS: Final = 60.0
"""How long the code of a printed link is good for, once."""

NOTICE_SECONDS: Final = 20.0
"""How long a page says what a form has done. A link that somebody keeps or shares has it still, as
has a page that is loaded anew without a script."""

_SECONDS, _SECONDS_WITHOUT_SCRIPT = 7 * 86_400.0, 3_600.0
_ROLES: Final = ("viewer", "operator")


@dataclass(frozen=True, slots=True)
class Session:
    """Whose browser that is. `address` is the only one that it holds for, None for one that acts
    with a proof; `ends_at` is in seconds since 1970."""

    role: Role
    ends_at: float
    id: str
    address: str | None = None


class Sessions:
    """Begins sessions, and knows its own again. `key` signs them; `token` is the operator's, and
    signs the codes of links; `marks` is a folder that all workers share."""

    def __init__(self, key: bytes, token: str | None, clock: Clock, marks: Path) -> None:
        self._key, self._clock, self._marks = key, clock, marks
        self._cookies = _serializer(key, "session")
        self._codes = None if token is None else _codes(token)
        self._notices = _serializer(key, "notice")
        self._over: dict[str, float] = {}

    def begin(self, role: Role, address: str | None) -> tuple[str, Session]:
        """The cookie of a new session. `address` is None for a browser that runs the script."""
        lasts = _SECONDS if address is None else _SECONDS_WITHOUT_SCRIPT
        session = Session(role, self.now() + lasts, secrets.token_urlsafe(12), address)
        return str(self._cookies.dumps(asdict(session))), session

    def find(self, cookie: str | None, address: str | None) -> Session | None:
        """The session of a cookie; None when it is not ours, is over, or holds for another
        address."""
        session = _loaded(self._cookies, cookie or "", lambda found: Session(**found))
        if session is None or session.role not in _ROLES or session.ends_at <= self.now():
            return None
        if session.address not in (None, address) or self._is_over(session.id):
            return None
        return session

    def end(self, session: Session) -> None:
        """From now on nobody has it."""
        self._is_first(session.id, session.ends_at)

    def proof(self, session: Session) -> str:
        """What a session acts with."""
        return hmac.new(self._key, b"proof " + session.id.encode(), hashlib.sha256).hexdigest()

    def is_proven(self, session: Session, proof: str) -> bool:
        """Whether that comes from the page of the session."""
        if session.address is not None:
            return True
        return hmac.compare_digest(self.proof(session).encode(), proof.encode())

    def redeem(self, code: str) -> Role | None:
        """The role that a code stands for, once; None when it is not ours, too old, or used."""
        if self._codes is None:
            return None
        try:
            mark, end = self._codes.unsign(code).decode().split(".")
        except (BadData, ValueError):  # other texts are signed in the same way
            return None
        until = float(int(end, 16))
        return "operator" if self.now() < until and self._is_first(mark, until) else None

    def notice(self, text: str) -> str:
        """A text that a page shows after a form was sent; nobody else can write one."""
        return str(self._notices.dumps([text, round(self.now(), 3)]))

    def read_notice(self, signed: str) -> str | None:
        """The text of a notice; None when it is not ours, or is no news any more."""
        found = _loaded(self._notices, signed, lambda it: (str(it[0]), float(it[1])))
        if found is None or abs(self.now() - found[1]) > NOTICE_SECONDS:
            return None
        return found[0]

    def _is_over(self, name: str) -> bool:
        try:
            return name in self._over or (self._marks / name).exists()
        except OSError:
            return False

    def _is_first(self, name: str, until: float) -> bool:
        """Whether nobody, on any worker, has marked it before: a mark is an empty file, with the
        time until which it is needed. In a folder that cannot be written only this worker knows."""
        if name in self._over:
            return False
        now = self.now()
        self._over = {each: end for each, end in self._over.items() if end > now} | {name: until}
        try:
            self._marks.mkdir(mode=0o700, exist_ok=True)
            self._forget_old()
            mark = self._marks / name
            mark.touch(mode=0o600, exist_ok=False)
            os.utime(mark, (until, until))
        except FileExistsError:
            return False
        except OSError:
            pass
        return True

    def _forget_old(self) -> None:
        # Another worker's newest may not have its own time yet.
        for mark in self._marks.iterdir():
            with suppress(OSError):  # another worker was quicker, or it is no mark
                if mark.stat().st_mtime < self.now() - CODE_SECONDS:
                    mark.unlink()

    def now(self) -> float:
        """Seconds since 1970."""
        return self._clock.utc().timestamp()


def login_link(token: str, base: str, clock: Clock) -> str:
    """A link that logs a browser in as the operator whose token that is, once and within
    CODE_SECONDS. What comes after # no browser sends, so no proxy's log has it."""
    until = int(clock.utc().timestamp() + CODE_SECONDS)
    code = _codes(token).sign(f"{secrets.token_urlsafe(4)}.{until:x}").decode()
    return f"{base}/login#{code}"


def _codes(token: str) -> Signer:
    """Signs codes so short that a link fits a line of a terminal: 16 bytes are plenty for what a
    minute ends."""
    short = partial(hashlib.blake2b, digest_size=16)
    return Signer(token.encode(), salt="code", key_derivation="hmac", digest_method=short)


def _serializer(key: bytes, salt: str) -> URLSafeSerializer:
    options: Mapping[str, Any] = {"digest_method": hashlib.sha256, "key_derivation": "hmac"}
    return URLSafeSerializer(key, salt=salt, signer_kwargs=dict(options))


def _loaded(serializer: URLSafeSerializer, text: str, read: Callable[[Any], T]) -> T | None:
    try:
        return read(serializer.loads(text))
    except (BadData, LookupError, TypeError, ValueError):
        return None
