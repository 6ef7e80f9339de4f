"""Places that alerts are sent to."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.monitoring.posting import Post


@pytest.fixture
def posts() -> Iterator[Callable[[], Post]]:
    made = []

    def start() -> Post:
        made.append(Post())
        return made[-1]

    yield start
    for post in made:
        post.stop()
