"""Where the server listens: as people write it, and whether somebody else is there."""

from __future__ import annotations

import errno
import socket
import sys
from ipaddress import ip_address
from typing import Any, Final

import psutil

__all__ = ["reachable", "refuse_taken_port", "shown"]

_OF_CONTAINERS: Final = ("docker", "br-", "veth", "virbr", "cni", "podman")
"""How interfaces are named that lead to containers and virtual machines of this host alone."""


def refuse_taken_port(address: tuple[str, int]) -> None:
    """End the process in one line; gunicorn itself would try for five seconds and print eleven."""
    with socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            is_host = isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL
            sys.exit(
                f"medianest: cannot listen on {shown(address)}: {error.strerror}; "
                f"{'HOST' if is_host else 'PORT'}=… chooses another"
            )


def shown(address: tuple[str, int] | str) -> str:
    """An address of gunicorn's as a URL, or with `unix:` where it is a file."""
    if isinstance(address, str):
        return f"unix:{address}"
    host, port = address[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def reachable(address: tuple[str, int]) -> list[str]:
    """The URLs of an address where the server listens: the one for this machine first, then, where
    it listens everywhere, those that other devices of the house can use."""
    host, port = address[:2]
    if host not in ("", "0.0.0.0", "::"):
        return [shown(address)]
    found = [shown(("127.0.0.1", port))]
    for name, addresses in psutil.net_if_addrs().items():
        if not name.startswith(_OF_CONTAINERS):
            found += [shown((one.address, port)) for one in addresses if _is_of_the_house(one)]
    return found


def _is_of_the_house(found: Any) -> bool:
    if found.family != socket.AF_INET:
        return False
    address = ip_address(found.address)
    return not (address.is_loopback or address.is_link_local)
