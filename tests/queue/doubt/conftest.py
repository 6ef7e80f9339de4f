"""A queue whose handler looks for what it may have sent."""

from collections.abc import Callable
from typing import Any

import pytest

from medianest.queue.runner import QueueRunner
from tests.queue.doubt.serving import Server, process


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def careful(runner: QueueRunner, server: Server) -> QueueRunner:
    return process(runner, server)


@pytest.fixture
def put(runner: QueueRunner) -> Callable[..., str]:
    def one(number: int, **payload: Any) -> str:
        return runner.queue.enqueue("h", {"n": number, **payload}, str(number)).operation.id

    return one
