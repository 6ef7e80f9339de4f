"""`make mutants` asks tests that there are."""

import pytest

from tests.mutants.rooms import LEFT_OUT, ROOMS, Room
from tests.support import ROOT


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_the_code_of_a_room_and_its_tests_are_there(room: Room) -> None:
    """Keeps out: tests that have moved, and mutants that nobody is asked about."""
    assert [path for path in (room.folder, *room.tests) if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("left_out", LEFT_OUT)
def test_a_test_that_is_left_out_is_there(left_out: str) -> None:
    file, _, name = left_out.partition("::")
    assert f"def {name}(" in (ROOT / file).read_text()
