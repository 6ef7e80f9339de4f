"""requirements.lock: what `make run` and the image install, each file known by its hash."""

import re

from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.support import ROOT
from tests.support.distributions import declared, needed

BUILDS = {"setuptools"}
"""Builds the package itself, and is no part of it."""
SERVED = ("server", "notify")
"""The extras that `make run` and the image have."""


def pins(file: str) -> dict[str, str]:
    text = (ROOT / file).read_text()
    found = re.findall(r"^([A-Za-z0-9._-]+)==([^\s;]+)", text, re.MULTILINE)
    return {canonicalize_name(name): version for name, version in found}


def test_the_versions_are_those_that_the_tests_run_with() -> None:
    tested, locked = pins("constraints.txt"), pins("requirements.lock")
    assert {name: tested[name] for name in locked.keys() & tested.keys()} == {
        name: version for name, version in locked.items() if name in tested
    }
    assert locked.keys() >= BUILDS


def test_all_that_the_server_needs_is_there() -> None:
    assert needed(SERVED) <= pins("requirements.lock").keys()


def test_the_library_needs_blinker_alone() -> None:
    assert [requirement.name for requirement in declared(())] == ["blinker"]


def test_no_gunicorn_is_allowed_that_is_newer_than_the_tested_one() -> None:
    """The server is built on its inside, which may be another in the next version; that the oldest
    allowed one does is for .ci/gunicorn to show."""
    requirements = {each.name: each for each in declared(["server"])}
    allowed, tested = (
        requirements["gunicorn"].specifier,
        Version(pins("constraints.txt")["gunicorn"]),
    )
    assert tested in allowed
    assert f"{tested.major + 1}.0.0" not in allowed


def test_each_has_hashes_of_its_files() -> None:
    blocks = re.split(r"\n(?=[A-Za-z])", (ROOT / "requirements.lock").read_text().strip())
    for block in blocks:
        if not block.startswith("#"):
            assert re.search(r"==\S+.* \\\n +--hash=sha256:[0-9a-f]{64}", block), block
    assert len(blocks) > 30
