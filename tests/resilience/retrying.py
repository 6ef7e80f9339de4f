"""Calls that fail so often as a test says."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any


class AnswerError(Exception):
    def __init__(self, status: int, **headers: Any) -> None:
        super().__init__(f"answered {status}")
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        self.response = SimpleNamespace(status_code=status, headers=names)


class Upstream:
    """Raises the given errors one after the other, then answers."""

    def __init__(self, *errors: Any) -> None:
        self.errors = list(errors)
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


def always(error: Any) -> Upstream:
    return Upstream(*[error] * 100)
