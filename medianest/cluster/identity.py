"""The name by which other hosts know this one."""

from __future__ import annotations

import os
import re
import secrets
import socket
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

__all__ = ["host_name"]


def host_name(folder: Path) -> str:
    """Of this folder on this machine, so the same after a restart, and another one for a copy of
    the folder elsewhere. Where the folder cannot be written it is new each time."""
    number = None
    with suppress(OSError):
        number = _kept(folder / "host-id")
    found = f"{number or secrets.token_hex(8)} {socket.gethostname()}"
    return blake2b(found.encode(), digest_size=8).hexdigest()


def _kept(path: Path) -> str:
    with suppress(FileNotFoundError, UnicodeDecodeError), path.open(encoding="ascii") as file:
        if re.fullmatch("[0-9a-f]{16}", number := file.read(100)):
            return number
    made = path.with_name(f".{path.name}.{os.getpid()}")
    made.touch(mode=0o600)
    made.write_text(number := secrets.token_hex(8), encoding="ascii")
    made.replace(path)  # whole or not at all, whatever happens in between
    return number
