"""What a reverse proxy says in place of a server that is away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from medianest.sandbox.messages import Reply, reason

__all__ = ["proxied"]

NGINX_TITLES: Final[Mapping[int, str]] = {
    503: "503 Service Temporarily Unavailable",
    504: "504 Gateway Time-out",
}
PLAIN_HTTP: Final = "The plain HTTP request was sent to HTTPS port"
PAGE: Final = """<html>\r
<head><title>{title}</title></head>\r
<body>\r
<center><h1>{heading}</h1></center>\r
{detail}<hr><center>nginx</center>\r
</body>\r
</html>\r
"""

TRAEFIK: Final[Mapping[int, str]] = {
    400: "Client sent an HTTP request to an HTTPS server.\n",
    404: "404 page not found\n",
    503: "no available server\n",
}
PLAIN: Final = "text/plain; charset=utf-8"
NO_SNIFF: Final = ("X-Content-Type-Options", "nosniff")


def proxied(status: int, server: str | None = None) -> Reply:
    """The page of "nginx" or the line of "traefik"; None is the usual one for the status."""
    if (server or _usual(status)) == "traefik":
        return Reply(status, TRAEFIK.get(status, reason(status)).encode(), PLAIN, (NO_SNIFF,))
    heading = NGINX_TITLES.get(status, f"{status} {reason(status)}")
    title, detail = heading, ""
    if status == 400:
        title, detail = f"400 {PLAIN_HTTP}", f"<center>{PLAIN_HTTP}</center>\r\n"
    page = PAGE.format(title=title, heading=heading, detail=detail)
    return Reply(status, page.encode(), "text/html", (("Server", "nginx"),))


def _usual(status: int) -> str:
    """Which proxy is known for this status when its backend is away."""
    return "traefik" if status == 404 else "nginx"
