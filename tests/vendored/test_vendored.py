"""The script that is not ours is the one that is written down."""

from __future__ import annotations

import hashlib
import tarfile
from base64 import b64encode
from io import BytesIO
from typing import Any

import pytest

from tests.vendored import LICENCE, SCRIPT, VendoredError, known, unpacked


@pytest.fixture
def package() -> bytes:
    """One with two files."""
    made = BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as files:
        for name, text in (("dist/a.js", b"script"), ("LICENSE", b"licence")):
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(text)
            files.addfile(entry, BytesIO(text))
    return made.getvalue()


def about(package: bytes) -> dict[str, Any]:
    digest = b64encode(hashlib.sha512(package).digest()).decode()
    return {"file": "dist/a.js", "integrity": f"sha512-{digest}"}


def test_nobody_has_changed_it() -> None:
    assert hashlib.sha512(SCRIPT.read_bytes()).hexdigest() == known()["sha512"]


def test_its_licence_stands_beside_it() -> None:
    assert known()["licence"] == "0BSD"
    assert LICENCE.read_text("utf-8").startswith("Zero-Clause BSD")


def test_a_package_is_taken_apart(package: bytes) -> None:
    assert unpacked(package, about(package)) == (b"script", b"licence")


def test_another_package_is_refused(package: bytes) -> None:
    with pytest.raises(VendoredError, match=r"the integrity of the package is sha512-"):
        unpacked(package + b"\0", about(package))
