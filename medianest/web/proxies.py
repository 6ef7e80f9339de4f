"""What proxies in front say of a request: its client, scheme, host and prefix.

Believed are X-Forwarded-For, -Proto, -Host and -Prefix, and those only as far as trusted proxies
wrote them. `Forwarded` (RFC 7239) is not read: proxies that write the others pass on what a client
sent as `Forwarded`, and so a stranger could say anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any, Final, TypeAlias

from medianest.web.hosts import host_of

__all__ = ["FORWARDED", "Proxies"]

FORWARDED: Final = "medianest.forwarded"
"""In the environ of a request that a trusted proxy has passed on."""

_MOST: Final = 64
"""Entries of a header that are looked at, from the right."""

Address: TypeAlias = IPv4Address | IPv6Address
Networks: TypeAlias = Sequence[IPv4Network | IPv6Network]
Environ: TypeAlias = dict[str, Any]

_PREFIX = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+", re.ASCII)
_ENTRY = re.compile(r"(?P<v4>[0-9.]+)(:[0-9]{1,5})?|\[(?P<v6>[0-9A-Fa-f:.]+)\](:[0-9]{1,5})?")


class Proxies:
    """Stands around a WSGI app, and corrects the environ of what came through trusted proxies:
    so many of them, or those with addresses in these networks. Who comes over a Unix socket has no
    address, and is on this machine: trusted. A value that is none costs itself alone."""

    def __init__(self, app: Callable[..., Iterable[bytes]], trusted: int | Networks) -> None:
        self._app = app
        self._count = trusted if isinstance(trusted, int) else None
        self._networks: Networks = () if isinstance(trusted, int) else trusted

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Pass a request on."""
        peer = _address(environ.get("REMOTE_ADDR", ""))
        if self._count is not None or peer is None or self._is_trusted(peer):
            environ[FORWARDED] = True
            client, proxies = self._client(_listed(environ, "FOR"))
            if client is not None:
                environ["REMOTE_ADDR"] = str(client)
                environ.pop("REMOTE_PORT", None)  # it was the proxy's
            _correct(environ, proxies)
        return self._app(environ, start_response)

    def _client(self, entries: Sequence[str]) -> tuple[Address | None, int]:
        """Who asked, and through how many trusted proxies. The nearest is the last entry; one that
        is no address hides those before it."""
        if self._count is not None:
            told = entries[-self._count] if len(entries) >= self._count else ""
            return _address(told), self._count
        client = None
        for proxies, entry in enumerate(reversed(entries), 1):
            address = _address(entry)
            if address is None:
                return client, proxies
            client = address
            if not self._is_trusted(address):
                return client, proxies
        return client, max(1, len(entries))

    def _is_trusted(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def _correct(environ: Environ, proxies: int) -> None:
    scheme = _told(environ, "PROTO", proxies).lower()
    if scheme in ("http", "https"):
        environ["wsgi.url_scheme"] = scheme
    host = _told(environ, "HOST", proxies)
    if host_of(host) is not None:
        environ["HTTP_HOST"] = host
    prefix = _told(environ, "PREFIX", proxies).rstrip("/")
    if _PREFIX.fullmatch(prefix):
        environ["SCRIPT_NAME"] = prefix + environ.get("SCRIPT_NAME", "")


def _told(environ: Environ, name: str, proxies: int) -> str:
    """What the outermost trusted proxy said, or the one nearest to it that said something."""
    values = _listed(environ, name)[-proxies:]
    return values[0] if values else ""


def _listed(environ: Environ, name: str) -> list[str]:
    header: str | None = environ.get(f"HTTP_X_FORWARDED_{name}")
    return [] if header is None else [each.strip() for each in header.rsplit(",", _MOST)][-_MOST:]


def _address(entry: str) -> Address | None:
    """With or without a port; of IPv6 that stands for IPv4, that."""
    found = _ENTRY.fullmatch(entry)
    bare = entry if found is None else found["v4"] or found["v6"]
    try:
        address = ip_address(bare)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return None if address.scope_id else address.ipv4_mapped or address
    return address
