"""Where the server listens: as people write it, and whether somebody else is there."""

from __future__ import annotations

import errno
import socket
import sys

__all__ = ["refuse_taken_port", "shown"]


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
