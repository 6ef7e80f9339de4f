"""Addresses of services."""

from medianest.dependencies.url import HealthUrl, checked_url
from tests.dependencies.conftest import Server

METADATA = "169.254.169.254"


def url_of(
    server: Server, path: str = "/", host: str = "127.0.0.1", scheme: str = "http"
) -> HealthUrl:
    return checked_url(f"{scheme}://{host}:{server.port}{path}")
