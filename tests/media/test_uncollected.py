"""The garbage collector rests while a large answer is read, and never for longer."""

import gc
import json
import os
import threading

import pytest

from medianest.media.errors import InvalidAnswerError
from medianest.media.json_body import read_json
from medianest.media.uncollected import uncollected

LARGE = json.dumps({"a": [{"b": "x" * 60, "c": [number]} for number in range(60_000)]}).encode()


def collections(body: bytes) -> int:
    """How often the collector looked through all there is while a body was read."""
    runs = []
    gc.callbacks.append(note := lambda phase, info: runs.append((phase, info["generation"])))
    try:
        read_json("plex", body)
    finally:
        gc.callbacks.remove(note)
    return runs.count(("start", 2))


def test_what_a_large_answer_becomes_is_not_looked_through_while_it_is_read() -> None:
    gc.collect()
    assert collections(LARGE) == 0
    assert gc.isenabled()


def test_it_runs_again_after_an_error() -> None:
    with pytest.raises(InvalidAnswerError):
        read_json("plex", LARGE[:-1])
    assert gc.isenabled()


def test_of_several_at_once_it_rests_for_one() -> None:
    """Keeps out: threads that read one answer after the other keep it from running for ever."""
    entered, leave = threading.Event(), threading.Event()

    def other() -> None:
        with uncollected():
            entered.set()
            leave.wait(10)

    thread = threading.Thread(target=other)
    with uncollected():
        thread.start()
        assert entered.wait(10)
        assert not gc.isenabled()
    assert gc.isenabled()
    leave.set()
    thread.join()
    assert gc.isenabled()


def test_it_stays_off_where_it_was_off() -> None:
    gc.disable()
    try:
        with uncollected(), uncollected():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_it_runs_in_a_child_that_was_forked_meanwhile() -> None:
    with uncollected():
        child = os.fork()
        if child == 0:
            is_well = gc.isenabled()
            with uncollected():
                is_well = is_well and not gc.isenabled()
            os._exit(0 if is_well and gc.isenabled() else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert gc.isenabled()
