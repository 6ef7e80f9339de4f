"""A bulkhead whose places all processes of a host have together."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from medianest.resilience import Bulkhead, BulkheadFullError, Deadline, Registry
from medianest.resilience.events import bulkhead_added
from tests.support.shared_places import Host
from tests.support.waiting import wait_until


@pytest.fixture
def host() -> Host:
    return Host(2)


def is_full(bulkhead: Bulkhead) -> bool:
    try:
        bulkhead.acquire().release()
    except BulkheadFullError:
        return True
    return False


def waits(bulkhead: Bulkhead) -> threading.Thread:
    """A call that waits for a place."""
    thread = threading.Thread(target=bulkhead.call, args=(int,))
    thread.start()
    wait_until(lambda: bulkhead.waiting == 1)
    return thread


def test_without_peers_it_is_the_process_s_and_says_so() -> None:
    bulkhead = Bulkhead("plex", max_concurrent=1, scope="host")
    bulkhead.acquire()
    assert is_full(bulkhead)
    seen = bulkhead.snapshot()
    assert (seen.scope, seen.in_use, seen.peak, seen.rejected) == ("process", 1, 1, 1)


def test_there_are_so_many_of_all_together(host: Host) -> None:
    one, two = host.process("one"), host.process("two")
    one.acquire(), two.acquire()
    assert [is_full(one), is_full(two)] == [True, True]
    assert [each.snapshot().in_use for each in (one, two)] == [2, 2]
    assert one.snapshot().scope == "host"


def test_one_alone_may_use_all(host: Host) -> None:
    one, _ = host.process("one"), host.process("two")
    one.acquire(), one.acquire()
    assert one.snapshot().peak == 2
    assert is_full(one)


def test_a_place_that_was_taken_is_used_again_without_asking(host: Host) -> None:
    one = host.process("one")
    for _ in range(5):
        one.call(int)
    assert host.owned == {"one": 1}
    assert repr(one) == "<Bulkhead 'plex' 2/2 free>"


def test_what_lies_idle_is_given_back_when_it_is_wanted(host: Host) -> None:
    one, two = host.process("one", max_wait=5), host.process("two", max_wait=5)
    for place in [one.acquire(), one.acquire()]:
        place.release()
    waiting = waits(two)
    host.deliver()
    waiting.join(5)
    assert host.owned["one"] == 0


def test_what_lies_idle_elsewhere_is_no_reason_to_refuse(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keeps out: a burst that came to another worker than the last was refused, with all idle."""
    monkeypatch.setattr("medianest.resilience.shared_line._GRACE", 5.0)
    one, two = host.process("one"), host.process("two", max_wait=5, max_waiting=1)
    for place in [one.acquire(), one.acquire()]:
        place.release()
    waiting = [threading.Thread(target=two.call, args=(int,)) for _ in range(2)]
    for each in waiting:
        each.start()
    wait_until(lambda: two.waiting == 2)
    host.deliver()
    for each in waiting:
        each.join(5)
    assert two.snapshot().rejected == 0
    assert host.owned["one"] == 0


def test_what_lies_idle_goes_back_after_a_moment(host: Host) -> None:
    one = host.process("one")
    used, idle = one.acquire(), one.acquire()
    used.release(), idle.release()
    host.lines["one"].give_back_idle()
    assert host.owned["one"] == 2
    one.call(int)
    host.lines["one"].give_back_idle()
    assert host.owned["one"] == 1
    host.lines["one"].give_back_idle()
    assert host.owned["one"] == 0


def test_the_next_place_goes_to_the_process_that_wants_one(host: Host) -> None:
    one, two = host.process("one"), host.process("two")
    first, second = one.acquire(), one.acquire()
    assert is_full(two)
    host.deliver()
    first.release(), second.release()
    assert host.owned["one"] == 1
    assert not is_full(two)


