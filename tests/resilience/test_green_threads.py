"""Where gevent takes the place of threads after this library was imported."""

from __future__ import annotations

import ast
import itertools
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import medianest.resilience
from medianest.resilience import CircuitOpenError, State, SystemClock
from tests.resilience.conftest import Fail, MakeBreaker

REPLACED = {"threading": {"*"}, "_thread": {"*"}, "time": {"sleep"}, "queue": {"*"}}
"""What gevent.monkey puts its own in the place of."""


def names_bound_at_import() -> Iterator[str]:
    for path in Path(medianest.resilience.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (names := REPLACED.get(node.module or "")):
                for each in node.names:
                    if "*" in names or each.name in names:
                        yield f"{path.name}: from {node.module} import {each.name}"


def test_nothing_of_a_thread_is_bound_when_the_library_is_imported() -> None:
    """Keeps out: the number of the one real thread, taken for that of every green one."""
    assert list(names_bound_at_import()) == []


def test_green_threads_do_not_all_pass_as_one_probe(
    make_breaker: MakeBreaker, half_open: Fail, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keeps out: 50 of 50 callers through a half-open breaker, each taken for a part of the
    first one's probe."""
    breaker = make_breaker(half_open_max_calls=3)
    half_open(breaker)
    identities = itertools.count(1)
    monkeypatch.setattr(threading, "get_ident", lambda: next(identities))
    admitted = []

    def overlapping(callers: int) -> None:
        admitted.append(callers)
        if callers < 50:
            try:
                breaker.call(overlapping, callers + 1)
            except CircuitOpenError:
                pass

    breaker.call(overlapping, 1)
    assert len(admitted) == 3
    assert breaker.state is State.CLOSED


def test_a_wait_is_that_of_whoever_replaced_it(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    SystemClock().sleep(2.5)
    assert slept == [2.5]
