"""What is done at the start of a worker and at the end of each process."""

import gc
from types import SimpleNamespace

import pytest

from medianest.jobs import Lifecycle
from medianest.server.hooks import HOOKS


@pytest.mark.parametrize(("workers", "number"), [(1, None), (2, "1")])
def test_a_worker_has_its_number_before_its_app(
    monkeypatch: pytest.MonkeyPatch, workers: int, number: str | None
) -> None:
    """Keeps out: a change that is told while the app is built, of a worker that there is not."""
    monkeypatch.setattr(Lifecycle, "number", None)
    worker = SimpleNamespace(cfg=SimpleNamespace(workers=workers), number=1)
    HOOKS["post_fork"](None, worker)
    assert Lifecycle(0.0).worker == number


@pytest.mark.parametrize("hook", ["worker_exit", "on_exit"])
def test_who_ends_looks_for_no_garbage(hook: str) -> None:
    """Keeps out: a third of a second of a processor at the end of each process."""
    before = gc.get_freeze_count()
    made: list[list[object]] = [[] for _ in range(10_000)]
    HOOKS[hook](SimpleNamespace(sandboxes=[]), *[SimpleNamespace()] * (hook == "worker_exit"))
    assert gc.get_freeze_count() - before >= len(made)
