"""Names of services: looked up once for each request, within the time, and each address allowed."""

import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest

from medianest.dependencies.addresses import Addresses, ForbiddenAddressError
from medianest.dependencies.probe import HealthProbe
from medianest.dependencies.url import checked_url
from medianest.media.errors import SlowError, UnresolvableError
from medianest.net.dns import resolve
from medianest.resilience import Deadline
from tests.dependencies.asking import METADATA, url_of
from tests.dependencies.conftest import LOOPBACK, Server
from tests.support.leftovers import Leftovers
from tests.support.waiting import wait_until


def test_a_name_that_leads_elsewhere_the_second_time(
    serving: Callable[..., Server], probe: HealthProbe, names: dict[Any, Any]
) -> None:
    """Keeps out DNS rebinding: registered with a good address, asked at a forbidden one."""
    server = serving()
    names["nas.lan"] = [["127.0.0.1"], [METADATA]]
    url = url_of(server, host="nas.lan")
    assert probe.resolve(url) == ("127.0.0.1",)
    with pytest.raises(ForbiddenAddressError, match="metadata"):
        probe.ask(url)
    assert server.accepted == 0


def test_a_request_looks_up_once(
    serving: Callable[..., Server], probe: HealthProbe, names: dict[Any, Any]
) -> None:
    """Keeps out a second look-up between the check and the connect."""
    server = serving()
    names["nas.lan"] = [["127.0.0.1"], [METADATA]]
    assert probe.ask(url_of(server, host="nas.lan")).status == 200
    assert server.accepted == 1
    assert names["nas.lan"] == [[METADATA]]


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1", METADATA],
        [METADATA, "127.0.0.1"],
        ["127.0.0.1", "10.0.0.1"],
        ["127.0.0.1", "::ffff:169.254.169.254"],
        ["127.0.0.1", "fe80::1%eth0"],
    ],
)
def test_one_forbidden_address_forbids_the_name(
    serving: Callable[..., Server], probe: HealthProbe, names: dict[Any, Any], addresses: list[str]
) -> None:
    server = serving()
    names["nas.lan"] = [addresses]
    for step in (probe.resolve, probe.ask):
        with pytest.raises(ForbiddenAddressError):
            step(url_of(server, host="nas.lan"))
    assert server.accepted == 0


def test_the_next_address_is_tried(
    serving: Callable[..., Server], probe: HealthProbe, names: dict[Any, Any]
) -> None:
    server = serving()
    names["nas.lan"] = [["127.0.0.2", "127.0.0.1"]]
    url = url_of(server, host="nas.lan")
    assert probe.resolve(url) == ("127.0.0.2", "127.0.0.1")
    assert probe.ask(url).status == 200


def test_a_name_that_a_resolver_takes_for_an_address(
    probe: HealthProbe, names: dict[Any, Any]
) -> None:
    """Were one to get past the check of the URL, what it resolves to is judged all the same."""
    names["plex.lan"] = [["0.0.0.0"]]
    with pytest.raises(ForbiddenAddressError, match="unspecified"):
        probe.ask(checked_url("http://plex.lan/"))


def test_an_unknown_name(probe: HealthProbe, names: dict[Any, Any]) -> None:
    url = checked_url("http://nobody.lan/")
    for step in (probe.resolve, probe.ask):
        with pytest.raises(UnresolvableError, match=r"nobody\.lan:80: name or service not known"):
            step(url)


def test_a_name_without_addresses(probe: HealthProbe, names: dict[Any, Any]) -> None:
    names["nas.lan"] = [[]]
    for step in (probe.resolve, probe.ask):
        with pytest.raises(UnresolvableError):
            step(checked_url("http://nas.lan/"))


def test_a_look_up_that_hangs_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """And leaves the look-ups of the media servers their places, however many hang."""
    ended = threading.Event()

    def getaddrinfo(host: str, *args: int, **options: Any) -> list[tuple[Any, ...]]:
        if host == "nas.lan":
            ended.wait(60)
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 80))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    probe = HealthProbe(Addresses(LOOPBACK), timeout=0.03)
    url = checked_url("http://nas.lan/")
    try:
        for _ in range(5):
            with pytest.raises(SlowError, match="the DNS lookup timed out"):
                probe.resolve(url)
            with pytest.raises(SlowError, match="no connection in time"):
                probe.ask(url)
        with Deadline(10.0).scope():
            assert resolve("plex.lan", 80) == [(socket.AF_INET, ("127.0.0.1", 80))]
    finally:
        ended.set()


def test_names_that_hang_keep_no_other_from_being_looked_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended = threading.Event()

    def getaddrinfo(host: str, *args: int, **options: Any) -> list[tuple[Any, ...]]:
        if host.startswith("hangs"):
            ended.wait(60)
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 80))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    probe = HealthProbe(Addresses(LOOPBACK), timeout=0.02)
    left = Leftovers()
    try:
        for _ in range(3):
            for number in range(20):
                with pytest.raises(SlowError):
                    probe.resolve(checked_url(f"http://hangs-{number}.lan/"))
        assert left.threads <= 20  # each name hangs once
        wait_until(lambda: resolves(probe, "well.lan"))
    finally:
        ended.set()


def resolves(probe: HealthProbe, host: str) -> bool:
    try:
        return probe.resolve(checked_url(f"http://{host}/")) == ("127.0.0.1",)
    except SlowError:
        return False
