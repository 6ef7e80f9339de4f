"""What is done at the start of a worker."""

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
