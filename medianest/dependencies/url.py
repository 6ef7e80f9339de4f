"""What a health_check_url may look like: one reading only, whoever reads it.

Parsers of URLs disagree about everything unusual. So nothing unusual is accepted, and what is
accepted is taken apart once, here: nobody after us parses the text again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

__all__ = ["MAX_LENGTH", "HealthUrl", "HealthUrlError", "checked_url"]

MAX_LENGTH = 2_000

_DEFAULT_PORTS = {"http": 80, "https": 443}

_URL = re.compile(r"(?P<scheme>https?)://(?P<authority>[^/?]*)(?P<target>.*)", re.IGNORECASE)
_AUTHORITY = re.compile(r"(?P<host>\[[^\[\]]*\]|[^\[\]:]*)(:(?P<port>[^:]*))?")
_PORT = re.compile(r"[1-9][0-9]{0,4}")
# With underscores: no name of the internet has one, but those of containers do.
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_TARGET = re.compile(r"([A-Za-z0-9._~:/?@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*")


class HealthUrlError(ValueError):
    """A URL that no health check uses; its message is one sentence for the operator."""


@dataclass(frozen=True, slots=True)
class HealthUrl:
    """The parts of a URL that was checked; `host` has no brackets, `target` is path and query,
    `text` is the URL as it was given."""

    scheme: str
    host: str
    port: int
    target: str
    text: str

    @property
    def authority(self) -> str:
        """Host and port, for messages."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def checked_url(text: str) -> HealthUrl:
    """The parts of a URL. Raises HealthUrlError for one that a health check may not use."""
    _check_characters(text)
    parts = _URL.fullmatch(text)
    if parts is None:
        raise HealthUrlError("the URL must begin with http:// or https://")
    if "#" in text:
        raise HealthUrlError("the URL must have no fragment: leave out # and what follows")
    if not _TARGET.fullmatch(parts["target"]):
        raise HealthUrlError(
            "the path and query may hold only characters that URLs allow, others as %XX"
        )
    scheme = parts["scheme"].lower()
    host, port = _host_and_port(parts["authority"])
    target = parts["target"] if parts["target"].startswith("/") else "/" + parts["target"]
    return HealthUrl(scheme, host, port or _DEFAULT_PORTS[scheme], target, text)


def _check_characters(text: str) -> None:
    if len(text) > MAX_LENGTH:
        raise HealthUrlError(f"the URL must be no longer than {MAX_LENGTH} characters")
    if not all("!" <= character <= "~" for character in text):
        raise HealthUrlError("the URL must be printable ASCII without spaces")
    if "\\" in text:
        raise HealthUrlError("the URL must hold no backslash")


def _host_and_port(authority: str) -> tuple[str, int | None]:
    if "@" in authority:
        raise HealthUrlError("the URL must hold no user name and no password")
    if "%" in authority:
        raise HealthUrlError("the host must hold no percent sign: no encoding and no zone")
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None:
        raise HealthUrlError(
            "after :// must stand a host, or a host, a colon and a port, with IPv6 in brackets"
        )
    return _host(parts["host"].lower()), _port(parts["port"])


def _port(text: str | None) -> int | None:
    if text is None:
        return None
    if not _PORT.fullmatch(text) or int(text) > 65_535:
        raise HealthUrlError("the port must be a number from 1 to 65535")
    return int(text)


def _host(host: str) -> str:
    if not host:
        raise HealthUrlError("the URL must name a host such as plex or 192.168.1.10")
    if host.startswith("["):
        return _ipv6(host[1:-1])
    # Resolvers take numbers of many spellings for an IPv4 address, and each ends like one.
    if _NUMBER.fullmatch(host.removesuffix(".").rpartition(".")[2]):
        return _ipv4(host)
    if len(host) > 253 or not all(map(_LABEL.fullmatch, host.split("."))):
        raise HealthUrlError(
            "the host must be an IP address or a name of letters, digits, hyphens and "
            "underscores, "
            "at most 63 between two dots and 253 in all"
        )
    return host


def _ipv4(host: str) -> str:
    try:
        return str(IPv4Address(host))
    except ValueError:
        raise HealthUrlError(
            "an IPv4 address must be four decimal numbers without leading zeros, as 192.168.1.10"
        ) from None


def _ipv6(host: str) -> str:
    try:
        return str(IPv6Address(host))
    except ValueError:
        raise HealthUrlError("in brackets must stand an IPv6 address such as [fd12::10]") from None
