"""URLs that settings hold, each checked as whoever uses it will read it."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qs, urlsplit

import psycopg2
from psycopg2.extensions import make_dsn
from pydantic import SecretStr
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

__all__ = ["base_url", "database_url", "redis_url"]

_KINDS: Final = {"postgres": "postgresql", "postgresql+psycopg2": "postgresql"}

_REDIS_OPTIONS: Final = {
    "db": r"\d{1,9}",
    "ssl_cert_reqs": "none|optional|required",
    "ssl_ca_certs": ".+",
    "ssl_ca_path": ".+",
    "ssl_certfile": ".+",
    "ssl_keyfile": ".+",
    "ssl_password": ".+",
    "ssl_ciphers": ".+",
    "ssl_check_hostname": "(?i:true|false|yes|no|0|1)",
}
"""What may stand in the query, and how; anything else could undo the limits that we set."""


def base_url(value: str) -> str:
    """Of an upstream: http or https, and nothing that could be a secret."""
    wrong = ValueError("must be an http or https URL such as http://plex:32400")
    try:
        parts = urlsplit(value)
        host = (parts.hostname or "").rstrip(".")
        well_formed = parts.port is None or parts.port > 0
    except ValueError:
        raise wrong from None
    labels = [host] if ":" in host else host.split(".")
    if not all(1 <= len(label) <= 63 for label in labels) or re.search(r"[\s\\]", value):
        raise wrong
    if parts.scheme not in ("http", "https") or not well_formed:
        raise wrong
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("must be a base URL without credentials, query or fragment")
    return value.rstrip("/")


def database_url(value: SecretStr) -> SecretStr:
    """With the driver that is used; the URL holds a password, so it is a secret itself."""
    kind, _, rest = value.get_secret_value().partition("://")
    url = f"{_KINDS.get(kind, kind)}://{rest}"
    try:
        found = make_url(url)
        well_formed = _is_sqlite(found) or _is_postgresql(found)
    except (ValueError, ArgumentError, psycopg2.Error):
        well_formed = False
    if not well_formed:
        raise ValueError(
            "must be such as sqlite:///instance/medianest.db "
            "or postgresql://user:password@host/medianest, with @ : / ? % in a password as %40 "
            "%3A %2F %3F %25"
        )
    return SecretStr(url)


def _is_sqlite(url: URL) -> bool:
    file = url.database or ""
    return url.drivername == "sqlite" and not url.host and file not in ("", ":memory:")


def _is_postgresql(url: URL) -> bool:
    make_dsn(**{name: str(option) for name, option in url.query.items()})  # raises for unknown ones
    named = bool(url.database or url.host or url.query)
    return url.drivername == "postgresql" and named and 0 < (url.port or 5432) < 65_536


def redis_url(value: SecretStr) -> SecretStr:
    """It may hold a password. Its query only says which database is meant, and how to trust a
    certificate."""
    wrong = ValueError(
        "must be such as redis://:password@host:6379/0, rediss://host or unix:///run/redis.sock; "
        f"after a ? may stand {', '.join(_REDIS_OPTIONS)} (ssl_ with rediss alone)"
    )
    try:
        parts = urlsplit(value.get_secret_value())
        place = parts.path if parts.scheme == "unix" else parts.hostname
        well_formed = parts.port is None or parts.port > 0
        options = parse_qs(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        raise wrong from None
    if parts.scheme not in ("redis", "rediss", "unix") or not place or not well_formed:
        raise wrong
    if parts.scheme != "unix" and not re.fullmatch(r"/?\d{0,9}", parts.path):
        raise wrong
    for name, (given, *more) in options.items():
        secure = parts.scheme == "rediss" or not name.startswith("ssl_")
        if more or not secure or not re.fullmatch(_REDIS_OPTIONS.get(name, "(?!)"), given):
            raise wrong
    return value
