"""An Overseerr as a process: what survives it, and what does not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medianest.sandbox import SandboxError, SandboxProcess
from tests.sandbox.conftest import Reply

from .conftest import KEY, ask, connected


def want(sandbox: SandboxProcess, number: int, kind: str = "movie", **wish: Any) -> Reply:
    body = {"mediaType": kind, "mediaId": number, "is4k": False, **wish}
    return call(sandbox, "POST", "/request", body)


def call(
    sandbox: SandboxProcess, method: str, path: str, body: dict[str, Any] | None = None
) -> Reply:
    with connected(sandbox) as connection:
        return ask(
            connection,
            f"/api/v1{path}",
            method=method,
            body=body,
            token=None,
            X_Api_Key=KEY,
            Content_Type="application/json",
        )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "requests.jsonl"


@pytest.fixture
def sandbox(file: Path) -> Iterator[SandboxProcess]:
    """An Overseerr that keeps its requests in the file."""
    with SandboxProcess.start(kind="overseerr", port=0, state=file) as process:
        yield process


def test_it_starts_as_a_process_and_says_what_it_is() -> None:
    with SandboxProcess.start(kind="overseerr", port=0, token="another") as sandbox:
        assert sandbox.state() == {"count": 0, "requests": []}
        assert call(sandbox, "GET", "/request").status == 403


def test_its_state_tells_each_request_in_the_order_of_creation(sandbox: SandboxProcess) -> None:
    want(sandbox, 31_001)
    want(sandbox, 31_003, "tv", seasons=[2, 1])
    movie = {"id": 1, "mediaType": "movie", "mediaId": 31_001, "seasons": []}
    show = {"id": 2, "mediaType": "tv", "mediaId": 31_003, "seasons": [2, 1]}
    both = {"is4k": False, "status": 2, "requestedBy": 1}
    assert sandbox.state() == {"count": 2, "requests": [movie | both, show | both]}


def test_without_a_file_a_restart_forgets_the_requests() -> None:
    with SandboxProcess.start(kind="overseerr", port=0) as sandbox:
        assert want(sandbox, 31_001).status == 201
        sandbox.restart()
        assert sandbox.state()["count"] == 0
        assert want(sandbox, 31_001).status == 201


def test_with_a_file_requests_survive_a_kill(sandbox: SandboxProcess) -> None:
    want(sandbox, 31_001)
    want(sandbox, 31_003, "tv", seasons=[1])
    before, listed = sandbox.state(), call(sandbox, "GET", "/request").json()
    sandbox.kill()
    sandbox.restart()
    assert sandbox.state() == before
    assert call(sandbox, "GET", "/request").json() == listed
    assert want(sandbox, 31_001).status == 409
    assert want(sandbox, 31_003, "tv", seasons=[1]).status == 202
    assert want(sandbox, 31_002).json()["id"] == 3


def test_a_request_whose_answer_was_lost_survives_a_kill(sandbox: SandboxProcess) -> None:
    sandbox.fault("lose")
    with pytest.raises(ConnectionResetError):
        want(sandbox, 31_001)
    sandbox.kill()
    sandbox.restart()
    assert [each["mediaId"] for each in sandbox.state()["requests"]] == [31_001]


def test_a_declined_request_stays_declined(sandbox: SandboxProcess) -> None:
    want(sandbox, 31_001)
    want(sandbox, 31_003, "tv", seasons=[1])
    assert call(sandbox, "POST", "/request/1/decline").status == 200
    before = call(sandbox, "GET", "/request").json()
    sandbox.kill()
    sandbox.restart()
    assert [each["status"] for each in sandbox.state()["requests"]] == [3, 2]
    assert call(sandbox, "GET", "/request").json() == before
    assert want(sandbox, 31_001).status == 201


def test_whose_a_request_is_survives_a_kill(sandbox: SandboxProcess) -> None:
    want(sandbox, 31_001, userId=4)
    before = call(sandbox, "GET", "/request").json()
    sandbox.kill()
    sandbox.restart()
    assert [each["requestedBy"] for each in sandbox.state()["requests"]] == [4]
    assert call(sandbox, "GET", "/request").json() == before


def test_a_line_that_a_crash_cut_short_is_left_out_and_the_next_is_whole(
    sandbox: SandboxProcess, file: Path
) -> None:
    want(sandbox, 31_001)
    sandbox.kill()
    with file.open("a") as lines:
        lines.write('{"id": 2, "mediaTy')
    sandbox.restart()
    want(sandbox, 31_002)
    sandbox.restart()
    assert [each["mediaId"] for each in sandbox.state()["requests"]] == [31_001, 31_002]
    assert all(json.loads(line) for line in file.read_text().splitlines())


@pytest.mark.parametrize(
    "text",
    [
        "no\n",
        "{}\n",
        "7\n",
        '{"declined": 9, "at": ""}\n',
        "no",
        "\n",
    ],
)
def test_a_file_of_something_else_is_refused_in_one_line_and_left_alone(
    file: Path, text: str
) -> None:
    file.write_text(text)
    with pytest.raises(SandboxError, match=r"cannot keep the state in .*requests\.jsonl: .*line"):
        SandboxProcess.start(kind="overseerr", port=0, state=file)
    assert file.read_text() == text


def test_a_place_where_no_file_can_be_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match=r"cannot keep the state in .*: Is a directory$"):
        SandboxProcess.start(kind="overseerr", port=0, state=tmp_path)


def test_a_plex_with_a_file_for_its_state_does_not_start(file: Path) -> None:
    with pytest.raises(SandboxError, match="plex has no state to keep"):
        SandboxProcess.start(kind="plex", port=0, state=file)
    assert not file.exists()
