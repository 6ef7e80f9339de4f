"""How a command ends: the exit codes, those of sysexits.h where it has one."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["Exit"]


class Exit(IntEnum):
    """Each with what it means; docs/commands.md lists the same."""

    DONE = 0, "it is done"
    NOT_WELL = 1, "it was looked at and is not well, or nobody said yes"
    WRONG_USE = 64, "the command line makes no sense"
    REFUSED = 65, "the server refuses what was asked"
    NOT_FOUND = 66, "there is no such thing"
    NO_ANSWER = 69, "no server answers"
    FAILED = 70, "the server failed"
    STRANGER = 76, "something else than MediaNest answers"
    TRY_LATER = 75, "it cannot be done now: try again later"
    NO_TOKEN = 77, "the token is refused, or missing"
    WRONG_SETTING = 78, "a setting or a file with a token is wrong or missing"
    INTERRUPTED = 130, "Ctrl-C"
    PIPE_CLOSED = 141, "nobody reads the output any more"

    meaning: str

    def __new__(cls, code: int, meaning: str) -> Exit:
        """A number that knows what it means."""
        made = int.__new__(cls, code)
        made._value_, made.meaning = code, meaning
        return made
