"""By which names this server may be called.

A page on the web can have its own name lead to an address in this house (DNS rebinding), and then
read what answers there. It cannot change what its browser sends as Host: that name.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache, partial
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING

from flask import Flask, request

from medianest.web.problems import ProblemError

if TYPE_CHECKING:  # its readers load all drivers, which an app that shows its page need not have
    from medianest.config import Settings

__all__ = ["called", "check_hosts", "host_of"]

_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?", re.ASCII)
_HOST = re.compile(r"(?P<host>\[[0-9a-f:.]+\]|[^:\[\]]+)(:[0-9]{1,5})?", re.ASCII)
_ITSELF = frozenset({"localhost"})


def host_of(header: str) -> str | None:
    """The name or the address in a Host header, in lower case and without its port; None where
    it is neither."""
    found = _HOST.fullmatch(header.lower())
    if found is None:
        return None
    host = found["host"]
    if host.startswith("["):
        return str(IPv6Address(host[1:-1])) if _is_address(host[1:-1]) else None
    return host.removesuffix(".") if _NAME.fullmatch(host) else None


def called() -> str:
    """By which name or address, with its port unless that is the usual one, the client of the
    current request calls this server: what its browser puts into Origin. Empty where that is
    neither. Flask's own is empty for a name with an underscore as well."""
    header: str = request.environ.get("HTTP_HOST") or request.host
    usual = ":443" if request.is_secure else ":80"
    return "" if host_of(header) is None else header.lower().removesuffix(usual)


def check_hosts(app: Flask, settings: Settings) -> None:
    """Refuse requests to other names. Addresses cannot be rebound, and probes use them.

    Production without configured names takes all of them: there nobody reads without a token,
    which no page of a stranger has, and proxies and orchestrators have names of many kinds.
    """
    if settings.env == "production" and not settings.allowed_hosts:
        return
    is_allowed = lru_cache(64)(partial(_is_allowed, frozenset(settings.allowed_hosts) | _ITSELF))
    check = partial(_check, is_allowed)
    app.before_request_funcs.setdefault(None, []).insert(0, check)


def _check(is_allowed: Callable[[str], bool]) -> None:
    # HTTP/1.0 has none, and no browser speaks it.
    header = request.environ.get("HTTP_HOST")
    if header is not None and not is_allowed(header):
        name = host_of(header)
        raise ProblemError(
            "misdirected",
            "the Host is neither a name nor an address"
            if name is None
            else f"the host name {name} is not allowed: add it to MEDIANEST_ALLOWED_HOSTS",
        )


def _is_allowed(names: frozenset[str], header: str) -> bool:
    host = host_of(header)
    return host is not None and (host in names or _is_address(host))


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return "%" not in host
