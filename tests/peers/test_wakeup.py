"""A thread is woken once for all that call, and by nobody when it is gone."""

import os
import select
from pathlib import Path

from medianest.peers.wakeup import WakeUp


def is_awake(wakeup: WakeUp) -> bool:
    return bool(select.select([wakeup], [], [], 0)[0])


def test_it_wakes_once_for_all_until_it_has_answered() -> None:
    wakeup = WakeUp()
    wakeup.call()
    wakeup.call()
    assert is_awake(wakeup)
    wakeup.answer()
    assert not is_awake(wakeup)
    wakeup.call()
    assert is_awake(wakeup)
    wakeup.close()


def test_who_calls_late_writes_into_nobody_elses_file(tmp_path: Path) -> None:
    wakeup = WakeUp()
    wakeup.close()
    path = tmp_path / "medianest.db"
    files = [os.open(path, os.O_RDWR | os.O_CREAT) for _ in range(3)]  # they get its numbers
    wakeup.call()
    wakeup.answer()
    for each in files:
        os.close(each)
    assert path.read_bytes() == b""
