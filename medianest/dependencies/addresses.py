"""Which IP addresses a health check may connect to: an operator's URL must open no other door."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import TypeAlias

from medianest.resilience.errors import PortableError

__all__ = ["VARIABLE", "Addresses", "ForbiddenAddressError", "Network"]

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

VARIABLE = "MEDIANEST_HEALTH_ALLOWED_NETWORKS"
"""The setting with the networks that are allowed though they are not global."""


def _networks(kinds: dict[str, str]) -> tuple[tuple[Network, str], ...]:
    return tuple(
        (ipaddress.ip_network(network), kind)
        for kind, networks in kinds.items()
        for network in networks.split()
    )


# The standard library's `is_private` and `is_global` differ from release to release, and call
# multicast global. These tables are those of the IANA registries of special addresses.

_NEVER = _networks(
    {
        "a cloud metadata address": (
            "169.254.169.254/32 100.100.100.200/32 192.0.0.192/32 168.63.129.16/32 "
            "fd00:ec2::/32 fd20:ce::254/128 fd00:c1::a9fe:a9fe/128 fd00:42::42/128"
        ),
        "a link-local address": "169.254.0.0/16 fe80::/10",
        "an unspecified address": "0.0.0.0/8 ::/128",
        "a multicast address": "224.0.0.0/4 ff00::/8",
        "a broadcast address": "255.255.255.255/32",
        "a reserved address": "240.0.0.0/4",
        "an IPv6 address that carries an IPv4 address": (
            "::/96 ::ffff:0:0:0/96 64:ff9b::/96 64:ff9b:1::/48 2001::/32 2002::/16"
        ),
    }
)

_NOT_GLOBAL = _networks(
    {
        "a loopback address": "127.0.0.0/8 ::1/128",
        "a private address": "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7 fec0::/10",
        "a shared address": "100.64.0.0/10",
        "a documentation address": (
            "192.0.2.0/24 198.51.100.0/24 203.0.113.0/24 2001:db8::/32 3fff::/20"
        ),
        "a benchmarking address": "198.18.0.0/15 2001:2::/48",
        "a special address": "192.0.0.0/24 192.88.99.0/24 2001::/23",
    }
)

_GLOBAL_IPV6 = IPv6Network("2000::/3")
_MAPPED = IPv6Network("::ffff:0:0/96")
_LOOPBACK_IPV6 = IPv6Address("::1")


class ForbiddenAddressError(PortableError):
    """A health check may not connect to this address; carries the `variable` that could allow it,
    or None."""

    def __init__(self, message: str, variable: str | None = None) -> None:
        super().__init__(message)
        self.variable = variable


class Addresses:
    """The addresses that are allowed: global ones, and others inside the `allowed` networks.

    An IPv4 network holds for the IPv4-mapped spelling in IPv6 too, and the other way round. An
    IPv6 network that is wider than all mapped addresses, such as ::/0, says nothing of IPv4.
    """

    def __init__(self, allowed: Iterable[Network] = ()) -> None:
        self._allowed = tuple(_without_mapping(network) for network in allowed)

    def check(self, address: str) -> None:
        """Raise ForbiddenAddressError unless a health check may connect to the address."""
        judged = _parsed(address)
        # It lies among the IPv6 forms that carry an IPv4 address, and is none.
        never = None if judged == _LOOPBACK_IPV6 else _kind(judged, _NEVER)
        if never is not None:
            raise ForbiddenAddressError(f"{address} is {never}, which no health check may use")
        kind = _kind_if_not_global(judged)
        if kind is not None and not any(judged in network for network in self._allowed):
            raise ForbiddenAddressError(
                f"{address} is {kind}: list its network in {VARIABLE} to allow it", VARIABLE
            )


def _parsed(address: str) -> Address:
    """The address; the IPv4 address itself where it is mapped into IPv6."""
    if "%" in address:
        raise ForbiddenAddressError(f"{address:.80} names a zone, which no health check may use")
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        raise ForbiddenAddressError(f"{address[:80]!r} is not an IP address") from None
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        return parsed.ipv4_mapped
    return parsed


def _kind(address: Address, kinds: tuple[tuple[Network, str], ...]) -> str | None:
    return next((kind for network, kind in kinds if address in network), None)


def _kind_if_not_global(address: Address) -> str | None:
    kind = _kind(address, _NOT_GLOBAL)
    if kind is not None:
        return kind
    if isinstance(address, IPv6Address) and address not in _GLOBAL_IPV6:
        return "an address that is not global"
    return None


def _without_mapping(network: Network) -> Network:
    """The IPv4 network itself where it is mapped into IPv6."""
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        inside = IPv4Address(int(network.network_address) & 0xFFFF_FFFF)
        return IPv4Network((inside, network.prefixlen - _MAPPED.prefixlen))
    return network
