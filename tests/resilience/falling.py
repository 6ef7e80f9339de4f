"""Calls that fail, and what answers in their place."""

from __future__ import annotations

from typing import Any, NoReturn


def broken(*args: dict[str, Any], **kwargs: Any) -> NoReturn:
    raise ConnectionError("down")


class Upstream:
    """One function that answers now and fails then."""

    answer: str | list[str] | Exception

    def up(self, answer: str | list[str]) -> Upstream:
        self.answer = answer
        return self

    def down(self) -> Upstream:
        self.answer = ConnectionError("down")
        return self

    def __call__(self, *args: str | int, **kwargs: Any) -> str | list[str]:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


upstream = Upstream()
