"""`medianest doctor` finds what is wrong and names the remedy."""

import json
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from medianest.cli.local.doctor.command import command
from medianest.sandbox.process import SandboxProcess
from tests.support.answering import AnsweringServer
from tests.support.ports import free_port

YESTERDAY = "Sun, 29 Nov 2020 12:00:00 GMT"
Look = Callable[..., dict[str, list[dict[str, Any]]]]


@pytest.fixture
def look(
    plex_process: SandboxProcess,
    overseerr_process: SandboxProcess,
    tmp_path: Path,
    migrated_file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Look:
    """`look(NAME=value)` is what the doctor finds with this variable in a house that is well."""
    folder = tmp_path / "instance"
    folder.mkdir(mode=0o700)
    shutil.copy(migrated_file, folder / "medianest.db")
    (folder / "medianest.db").chmod(0o600)
    house = {
        "PORT": str(free_port()),
        "MEDIANEST_INSTANCE_PATH": str(folder),
        "MEDIANEST_PLEX_URL": plex_process.url,
        "MEDIANEST_PLEX_TOKEN": plex_process.token,
        "MEDIANEST_OVERSEERR_URL": overseerr_process.url,
        "MEDIANEST_OVERSEERR_API_KEY": overseerr_process.token,
    }

    def call(**variables: Any) -> dict[str, list[dict[str, Any]]]:
        for name, value in {**house, **variables}.items():
            monkeypatch.setenv(name, str(value))
        done = CliRunner().invoke(command, ["--json"])
        found: dict[str, list[dict[str, Any]]] = {}
        for each in json.loads(done.stdout):
            found.setdefault(each.pop("subject"), []).append(each)
        assert done.exit_code == bool(faults(found))
        return found

    return call


def faults(found: dict[str, list[dict[str, Any]]]) -> dict[str, tuple[str, str]]:
    """What is wrong with each subject, and the remedy."""
    return {
        subject: (each["message"], each["remedy"])
        for subject, looks in found.items()
        for each in looks
        if each["status"] == "fault"
    }


def test_a_house_that_is_well_has_no_fault(look: Look) -> None:
    found = look()
    assert faults(found) == {}
    assert list(found) == [
        *("settings", "folder", "database", "Redis", "Plex", "Overseerr", "clock", "port"),
        "versions",
    ]
    assert found["clock"][0]["message"] == "as that of Plex and Overseerr"


@pytest.mark.parametrize(
    ("variables", "subject", "told", "remedy"),
    [
        ({"MEDIANEST_PLEX_TIMEOUT": "-1"}, "settings", "MEDIANEST_PLEX_TIMEOUT: ", "correct it"),
        (
            {"MEDIANEST_PLEX_TOKEN": "", "MEDIANEST_PLEX_TOKEN_FILE": "/nowhere/token"},
            *("settings", "MEDIANEST_PLEX_TOKEN_FILE: cannot read '/nowhere/token'", "correct it"),
        ),
        (
            {"MEDIANEST_DATABASE_URL": "postgresql://me:secret@127.0.0.1:1/house"},
            *("database", "Connection refused", "MEDIANEST_DATABASE_URL (postgresql://me:***@"),
        ),
        (
            {"MEDIANEST_REDIS_URL": "redis://127.0.0.1:1"},
            *("Redis", "the cache cannot be reached", "MEDIANEST_REDIS_URL"),
        ),
        (
            {"MEDIANEST_PLEX_URL": "http://127.0.0.1:1"},
            *("Plex", "connection refused", "MEDIANEST_PLEX_URL (http://127.0.0.1:1)"),
        ),
        (
            {"MEDIANEST_PLEX_TOKEN": "wrong"},
            *("Plex", "it refused the token", "set MEDIANEST_PLEX_TOKEN to one"),
        ),
        (
            {"MEDIANEST_OVERSEERR_API_KEY": "wrong"},
            *("Overseerr", "MEDIANEST_OVERSEERR_API_KEY", "set MEDIANEST_OVERSEERR_API_KEY to one"),
        ),
        ({"WEB_CONCURRENCY": "many"}, "settings", "'many' is no number", "from 1 to 128"),
        ({"PORT": "0x"}, "port", "'0x' is no port", "a whole number from 1 to 65535"),
        ({"HOST": "192.0.2.1"}, "port", "cannot listen on http://192.0.2.1:", "HOST=… chooses"),
    ],
)
def test_a_fault_is_found_with_its_remedy(
    look: Look, variables: dict[str, str], subject: str, told: str, remedy: str
) -> None:
    found = faults(look(**variables))
    assert list(found) == [subject]
    assert told in found[subject][0]
    assert remedy in found[subject][1]
    assert "secret" not in str(found)


def test_an_instance_folder_where_a_file_is(look: Look, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    told, _ = faults(look(MEDIANEST_INSTANCE_PATH=tmp_path / "file"))["settings"]
    assert "Not a directory" in told
    assert str(tmp_path / "file") in told


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize(("name", "verb"), [("", "write"), ("new", "make")])
def test_an_instance_folder_of_another_user(
    look: Look, tmp_path: Path, name: str, verb: str
) -> None:
    for folder in (tmp_path, *tmp_path.parents):
        if folder == Path(tempfile.gettempdir()):
            break  # it is everybody's
        folder.chmod(0o755)
    theirs = tmp_path / "theirs"
    theirs.mkdir(mode=0o755)
    os.seteuid(65534)
    try:
        told, remedy = faults(look(MEDIANEST_INSTANCE_PATH=theirs / name))["folder"]
    finally:
        os.seteuid(0)
    assert told == f"user 65534 cannot {verb} {theirs / name}"
    assert f"chown 65534 {theirs}" in remedy
    assert "MEDIANEST_INSTANCE_PATH" in remedy


def test_a_folder_that_others_may_write_is_noted(look: Look, tmp_path: Path) -> None:
    (tmp_path / "instance").chmod(0o777)
    found = look()
    assert faults(found) == {}
    (note,) = [each for each in found["folder"] if each["status"] == "note"]
    assert note["message"].startswith("every user of this machine may write into")
    assert "chmod 700" in note["remedy"]


def test_a_token_that_others_may_read(look: Look, tmp_path: Path) -> None:
    token = tmp_path / "instance" / "operator.token"
    token.write_text("some-token")
    token.chmod(0o644)
    told, remedy = faults(look())["folder"]
    assert told.startswith(f"others may read {token}")
    assert f"chmod 600 {token}" in remedy


def test_nothing_is_made_where_nothing_is(look: Look, tmp_path: Path) -> None:
    found = look(MEDIANEST_INSTANCE_PATH=tmp_path / "new")
    assert faults(found) == {}
    assert found["folder"][0]["message"].endswith("is not there yet: the first start makes it")
    assert not (tmp_path / "new").exists()


def test_tables_of_an_older_version(look: Look, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "instance" / "medianest.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    connection.close()
    told, remedy = faults(look())["database"]
    assert (told, remedy) == ("its tables are at 0001", "medianest db upgrade")


def test_a_file_that_is_no_database(look: Look, tmp_path: Path) -> None:
    file = tmp_path / "instance" / "medianest.db"
    file.write_text("a shopping list, and long enough for a head of SQLite" * 4)
    told, remedy = faults(look())["database"]
    assert told.startswith("the file is no SQLite database")
    assert remedy == f"look at {file} and its rights"


def test_a_port_that_something_else_has(look: Look) -> None:
    other = AnsweringServer()
    try:
        told, remedy = faults(look(PORT=other.url.rpartition(":")[2]))["port"]
    finally:
        other.stop()
    assert told.endswith("Address already in use, and no MediaNest answers there")
    assert remedy == "stop what does; PORT=… chooses another"


def test_a_clock_that_is_off(look: Look) -> None:
    plex = AnsweringServer()
    plex.date, plex.body = YESTERDAY, b'{"MediaContainer": {"size": 0, "Directory": []}}'
    try:
        told, remedy = faults(look(MEDIANEST_PLEX_URL=plex.url))["clock"]
    finally:
        plex.stop()
    assert told.startswith("the clock here is ")
    assert told.endswith(" ahead of that of Plex")
    assert "NTP" in remedy
