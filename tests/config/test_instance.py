"""The instance folder is for its user alone; one that cannot be written is told in one line."""

import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from medianest.config import Settings
from medianest.config.instance import prepare_instance
from medianest.config.private import open_to_others
from medianest.resilience import ConfigurationError

WITHOUT_RIGHTS = 65534


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("umask", [0, 0o022, 0o177])
def test_it_is_private_whatever_the_umask_is(tmp_path: Path, umask: int) -> None:
    folder = tmp_path / "new" / "instance"
    before = os.umask(umask)
    try:
        prepare_instance(Settings(instance_path=folder))
    finally:
        os.umask(before)
    assert mode(folder) == 0o700
    assert open_to_others(folder) is None


@pytest.mark.parametrize(("before", "is_open"), [(0o755, False), (0o1777, True), (0o770, False)])
def test_a_folder_of_others_keeps_its_mode(tmp_path: Path, before: int, is_open: bool) -> None:
    """Keeps out: a /srv or a /tmp that nobody else can use any more."""
    tmp_path.chmod(before)
    prepare_instance(Settings(instance_path=tmp_path))
    assert mode(tmp_path) == before
    told = f"every user of this machine may write into {tmp_path} (mode {before:o})"
    assert open_to_others(tmp_path) == (told if is_open else None)


def test_a_file_where_the_folder_should_be_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "instance"
    with pytest.raises(ConfigurationError) as caught:
        prepare_instance(Settings(instance_path=folder))
    said = str(caught.value)
    assert said.startswith(f"{folder}: user {os.geteuid()} cannot make this folder (Not a dir")
    assert "MEDIANEST_INSTANCE_PATH" in said
    assert "\n" not in said


def prepare(folder: Path) -> None:
    prepare_instance(Settings(instance_path=folder))


def load(folder: Path) -> None:
    Settings.load({"MEDIANEST_INSTANCE_PATH": str(folder)})


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize(
    ("mode", "use", "why"),
    [(0o755, prepare, "cannot write this folder"), (0o700, load, "cannot read this folder")],
)
def test_a_folder_of_another_user_is_one_line_with_user_and_remedy(
    mode: int, use: Callable[[Path], None], why: str
) -> None:
    """Keeps out: a container that tells of nothing but a file that is not even there."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(mode)
    try:
        os.seteuid(WITHOUT_RIGHTS)
        with pytest.raises(ConfigurationError) as caught:
            use(folder)
    finally:
        os.seteuid(0)
        folder.rmdir()
    assert str(caught.value) == (
        f"{folder}: user {WITHOUT_RIGHTS} {why}: give it to that user "
        f"(chown {WITHOUT_RIGHTS}), or name another one in MEDIANEST_INSTANCE_PATH"
    )
