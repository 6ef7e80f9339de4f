"""Kinds of values that settings have, each with its own check."""

from __future__ import annotations

import re
import ssl
from ipaddress import IPv4Network, IPv6Network, ip_interface, ip_network
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from medianest.config.urls import base_url, database_url, redis_url
from medianest.resilience.options import MAX_SECONDS
from medianest.resilience.outcome import Classifier

__all__ = [
    "BaseUrl",
    "CaFile",
    "Connections",
    "Count",
    "DatabaseUrl",
    "Delay",
    "ErrorTokens",
    "Fingerprint",
    "HostNames",
    "Networks",
    "Places",
    "RedisUrl",
    "Seconds",
    "Secret",
    "SecretUrls",
    "Share",
    "TrustedProxies",
    "unless_off",
]

_MOST_PROXIES = 10
_MOST_CA_BYTES = 4 * 1024 * 1024


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


def _split_urls(value: object) -> object:
    """The same for URLs, in which a comma may stand as well: one before another URL separates."""
    if not isinstance(value, str):
        return value
    return tuple(re.split(r"\s*,\s*(?=[\w+.-]+://)|\s+", value.strip(", \t\n")))


def _network(value: object) -> object:
    wrong = ValueError("must be networks such as 192.168.1.0/24 or fd00:1234::/32")
    if isinstance(value, IPv4Network | IPv6Network):
        return value
    if not isinstance(value, str) or "%" in value:
        raise wrong
    try:
        network = ip_network(value, strict=False)
    except ValueError:
        raise wrong from None
    if ip_interface(value).ip != network.network_address:
        raise ValueError(f"must be the network itself, which is {network}")
    return network


def _host_name(value: str) -> str:
    name = value.lower().rstrip(".")
    if not re.fullmatch(r"(?=.{1,253}$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*", name):
        raise ValueError("must be names such as house.example.org, without scheme and port")
    return name


def _proxies(value: object) -> object:
    """A count, or networks."""
    if isinstance(value, str) and re.fullmatch(r"\s*[0-9]{1,9}\s*", value):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        if 0 <= value <= _MOST_PROXIES:
            return value
        raise ValueError(f"as a count it must be from 0 to {_MOST_PROXIES}")
    if isinstance(value, str):
        value = _split(value)
    if not isinstance(value, list | tuple):
        raise ValueError("must be a count, or networks such as 172.16.0.0/12")
    try:
        return tuple(map(_network, value))
    except ValueError as error:
        raise ValueError(f"{error}; or a count of proxies, from 0 to {_MOST_PROXIES}") from None


def unless_off(value: object) -> object:
    """None for the word "off"."""
    return None if value == "off" else value


def _certificates(path: Path) -> Path:
    """Read now: better a start that fails than an upstream that fails for ever."""
    try:
        if not path.is_file():  # a device or a pipe has no end
            raise ValueError("must be a file with certificates as PEM text")
        with path.open("rb") as file:
            text = file.read(_MOST_CA_BYTES).decode("ascii", "ignore")
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
    except (ssl.SSLError, ValueError):
        raise ValueError("must be a file with certificates as PEM text") from None
    return path


def _fingerprint(value: str) -> str:
    # openssl prints "sha256 Fingerprint=" before it.
    bare = re.sub("^.*fingerprint=", "", value.strip(), flags=re.IGNORECASE)
    digits = bare.replace(":", "").strip().lower()
    if not re.fullmatch("[0-9a-f]{64}", digits):
        raise ValueError("must be a SHA-256 as 64 hexadecimal digits, with or without colons")
    return digits


def _known_tokens(value: tuple[str, ...]) -> tuple[str, ...]:
    Classifier(value)
    return value


Seconds = Annotated[float, Field(gt=0, le=MAX_SECONDS, allow_inf_nan=False)]
Delay = Annotated[float, Field(ge=0, le=MAX_SECONDS, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=10**9)]
BaseUrl = Annotated[str, AfterValidator(base_url)]
CaFile = Annotated[Path, AfterValidator(_certificates)]
Fingerprint = Annotated[str, AfterValidator(_fingerprint)]
ErrorTokens = Annotated[tuple[str, ...], BeforeValidator(_listed), AfterValidator(_known_tokens)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(database_url)]
RedisUrl = Annotated[SecretStr, AfterValidator(redis_url)]
Secret = Annotated[SecretStr, AfterValidator(_header_value)]
Places = Annotated[int, Field(ge=1, le=10_000)]
Connections = Annotated[int, Field(ge=7, le=10_000)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Network = Annotated[Any, BeforeValidator(_network)]
Networks = Annotated[tuple[Network, ...], BeforeValidator(_split)]
HostNames = Annotated[
    tuple[Annotated[str, AfterValidator(_host_name)], ...], BeforeValidator(_split)
]
TrustedProxies = Annotated[Any, BeforeValidator(_proxies)]
"""How many proxies stand in front, or in which networks they are."""
SecretUrls = Annotated[tuple[SecretStr, ...], BeforeValidator(_split_urls)]
