"""Which addresses a health check may connect to, whatever is allowed."""

import ipaddress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medianest.dependencies.addresses import VARIABLE, Addresses, ForbiddenAddressError

EVERYTHING = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))

NEVER = {
    "metadata": [
        *("169.254.169.254", "100.100.100.200", "192.0.0.192", "168.63.129.16"),
        *("fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "fd00:c1::a9fe:a9fe", "fd00:42::42"),
        *("::ffff:169.254.169.254", "::ffff:a9fe:a9fe", "::ffff:168.63.129.16"),
        "0:0:0:0:0:ffff:6464:64c8",
    ],
    "link-local": ["169.254.0.1", "169.254.170.2", "fe80::1", "febf::1", "::ffff:169.254.1.1"],
    "unspecified": ["0.0.0.0", "0.0.0.1", "0.255.255.255", "::", "::ffff:0.0.0.0"],
    "multicast": ["224.0.0.1", "239.255.255.250", "ff02::1", "ff0e::1", "::ffff:224.0.0.1"],
    "broadcast": ["255.255.255.255", "::ffff:255.255.255.255"],
    "reserved": ["240.0.0.1", "254.1.2.3", "::ffff:f000:1"],
    "carries an IPv4 address": [
        *("::7f00:1", "::127.0.0.1", "::8.8.8.8", "::2", "::ffff:0:127.0.0.1"),
        *("64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1", "64:ff9b:1:ffff::a00:1"),
        *("2002:7f00:1::", "2002:a9fe:a9fe::1", "2001::1", "2001:0:7f00:1::"),
    ],
    "names a zone": ["fe80::1%eth0", "::1%lo", "2606:4700::1111%1", "::ffff:8.8.8.8%1"],
    "is not an IP address": [
        *("", "plex", "127.1", "0177.0.0.1", "0x7f.0.0.1", "2130706433", "[::1]", "127.0.0.1 "),
        *("127.0.0.01", "1.2.3.4/32", "::1/128", "1.2.3.4\n", "\uff11.2.3.4"),
    ],
}

UNLESS_ALLOWED = {
    "loopback": ["127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1", "::ffff:7f00:1"],
    "private": [
        *("10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.10", "fc00::1", "fd12::10"),
        *("fec0::1", "::ffff:10.0.0.1", "::ffff:c0a8:1"),
    ],
    "shared": ["100.64.0.1", "100.127.255.255", "::ffff:100.64.0.1"],
    "documentation": ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1"],
    "benchmarking": ["198.18.0.1", "198.19.255.255", "2001:2::1"],
    "special": ["192.0.0.1", "192.0.0.8", "192.88.99.1", "2001:10::1", "2001:20::1"],
    "not global": ["100::1", "4000::1", "5f00::1", "1::1", "200::1", "e000::1"],
}

GLOBAL = [
    *("8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.1", "172.32.0.1", "198.20.0.1"),
    *("2606:4700:4700::1111", "2a00:1450::1", "2001:4860:4860::8888", "::ffff:8.8.8.8"),
]


def rows(table: dict[str, Any]) -> list[tuple[str, str]]:
    return [(address, kind) for kind, addresses in table.items() for address in addresses]


@pytest.mark.parametrize(("address", "kind"), rows(NEVER))
def test_what_no_setting_allows(address: str, kind: str) -> None:
    for allowed in ((), EVERYTHING):
        with pytest.raises(ForbiddenAddressError, match=kind) as caught:
            Addresses(allowed).check(address)
        assert caught.value.variable is None
        assert VARIABLE not in str(caught.value)


@pytest.mark.parametrize(("address", "kind"), rows(UNLESS_ALLOWED))
def test_what_a_setting_allows(address: str, kind: str) -> None:
    with pytest.raises(ForbiddenAddressError, match=kind) as caught:
        Addresses().check(address)
    assert caught.value.variable == VARIABLE
    assert VARIABLE in str(caught.value)
    Addresses(EVERYTHING).check(address)


@pytest.mark.parametrize("address", GLOBAL)
def test_global_addresses_are_allowed(address: str) -> None:
    Addresses().check(address)


@pytest.mark.parametrize("network", ["10.1.0.0/16", "::ffff:10.1.0.0/112"])
def test_a_network_holds_for_both_spellings(network: str) -> None:
    addresses = Addresses([ipaddress.ip_network(network)])
    for allowed in ("10.1.2.3", "::ffff:10.1.2.3"):
        addresses.check(allowed)
    for forbidden in ("10.2.0.1", "::ffff:10.2.0.1", "192.168.0.1", "fd12::1", "::1", "127.0.0.1"):
        with pytest.raises(ForbiddenAddressError):
            addresses.check(forbidden)


@pytest.mark.parametrize("address", ["10.0.0.1", "::ffff:10.0.0.1"])
def test_all_of_ipv6_says_nothing_of_ipv4(address: str) -> None:
    with pytest.raises(ForbiddenAddressError):
        Addresses([ipaddress.ip_network("::/0")]).check(address)


NETWORKS = st.lists(
    st.one_of(
        st.sampled_from(EVERYTHING),
        st.ip_addresses().flatmap(
            lambda a: st.integers(0, a.max_prefixlen).map(
                lambda length: ipaddress.ip_network((a, length), strict=False)
            )
        ),
    ),
    max_size=4,
)


def is_never(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """By what the standard library knows, which our tables do not use."""
    inside = getattr(address, "ipv4_mapped", None) or address
    if isinstance(inside, ipaddress.IPv6Address) and (inside.teredo or inside.sixtofour):
        return True
    return (
        inside.is_link_local
        or inside.is_multicast
        or inside.is_unspecified
        or (inside.version == 4 and inside.is_reserved)
    )


SPECIAL = st.sampled_from(
    [
        *("169.254.0.0/16", "0.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4", "fe80::/10", "ff00::/8"),
        *("::ffff:0:0/96", "::ffff:169.254.0.0/112", "2002::/16", "2001::/32", "::/96"),
    ]
).map(ipaddress.ip_network)
ADDRESSES = st.one_of(
    st.ip_addresses(),
    SPECIAL.flatmap(lambda network: st.ip_addresses(network=network)),
)


@settings(deadline=None)
@given(ADDRESSES, NETWORKS)
def test_what_is_dangerous_never_passes(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
    allowed: list[ipaddress.IPv4Network | ipaddress.IPv6Network],
) -> None:
    try:
        Addresses(allowed).check(str(address))
    except ForbiddenAddressError:
        return
    assert not is_never(address)
    inside = getattr(address, "ipv4_mapped", None) or address
    assert inside.is_global or any(inside in network or address in network for network in allowed)


@settings(deadline=None)
@given(ADDRESSES)
def test_without_a_setting_only_global_addresses_pass(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    try:
        Addresses().check(str(address))
    except ForbiddenAddressError:
        return
    assert (getattr(address, "ipv4_mapped", None) or address).is_global


@settings(deadline=None)
@given(st.ip_addresses(v=4), NETWORKS)
def test_both_spellings_are_judged_alike(
    address: ipaddress.IPv4Address, allowed: list[ipaddress.IPv4Network | ipaddress.IPv6Network]
) -> None:
    def verdict(text: str) -> str | None:
        try:
            Addresses(allowed).check(text)
        except ForbiddenAddressError as error:
            return error.variable
        return "allowed"

    assert verdict(str(address)) == verdict(f"::ffff:{address}")


@settings(deadline=None)
@given(st.text())
def test_any_text_is_judged(text: str) -> None:
    with pytest.raises(ForbiddenAddressError):
        Addresses(EVERYTHING).check(text + "x")
