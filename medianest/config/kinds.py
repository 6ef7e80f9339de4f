"""Kinds of values that settings have, each with its own check."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated
from urllib.parse import parse_qs, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from medianest.resilience.options import MAX_SECONDS
from medianest.resilience.outcome import Classifier

__all__ = [
    "BaseUrl",
    "Count",
    "DatabaseUrl",
    "Delay",
    "ErrorTokens",
    "Networks",
    "Places",
    "RedisUrl",
    "Seconds",
    "Secret",
    "Secrets",
    "Share",
    "unless_off",
]


def _base_url(value: str) -> str:
    wrong = ValueError("must be an http or https URL such as http://plex:32400")
    try:
        parts = urlsplit(value)
        host = (parts.hostname or "").rstrip(".")
        well_formed = parts.port is None or parts.port > 0
    except ValueError:
        raise wrong from None
    labels = [host] if ":" in host else host.split(".")
    if not all(1 <= len(label) <= 63 for label in labels) or re.search(r"\s", value):
        raise wrong
    if parts.scheme not in ("http", "https") or not well_formed:
        raise wrong
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("must be a base URL without credentials, query or fragment")
    return value.rstrip("/")


def _database_url(value: SecretStr) -> SecretStr:
    """With the driver that is used; the URL holds a password, so it is a secret itself."""
    url = value.get_secret_value()
    kind, _, rest = url.partition("://")
    kind = {"postgres": "postgresql", "postgresql+psycopg2": "postgresql"}.get(kind, kind)
    if kind not in ("sqlite", "postgresql") or not rest.strip("/"):
        raise ValueError(
            "must be such as sqlite:///instance/medianest.db "
            "or postgresql://user:password@host/medianest"
        )
    return SecretStr(f"{kind}://{rest}")


def _redis_url(value: SecretStr) -> SecretStr:
    """It may hold a password. Its query could undo the limits that the settings set, so it only
    says which database is meant, and how to trust a certificate."""
    wrong = ValueError(
        "must be such as redis://:password@host:6379/0, rediss://host or unix:///run/redis.sock; "
        "after a ? only db and ssl_ options are allowed"
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
    if parts.scheme != "unix" and not re.fullmatch(r"/?\d*", parts.path):
        raise wrong
    if not re.fullmatch(r"\d+", options.get("db", ["0"])[0]):
        raise wrong
    if any(name != "db" and not name.startswith("ssl_") for name in options):
        raise wrong
    return value


def _header_value(value: SecretStr) -> SecretStr:
    """Tokens travel in HTTP headers."""
    if not re.fullmatch(r"[!-~]+", value.get_secret_value()):
        raise ValueError("must be printable ASCII without spaces")
    return value


def _listed(value: object) -> object:
    if isinstance(value, str):
        return tuple(item.strip() for item in value.split(",") if item.strip())
    return value


def _split(value: object) -> object:
    """A list in one variable: separated by spaces or commas."""
    return tuple(re.split(r"[,\s]+", value.strip())) if isinstance(value, str) else value


def _network(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return ip_network(value)
    except ValueError:
        raise ValueError("must be networks such as 192.168.1.0/24 or fd00:1234::/32") from None


def unless_off(value: object) -> object:
    """None for the word "off"."""
    return None if value == "off" else value


def _known_tokens(value: tuple[str, ...]) -> tuple[str, ...]:
    Classifier(value)
    return value


Seconds = Annotated[float, Field(gt=0, le=MAX_SECONDS, allow_inf_nan=False)]
Delay = Annotated[float, Field(ge=0, le=MAX_SECONDS, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=10**9)]
BaseUrl = Annotated[str, AfterValidator(_base_url)]
ErrorTokens = Annotated[tuple[str, ...], BeforeValidator(_listed), AfterValidator(_known_tokens)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_database_url)]
RedisUrl = Annotated[SecretStr, AfterValidator(_redis_url)]
Secret = Annotated[SecretStr, AfterValidator(_header_value)]
Places = Annotated[int, Field(ge=1, le=10_000)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(_network)]
Networks = Annotated[tuple[Network, ...], BeforeValidator(_split)]
Secrets = Annotated[tuple[SecretStr, ...], BeforeValidator(_split)]
