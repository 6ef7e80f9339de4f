"""The rooms whose code is mutated, and the tests that are asked about each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

__all__ = ["LEFT_OUT", "ROOMS", "Room", "room_of"]


@dataclass(frozen=True)
class Room:
    """A folder of code, and files and folders of tests."""

    folder: str
    tests: tuple[str, ...]

    @property
    def name(self) -> str:
        """How its working copy is called."""
        return PurePosixPath(self.folder).name


_KEEPS_FRAMES = (
    "tests/resilience/test_coalesce.py::test_an_error_reaches_everybody_and_grows_with_nobody",
    "tests/resilience/test_coalesce_threads.py::test_nothing_is_kept_of_a_flight_that_is_over",
    "tests/resilience/test_recovery.py::test_nothing_is_kept_of_an_error_that_nobody_could_help",
    "tests/resilience/test_given_up.py::test_an_error_that_was_put_aside_counts_for_who_raises_it",
)
"""They look at frames and at what these keep; mutmut calls everything through frames of its own."""

_READS_NAMES = (
    "tests/resilience/test_arguments.py::test_an_unknown_keyword_is_told_with_those_that_exist",
    "tests/resilience/test_arguments.py::test_a_missing_argument_is_told_with_what_is_taken",
    "tests/guards/test_protect.py::test_a_wrong_option_is_refused_where_it_is_given",
)
"""They read Python's own messages, which name functions; mutmut gives these names of its own."""

LEFT_OUT = (*_KEEPS_FRAMES, *_READS_NAMES)

ROOMS = (
    Room("medianest/resilience", ("tests/resilience",)),
    Room("medianest/queue", ("tests/queue",)),
    Room("medianest/guards", ("tests/guards",)),
    Room("medianest/flask", ("tests/flask", "tests/guards")),
)


def room_of(path: str) -> Room:
    """The room of a file or folder; LookupError where nothing is mutated."""
    wanted = PurePosixPath(path)
    for room in ROOMS:
        if wanted.is_relative_to(room.folder):
            return room
    folders = ", ".join(room.folder for room in ROOMS)
    raise LookupError(f"{path}: only code in these folders is mutated: {folders}")
