"""What is believed of what proxies say: as far as trusted ones have written it, and no further."""

from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, NoReturn

import pytest
from flask import Flask

from medianest.web.proxies import Proxies
from tests.support.narrowing import not_none

PROXY, OTHER_PROXY, CLIENT, LIAR = "10.0.0.1", "10.0.0.2", "203.0.113.7", "198.51.100.9"
NETWORKS = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
Networks = tuple[IPv4Network | IPv6Network, ...]
KEYS = ("REMOTE_ADDR", "wsgi.url_scheme", "HTTP_HOST", "SCRIPT_NAME")


def no_answer(*args: object) -> NoReturn:
    raise AssertionError("nothing is answered here")


def seen(
    trusted: int | Networks,
    peer: str = PROXY,
    **headers: Any,
) -> tuple[str, ...]:
    """Address, scheme, host and prefix as the app sees them."""
    environ = {"REMOTE_ADDR": peer, "wsgi.url_scheme": "http", "HTTP_HOST": "app:8000"}
    environ |= {"SCRIPT_NAME": ""}
    environ |= {f"HTTP_X_FORWARDED_{name.upper()}": value for name, value in headers.items()}
    found = {}
    Proxies(lambda environ, start: found.update(environ) or [], trusted)(environ, no_answer)
    return tuple(found[key] for key in KEYS)


def address(
    trusted: int | Networks,
    chain: str,
    peer: str = PROXY,
) -> str:
    return seen(trusted, peer, **{"for": chain})[0]


@pytest.mark.parametrize("trusted", [1, NETWORKS])
def test_one_proxy_tells_all_four(
    trusted: int | Networks,
) -> None:
    said = {"for": CLIENT, "proto": "https", "host": "house.example", "prefix": "/nest/"}
    assert seen(trusted, **said) == (CLIENT, "https", "house.example", "/nest")


@pytest.mark.parametrize(
    ("trusted", "chain", "client"),
    [
        (1, f"{LIAR}, {CLIENT}", CLIENT),
        (2, f"{LIAR}, {CLIENT}, {OTHER_PROXY}", CLIENT),
        (2, CLIENT, PROXY),  # it came through one only: whoever wrote that is nobody's proxy
        (NETWORKS, f"{LIAR}, {CLIENT}", CLIENT),
        (NETWORKS, f"{LIAR}, {CLIENT}, {OTHER_PROXY}", CLIENT),
        (NETWORKS, f"10.9.9.9, {OTHER_PROXY}", "10.9.9.9"),  # a client in the same network
        (NETWORKS, f"{CLIENT}:4711", CLIENT),
        (NETWORKS, "[2001:db8::7]:4711, fd00::1", "2001:db8::7"),
        (NETWORKS, "::ffff:203.0.113.7", CLIENT),
    ],
)
def test_the_client_is_who_the_outermost_trusted_proxy_saw(
    trusted: int | Networks, chain: str, client: str
) -> None:
    assert address(trusted, chain) == client


@pytest.mark.parametrize("trusted", [1, NETWORKS])
@pytest.mark.parametrize(
    "chain", ["", "unknown", "_hidden", "1.2.3", "01.2.3.4", "fe80::1%eth0", ",", "a" * 9000]
)
def test_an_address_that_is_none_leaves_the_proxys(trusted: int | Networks, chain: str) -> None:
    said = {"for": chain, "proto": "https"}
    assert seen(trusted, **said) == (PROXY, "https", "app:8000", "")


def test_what_stands_before_an_address_that_is_none_is_not_believed() -> None:
    assert address(NETWORKS, f"{LIAR}, unknown, {OTHER_PROXY}") == OTHER_PROXY


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("proto", each) for each in ("", "ftp", "https\t,", "http://")),
        *(("host", each) for each in ("", "a b", "evil/x", "a@b", "[::1", "x" * 300)),
        *(("prefix", each) for each in ("", "nest", "//evil", "/a/../b", "/a?b", "/ä", "/")),
    ],
)
def test_a_malformed_value_costs_itself(name: str, value: str) -> None:
    said = {"for": CLIENT, "proto": "https", "host": "house.example", "prefix": "/nest"}
    expected = [CLIENT, "https", "house.example", "/nest"]
    place = list(said).index(name)
    expected[place] = ("", "http", "app:8000", "")[place]
    assert list(seen(NETWORKS, **{**said, name: value})) == expected


def test_strangers_are_not_believed() -> None:
    said = {"for": CLIENT, "proto": "https", "host": "evil.example", "prefix": "/evil"}
    assert seen(NETWORKS, peer=LIAR, **said) == (LIAR, "http", "app:8000", "")


def test_of_several_proxies_the_outermost_tells_scheme_and_host() -> None:
    said = {"for": f"{CLIENT}, {OTHER_PROXY}", "host": "evil.example, house.example, inner"}
    assert seen(NETWORKS, **said, proto="ftp, https, http")[1:3] == ("https", "house.example")
    assert seen(2, **said, proto="https")[1:3] == ("https", "house.example")


def test_who_comes_over_a_unix_socket_is_on_this_machine() -> None:
    assert address(NETWORKS, CLIENT, peer="") == CLIENT


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    app = make_app(
        trusted_proxies=NETWORKS,
        allowed_hosts=["house.example"],
        plex={"url": "http://127.0.0.1:1"},
    )
    app.extensions["medianest"].storage.database.upgrade()
    return app


def test_audit_location_links_servers_and_problem_types_follow(
    app: Flask, operator: dict[str, Any]
) -> None:
    client, base = app.test_client(), {"REMOTE_ADDR": PROXY}
    said = {
        **operator,
        "X-Forwarded-For": CLIENT,
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "house.example",
        "X-Forwarded-Prefix": "/nest",
    }
    dependency = {"name": "nas", "type": "cache", "criticality": "optional"}
    made = client.post(
        "/api/v1/resilience/dependencies", json=dependency, headers=said, environ_base=base
    )
    assert made.headers["Location"] == "/nest/api/v1/resilience/dependencies/nas"
    audit = not_none(client.get("/api/v1/resilience/audit", headers=said, environ_base=base).json)
    assert audit["items"][0]["address"] == CLIENT
    document = not_none(client.get("/docs/openapi.json", headers=said, environ_base=base).json)
    assert document["servers"] == [{"url": "https://house.example/nest"}]
    page = client.get("/docs", headers=said, environ_base=base).text
    assert 'href="/nest/docs/openapi.json"' in page
    assert 'href="/nest/problems/invalid"' in page
    assert 'href="/problems' not in page
    nothing = not_none(client.get("/nothing", headers=said, environ_base=base).json)
    assert nothing["type"] == "/nest/problems/not-found"
    assert nothing["instance"] == "/nest/nothing"
    plain = not_none(client.get("/docs/openapi.json", headers=operator).json)
    assert plain["servers"] == [{"url": "/"}]