def test_a_wish_has_its_turn_behind_those_who_waited_before(host: Host) -> None:
    one, two = host.process("one", max_wait=5), host.process("two", max_wait=5)
    held = one.acquire()
    last = one.acquire()
    here = waits(one)
    there = waits(two)
    host.deliver()
    held.release()
    here.join(5)
    assert host.owned["one"] == 1  # whoever waited here has had it, and then it went on
    there.join(5)
    last.release()


def test_who_comes_just_now_does_not_take_what_another_waits_for(host: Host) -> None:
    one, two = host.process("one", max_wait=5), host.process("two", max_wait=5)
    held, last = one.acquire(), one.acquire()
    there = waits(two)
    host.deliver()
    asked = host.peers["one"].asked
    held.release()
    here = waits(one)
    assert host.peers["one"].asked == asked
    host.deliver()
    there.join(5)
    last.release()
    here.join(5)


def test_who_waits_notices_what_nobody_told(host: Host) -> None:
    """Its holder was killed, or the word was lost."""
    one, two = host.process("one"), host.process("two", max_wait=5)
    one.acquire(), one.acquire()
    waiting = waits(two)
    host.kill("one")
    waiting.join(5)
    assert not waiting.is_alive()


def test_who_has_asked_in_vain_does_not_wait_again(host: Host) -> None:
    one, two = host.process("one"), host.process("two")
    place = one.acquire(), one.acquire()
    assert is_full(two)
    before = host.peers["two"].wishes
    assert is_full(two)
    assert host.peers["two"].wishes == before + 1
    host.deliver()
    place[0].release()
    host.deliver()
    one.acquire()
    assert is_full(two)
    assert host.peers["two"].wishes > before + 2


def test_nobody_is_asked_where_all_are_here(host: Host) -> None:
    one = host.process("one")
    one.acquire(), one.acquire()
    asked = host.peers["one"].asked
    assert is_full(one)
    assert host.peers["one"].asked == asked


def test_a_deadline_ends_all_waiting(host: Host) -> None:
    one, two = host.process("one"), host.process("two", max_wait=3_600)
    one.acquire(), one.acquire()
    with Deadline(0.01, clock=host.clock).scope():
        assert is_full(two)
        assert two.waiting == 0


def test_calls_under_way_keep_their_places_when_it_joins(host: Host) -> None:
    other = host.process("other")
    other.acquire()
    late = Bulkhead("plex", max_concurrent=2, scope="host", clock=host.clock)
    first, second = late.acquire(), late.acquire()
    host.join("late", late)
    assert host.owned == {"other": 1, "late": 1}
    assert late.snapshot().in_use == 2
    first.release()
    assert is_full(late)  # that one was too many
    second.release()
    assert not is_full(late)
    assert late.snapshot().peak == 2


def test_who_leaves_has_places_of_its_own(host: Host) -> None:
    one, two = host.process("one", max_wait=5), host.process("two", max_wait=5)
    one.acquire(), one.acquire()
    waiting = waits(two)
    host.lines["two"].leave()
    waiting.join(5)
    for _ in range(2):
        two.acquire()
    assert two.snapshot().scope == "process"
    assert two.snapshot().in_use == 2


def test_a_place_of_before_is_given_back_after_it_has_left(host: Host) -> None:
    one = host.process("one")
    place = one.acquire()
    host.lines["one"].leave()
    place.release()
    assert repr(one) == "<Bulkhead 'plex' 2/2 free>"
    one.acquire(), one.acquire()
    assert is_full(one)


def test_a_process_that_was_forked_has_none_of_its_parent_s(host: Host) -> None:
    one = host.process("one")
    place = one.acquire()
    line = host.lines["one"]
    line.begin_anew()
    host.join("child", one)
    assert host.owned["child"] == 0
    place.release()  # the call that forked goes on in both
    line.give_back_idle(), line.give_back_idle()
    assert line.in_use == 1
    assert not is_full(one)


def test_a_registry_tells_of_a_bulkhead_that_is_new(heard: Callable[..., list[object]]) -> None:
    events, registry = heard(bulkhead_added), Registry()
    registry.bulkhead("plex")
    registry.bulkhead("plex")
    assert [getattr(each, "name", None) for each in events] == ["plex"]
