"""The requests in a file, a JSON line each, so that they outlive the process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["RequestLog"]


class RequestLog:
    """Appends what happened, at once, and reads it at the next start; for one process at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("ab")

    def read(self) -> list[dict[str, Any]]:
        """The lines so far, without one that a crash cut short; ValueError if one is no JSON."""
        *whole, rest = self._path.read_bytes().split(b"\n")
        lines: list[dict[str, Any]] = [json.loads(line) for line in whole]
        if rest and not rest.startswith(b"{"):  # whose file is that?
            raise ValueError("its last line is not of a request")
        self._file.truncate(sum(len(line) + 1 for line in whole))
        return lines

    def append(self, entry: dict[str, Any]) -> None:
        """Add a line; when this returns, a kill of the process does not lose it."""
        self._file.write(json.dumps(entry).encode() + b"\n")
        self._file.flush()
