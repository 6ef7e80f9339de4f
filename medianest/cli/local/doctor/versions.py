"""Which versions are installed."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from medianest import __version__
from medianest.cli.local.doctor.finding import Finding, fault, good

__all__ = ["examine_versions"]

_PACKAGES = ("gunicorn", "flask", "sqlalchemy", "pydantic", "redis", "requests")
_TESTED = range(25, 28)
"""Of gunicorn: its inside is used."""


def examine_versions() -> Finding:
    """Of MediaNest, Python, and what matters most of the rest."""
    found = {name: _version(name) for name in _PACKAGES}
    gunicorn = found["gunicorn"]
    if gunicorn is None or int(gunicorn.partition(".")[0]) not in _TESTED:
        told = f"gunicorn {gunicorn or 'is not installed'}"
        return fault(told, "pip install 'medianest[server]'")
    rest = ", ".join(f"{name} {number}" for name, number in found.items() if number)
    return good(f"MediaNest {__version__}, Python {platform.python_version()}, {rest}")


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
