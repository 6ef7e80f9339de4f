"""Where the server listens: as people write it, and whether somebody else is there."""

from __future__ import annotations

import errno
import socket
import sys
from ipaddress import ip_address

import psutil

__all__ = ["reachable", "refuse_taken_port", "shown"]


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
    for each in psutil.net_if_addrs().values():
        for one in each:
            if one.family == socket.AF_INET and not ip_address(one.address).is_loopback:
                found.append(shown((one.address, port)))
    return found
