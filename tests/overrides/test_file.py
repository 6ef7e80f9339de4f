"""The file of overrides: whole or not at all, private, and read as far as it can be."""

import fcntl
import json
import os
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

import pytest

from medianest.overrides.file import OverrideFile, OverrideFileError
from medianest.overrides.override import Override
from medianest.resilience import ManualClock


@pytest.fixture
def file(path: Path, clock: ManualClock) -> OverrideFile:
    return OverrideFile(path, clock)


@pytest.fixture
def three(clock: ManualClock) -> list[Override]:
    """Of every kind, with letters of more than one byte."""
    now = clock.utc()
    return [
        Override("overseerr", "disable", 7, now, None, "ümzug\u2028nach Köln", "operator"),
        Override("plex", "open", 1_767_225_600_000, now, now + timedelta(hours=1)),
        Override("redis-cache", "enable", 9, now, None, None, "operator"),
    ]


def test_what_was_written_is_read(file: OverrideFile, three: list[Override]) -> None:
    file.update(lambda found: three)
    assert file.read() == three
    file.update(lambda found: found[:1])
    assert file.read() == three[:1]


def test_there_is_nothing_before_the_first(file: OverrideFile) -> None:
    assert (file.read(), file.signature()) == ([], None)


def test_a_pipe_in_its_place_keeps_nobody_waiting(
    file: OverrideFile, three: list[Override], path: Path
) -> None:
    os.mkfifo(path)
    writer = os.open(path, os.O_RDWR)
    try:
        reading = threading.Thread(target=file.update, args=(lambda found: three,), daemon=True)
        reading.start()
        reading.join(2)
        assert not reading.is_alive()
        assert file.read() == three
    finally:
        os.close(writer)


def test_nobody_else_may_read_it_and_nothing_is_left_beside_it(
    file: OverrideFile, three: list[Override], path: Path
) -> None:
    old = os.umask(0)
    try:
        file.update(lambda found: three)
    finally:
        os.umask(old)
    assert {each.name for each in path.parent.iterdir()} == {path.name, f"{path.name}.lock"}
    assert [each.stat().st_mode & 0o777 for each in path.parent.iterdir()] == [0o600, 0o600]


def test_cut_off_at_any_byte_it_loses_only_what_was_cut(
    file: OverrideFile, three: list[Override], path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file.update(lambda found: three)
    whole = path.read_bytes()
    for length in reversed(range(len(whole) - 1)):
        os.truncate(path, length)
        found = file.read()
        assert found == three[: len(found)]
        assert len(found) >= whole[:length].count(b"\n") - 1
    assert "is damaged: 2 of 3 overrides could be read" in caplog.text


def test_a_damaged_line_costs_no_other_and_a_damaged_head_none(
    file: OverrideFile, three: list[Override], path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file.update(lambda found: three)
    head, *lines = path.read_bytes().splitlines(keepends=True)
    for broken in (b"\0\xff{\n", b"[]\n", b'{"breaker": 1}\n', b"[" * 100_000 + b"\n"):
        path.write_bytes(b"".join([head, lines[0], broken, lines[2]]))
        assert file.read() == [three[0], three[2]]
    path.write_bytes(b"".join([b"garbage\n", *lines]))
    assert file.read() == three
    assert "is damaged" in caplog.text


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("action", "explode"), ("action", []), ("revision", 0), ("revision", 2**62),
        ("revision", True), ("at", "yesterday"), ("at", "2026-01-01T00:00:00"), ("at", None),
        ("expires_at", 5), ("breaker", None), ("reason", {}),
    ],
)  # fmt: skip
def test_what_is_no_override_is_not_taken_for_one(
    file: OverrideFile, three: list[Override], path: Path, field: str, value: Any
) -> None:
    wrong = {**three[0].as_dict(), field: value}
    path.write_text('{"version": 1, "overrides": 1}\n' + json.dumps(wrong) + "\n")
    assert file.read() == []


def test_a_file_of_a_newer_version_is_left_as_it_is(
    file: OverrideFile, three: list[Override], path: Path
) -> None:
    newer = '{"version": 2, "overrides": 0}\n'
    path.write_text(newer)
    with pytest.raises(OverrideFileError, match="newer version of MediaNest"):
        file.read()
    with pytest.raises(OverrideFileError, match="newer version of MediaNest"):
        file.update(lambda found: three)
    assert path.read_text() == newer


def test_it_is_on_disk_before_it_has_its_name_and_the_name_before_the_answer(
    file: OverrideFile, three: list[Override], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real calls are made; only their order is noted."""
    order = []
    sync, replace = os.fsync, type(path).replace

    def note_sync(descriptor: int) -> None:
        order.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        sync(descriptor)

    def note_replace(source: Path, target: Path) -> Path:
        order.append("renamed")
        return replace(source, target)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(type(path), "replace", note_replace)
    file.update(lambda found: three)
    assert order == [f"{path}.new", "renamed", str(path.parent)]


def test_what_cannot_be_written_leaves_the_old_file(
    file: OverrideFile, three: list[Override], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.update(lambda found: three[:1])

    def full(descriptor: int) -> NoReturn:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OverrideFileError, match=r"overrides\.json: No space left on device"):
        file.update(lambda found: three)
    monkeypatch.undo()
    assert file.read() == three[:1]
    assert not path.with_name("overrides.json.new").exists()


def test_what_a_killed_writer_left_is_in_nobodys_way(
    file: OverrideFile, three: list[Override], path: Path
) -> None:
    path.with_name("overrides.json.new").write_text('{"version": 1, "ov')
    file.update(lambda found: three)
    assert file.read() == three


def test_a_process_that_holds_the_lock_for_ever_is_waited_for_two_seconds(
    file: OverrideFile, three: list[Override], path: Path, clock: ManualClock
) -> None:
    with path.with_name("overrides.json.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(OverrideFileError, match="another process has locked it for 2 s"):
            file.update(lambda found: three)
    assert sum(clock.slept) == pytest.approx(2, abs=0.1)
    file.update(lambda found: three)
    assert file.read() == three


def test_a_folder_that_is_none_is_told_with_its_path(
    tmp_path: Path, three: list[Override], clock: ManualClock
) -> None:
    (tmp_path / "file").write_text("")
    file = OverrideFile(tmp_path / "file" / "overrides.json", clock)
    with pytest.raises(OverrideFileError, match=r"file/overrides\.json: "):
        file.update(lambda found: three)
