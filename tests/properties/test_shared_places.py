"""Whatever processes do with the places of a bulkhead that they have together: there are never more
than the host has, and none is lost."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from medianest.resilience import Bulkhead, BulkheadFullError, Deadline, Place
from tests.support.shared_places import Host

MOST = 3
PROCESSES = ("one", "two", "three")


class SharedPlacesMachine(RuleBasedStateMachine):
    """Three processes, whose messages come late, in another order, or never."""

    @initialize()
    def begin(self) -> None:
        self.host = Host(MOST)
        self.bulkheads: dict[str, Bulkhead] = {}
        self.taken: dict[str, list[Place]] = {}
        for name in PROCESSES:
            self.is_born(name)

    def is_born(self, name: str) -> None:
        self.bulkheads[name] = self.host.process(name)
        self.taken[name] = []

    def has_taken(self, name: str) -> bool:
        spent = Deadline(0.001, clock=self.host.clock)  # else it waits in real time
        with spent.scope():
            self.host.clock.advance(0.001)
            try:
                self.taken[name].append(self.bulkheads[name].acquire())
            except BulkheadFullError:
                return False
        return True

    @rule(name=st.sampled_from(PROCESSES))
    def takes(self, name: str) -> None:
        free = MOST - self.host.owned.total()
        assert self.has_taken(name) or not free

    @rule(name=st.sampled_from(PROCESSES), data=st.data())
    def releases(self, name: str, data: st.DataObject) -> None:
        if places := self.taken[name]:
            places.pop(data.draw(st.integers(0, len(places) - 1))).release()

    @rule(data=st.data(), is_lost=st.booleans())
    def hears(self, data: st.DataObject, is_lost: bool) -> None:
        if mail := self.host.mail:
            which = data.draw(st.integers(0, len(mail) - 1))
            if is_lost:
                mail.pop(which)
            else:
                self.host.deliver_one(which)

    @rule(name=st.sampled_from(PROCESSES))
    def looks_what_is_idle(self, name: str) -> None:
        self.host.lines[name].give_back_idle()

    @rule(name=st.sampled_from(PROCESSES))
    def is_killed(self, name: str) -> None:
        self.host.kill(name)
        self.is_born(name)

    @rule(name=st.sampled_from(PROCESSES))
    def leaves_and_comes_back(self, name: str) -> None:
        if self.taken[name]:
            return  # what it has taken meanwhile, on its own, is nobody's
        self.host.lines[name].leave()
        self.host.owned[name] = 0
        self.host.join(name, self.bulkheads[name])

    @invariant()
    def there_are_never_too_many(self) -> None:
        taken = sum(map(len, self.taken.values()))
        assert taken <= self.host.owned.total() <= MOST
        for name, places in self.taken.items():
            seen = self.bulkheads[name].snapshot()
            assert len(places) <= seen.in_use <= MOST

    def teardown(self) -> None:
        if not hasattr(self, "host"):
            return
        for name in PROCESSES:
            for place in self.taken[name]:
                place.release()
            self.taken[name] = []
            for _ in range(2):
                self.host.lines[name].give_back_idle()
        assert self.host.owned.total() == 0
        assert all(self.has_taken("one") for _ in range(MOST))


SharedPlacesMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=40)
TestSharedPlaces = SharedPlacesMachine.TestCase
