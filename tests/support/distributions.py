"""What this package needs with some of its extras, by its own word."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import requires

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def declared(extras: Iterable[str]) -> Iterator[Requirement]:
    """What it names for these extras, and for others of its own that they name."""
    optional = PROJECT["optional-dependencies"]
    for text in (*PROJECT["dependencies"], *(text for extra in extras for text in optional[extra])):
        requirement = Requirement(text)
        if requirement.name == PROJECT["name"]:
            yield from declared(requirement.extras)
        else:
            yield requirement


def needed(extras: Iterable[str]) -> set[str]:
    """The names of all distributions that these extras bring on this machine."""
    known: set[str] = set()
    waiting = list(declared(extras))
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        is_here = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        if is_here and name not in known:
            known.add(name)
            waiting += map(Requirement, requires(name) or ())
    return known
