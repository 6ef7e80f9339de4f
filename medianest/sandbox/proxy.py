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

TRAEFIK: Final = Reply(
    404,
    b"404 page not found\n",
    "text/plain; charset=utf-8",
    (("X-Content-Type-Options", "nosniff"),),
)


def proxied(status: int) -> Reply:
    """The line of Traefik for 404, the page of nginx for any other status: each is known for that
    when its backend is away."""
    if status == TRAEFIK.status:
        return TRAEFIK
    heading = NGINX_TITLES.get(status, f"{status} {reason(status)}")
    title, detail = heading, ""
    if status == 400:
        title, detail = f"400 {PLAIN_HTTP}", f"<center>{PLAIN_HTTP}</center>\r\n"
    page = PAGE.format(title=title, heading=heading, detail=detail)
    return Reply(status, page.encode(), "text/html", (("Server", "nginx"),))
