"""The name of a host: its own, and the same after a restart."""

import os
import socket
from pathlib import Path

import pytest

from medianest.cluster.identity import host_name
from tests.support.leftovers import Leftovers


def test_it_is_the_same_after_a_restart(tmp_path: Path) -> None:
    left = Leftovers()
    assert host_name(tmp_path) == host_name(tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["host-id"]
    assert left.files == 0


def test_it_is_this_user_s_alone(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        host_name(tmp_path)
    finally:
        os.umask(before)
    assert (tmp_path / "host-id").stat().st_mode & 0o777 == 0o600


def test_each_folder_has_one_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    name = host_name(here)
    assert name != host_name(there)
    there.joinpath("host-id").write_bytes(here.joinpath("host-id").read_bytes())
    assert name == host_name(there)
    monkeypatch.setattr(socket, "gethostname", lambda: "another-machine")
    assert name != host_name(there)


@pytest.mark.parametrize("damaged", [b"", b"0123", b"\xff" * 16, b"0" * 10_000])
def test_one_that_is_damaged_is_made_anew(tmp_path: Path, damaged: bytes) -> None:
    file = tmp_path / "host-id"
    file.write_bytes(damaged)
    name = host_name(tmp_path)
    assert file.read_bytes() != damaged
    assert host_name(tmp_path) == name


def test_where_nothing_can_be_written_it_is_new_each_time(tmp_path: Path) -> None:
    nowhere = tmp_path / "file"
    nowhere.touch()
    assert host_name(nowhere) != host_name(nowhere)
