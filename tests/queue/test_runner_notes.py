"""What the runner writes down, and when: what it did itself, and what others did."""

import threading
from typing import Any, NoReturn

import pytest

from medianest.queue.runner import Handler, QueueRunner
from medianest.resilience import ManualClock
from medianest.storage.errors import DatabaseUnavailableError
from tests.support.narrowing import not_none
from tests.support.waiting import wait_until


def away(settlements: Any) -> NoReturn:
    raise DatabaseUnavailableError("the database is away")


@pytest.fixture
def made() -> Any:
    return []


@pytest.fixture
def handler(runner: QueueRunner, made: Any) -> Any:
    return runner.register(
        Handler(name="h", service="svc", execute=made.append, permanent=(LookupError,))
    )


def test_one_that_is_done_is_written_down_while_another_still_runs(runner: QueueRunner) -> None:
    go = threading.Event()

    def execute(payload: Any) -> str:
        if payload["waits"]:
            assert go.wait(10)
        return "made"

    runner.register(Handler(name="h", service="svc", execute=execute, concurrency=2))
    # It begins gently: the first by itself, then two together.
    _, slow, quick = (
        runner.queue.enqueue("h", {"waits": key == "slow"}, key).operation.id
        for key in ("first", "slow", "quick")
    )
    settled = []
    worker = threading.Thread(target=lambda: settled.append(runner.run_due("h")))
    worker.start()
    wait_until(lambda: not_none(runner.queue.get(quick)).state == "done")
    assert not_none(runner.queue.get(slow)).state == "running"
    go.set()
    worker.join(10)
    assert (settled, not_none(runner.queue.get(slow)).state) == ([3], "done")


def test_what_others_have_done_is_done(runner: QueueRunner, handler: Any, made: Any) -> None:
    lease = runner.queue.enqueue("h", {}, "k", leased=True).lease
    runner.note_success(not_none(lease), {"number": 7})
    seen = not_none(runner.queue.get(not_none(lease).operation.id))
    assert (seen.state, seen.result, made) == ("done", {"number": 7}, [])


@pytest.mark.parametrize(
    ("error", "state"), [(ValueError("wrong"), "pending"), (LookupError("none"), "dead")]
)
def test_what_others_have_failed_at_is_done_later_or_never(
    runner: QueueRunner, handler: Any, error: Any, state: Any
) -> None:
    lease = runner.queue.enqueue("h", {}, "k", leased=True).lease
    assert runner.note_failure(not_none(lease), error)
    seen = not_none(runner.queue.get(not_none(lease).operation.id))
    assert (seen.state, seen.error_message) == (state, str(error))


def test_what_cannot_be_written_now_is_written_later(
    runner: QueueRunner,
    handler: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "medianest.queue.runner")
    leases = [runner.queue.enqueue("h", {}, key, leased=True).lease for key in "ab"]
    settle = runner.queue.settle
    monkeypatch.setattr(runner.queue, "settle", away)
    for lease in leases:
        runner.note_success(not_none(lease), "made")
    assert caplog.messages == ["1 operation is settled later: the database is away"] * 2
    monkeypatch.setattr(runner.queue, "settle", settle)
    runner.settle_late()
    assert [not_none(runner.queue.get(not_none(each).operation.id)).state for each in leases] == [
        "done"
    ] * 2


def test_several_that_cannot_be_written_now_are_told_together(
    runner: QueueRunner,
    handler: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "medianest.queue.runner")
    ids = [runner.queue.enqueue("h", {}, key).operation.id for key in "abc"]
    with monkeypatch.context() as patched:
        patched.setattr(runner.queue, "settle", away)
        assert runner.run_due("h") == 3
    assert caplog.messages == [
        "1 operation is settled later: the database is away",
        "2 operations are settled later: the database is away",
    ]
    assert runner.run_due("h") == 0
    assert [not_none(runner.queue.get(one)).state for one in ids] == ["done"] * 3


def test_what_a_clock_that_was_set_back_kept_waiting_is_told(
    runner: QueueRunner, handler: Any, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Every half minute it is looked for."""
    for delays in ([20], [20, 20]):
        caplog.clear()
        for number, delay in enumerate(delays):
            runner.queue.enqueue("h", {}, str(number), delay=delay)
        clock.set_by(-3 * 3600)
        assert runner.run_due("h") == 0
        clock.advance(29)
        assert runner.run_due("h") == 0
        clock.advance(1)
        assert runner.run_due("h") == len(delays)
        many = "1 operation was" if len(delays) == 1 else "2 operations were"
        assert caplog.messages == [f"the clock was set back: {many} written later than now"]
        clock.advance(30)
