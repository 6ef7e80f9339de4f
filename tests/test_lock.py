"""requirements.lock: what `make run` and the image install, each file known by its hash."""

import re
import tomllib
from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
BUILDS = {"setuptools"}
"""Builds the package itself, and is no part of it."""
SERVED = ("server", "notify")
"""The extras that `make run` and the image have."""


def pins(file):
    text = (ROOT / file).read_text()
    found = re.findall(r"^([A-Za-z0-9._-]+)==([^\s;]+)", text, re.MULTILINE)
    return {canonicalize_name(name): version for name, version in found}


def declared(extras):
    """What this package needs with these extras, other extras of its own among them."""
    optional = PROJECT["optional-dependencies"]
    for text in (*PROJECT["dependencies"], *(text for extra in extras for text in optional[extra])):
        requirement = Requirement(text)
        if requirement.name == PROJECT["name"]:
            yield from declared(requirement.extras)
        else:
            yield requirement


def needed(requirements, known):
    """The names of what is required here, and of what that needs."""
    for requirement in requirements:
        name = canonicalize_name(requirement.name)
        is_here = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        if is_here and name not in known:
            known.add(name)
            needed(map(Requirement, requires(name) or ()), known)
    return known


def test_the_versions_are_those_that_the_tests_run_with():
    tested, locked = pins("constraints.txt"), pins("requirements.lock")
    assert {name: tested[name] for name in locked.keys() & tested.keys()} == {
        name: version for name, version in locked.items() if name in tested
    }
    assert locked.keys() >= BUILDS


def test_all_that_the_server_needs_is_there():
    assert needed(declared(SERVED), set()) <= pins("requirements.lock").keys()


def test_the_library_needs_blinker_alone():
    assert [requirement.name for requirement in declared(())] == ["blinker"]


def test_no_gunicorn_is_allowed_that_is_newer_than_the_tested_one():
    """The server is built on its inside, which may be another in the next version; that the oldest
    allowed one does is for .ci/gunicorn to show."""
    requirements = {each.name: each for each in declared(["server"])}
    allowed, tested = (
        requirements["gunicorn"].specifier,
        Version(pins("constraints.txt")["gunicorn"]),
    )
    assert tested in allowed
    assert f"{tested.major + 1}.0.0" not in allowed


def test_each_has_hashes_of_its_files():
    blocks = re.split(r"\n(?=[A-Za-z])", (ROOT / "requirements.lock").read_text().strip())
    for block in blocks:
        if not block.startswith("#"):
            assert re.search(r"==\S+.* \\\n +--hash=sha256:[0-9a-f]{64}", block), block
    assert len(blocks) > 30
