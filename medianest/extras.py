"""The extras that a feature needs, told where they are missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["extra"]


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Around imports that need an extra of this package. Raises ModuleNotFoundError, in one line
    that says what to install, where it is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        missing = str(error.name)
        if missing.partition(".")[0] == "medianest":
            raise  # nothing that could be installed would help
        raise ModuleNotFoundError(
            f"{missing} is not installed: pip install 'medianest[{name}]'", name=missing
        ) from None
