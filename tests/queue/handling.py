"""What the handler of a test calls."""

from collections.abc import Mapping
from typing import Any

from medianest.queue.runner import QueueRunner
from tests.support.narrowing import not_none

PAYLOAD = {"media_id": 1}


class Upstream:
    """What a handler calls: answers or raises what the test says."""

    def __init__(self) -> None:
        self.calls: list[Mapping[str, Any]] = []
        self.answer: object = "ok"

    def __call__(self, payload: Mapping[str, Any]) -> object:
        self.calls.append(payload)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def states(runner: QueueRunner, ids: list[str]) -> list[str]:
    return [not_none(runner.queue.get(one)).state for one in ids]
