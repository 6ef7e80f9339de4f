"""The script of the page that is not ours: what it is, and how to get it again.

`python -m tests.vendored` packs it at npm, in the version that medianest/page/static/idiomorph.toml
names, on the Node that comes with the tests.
"""

from __future__ import annotations

import hashlib
import re
import tarfile
import tomllib
from base64 import b64encode
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from tests.lint import node, npm
from tests.support import ROOT

__all__ = ["ABOUT", "LICENCE", "SCRIPT", "VendoredError", "known", "packed", "put", "unpacked"]

_FOLDER: Final = ROOT / "medianest" / "page" / "static"
SCRIPT: Final = _FOLDER / "idiomorph.min.js"
ABOUT: Final = _FOLDER / "idiomorph.toml"
LICENCE: Final = _FOLDER / "idiomorph.LICENSE"


class VendoredError(Exception):
    """What came is not what was expected."""


def known() -> dict[str, Any]:
    """What is written down of the script."""
    return tomllib.loads(ABOUT.read_text("utf-8"))


def packed(about: dict[str, Any]) -> bytes:
    """The package, as npm has it. Raises VendoredError without an answer of npm."""
    with TemporaryDirectory() as folder:
        options = ("--pack-destination", folder, "--loglevel=error")
        done = node(npm(), "pack", f"{about['name']}@{about['version']}", *options, timeout=120)
        found = list(Path(folder).glob("*.tgz"))
        if done.returncode or not found:
            raise VendoredError(f"npm pack failed: {done.stderr.strip()}")
        return found[0].read_bytes()


def unpacked(package: bytes, about: dict[str, Any]) -> tuple[bytes, bytes]:
    """The script and its licence. Raises VendoredError where the package is another one."""
    integrity = f"sha512-{b64encode(hashlib.sha512(package).digest()).decode()}"
    if integrity != about["integrity"]:
        wanted = about["integrity"]
        raise VendoredError(f"the integrity of the package is {integrity}, and not {wanted}")
    with tarfile.open(fileobj=BytesIO(package)) as files:
        names = (f"package/{about['file']}", "package/LICENSE")
        script, licence = (files.extractfile(name) for name in names)
        assert script is not None
        assert licence is not None
        return script.read(), licence.read()


def put(script: bytes, licence: bytes) -> None:
    """Into their place, with the digest of the script."""
    SCRIPT.write_bytes(script)
    LICENCE.write_bytes(licence)
    digest = hashlib.sha512(script).hexdigest()
    ABOUT.write_text(re.sub(r"(?m)^sha512 = .*$", f'sha512 = "{digest}"', ABOUT.read_text("utf-8")))
