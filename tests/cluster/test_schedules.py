"""Whatever is said, lost, damaged and cut off in between: when all is well again, the last word
counts on every host."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from medianest.cluster.exchange import Exchange
from medianest.overrides.keeper import OverrideKeeper
from medianest.overrides.memory import OverrideMemory
from medianest.overrides.override import ACTIONS
from medianest.resilience import Deadline, ManualClock, Registry
from tests.cluster.memory import MemoryTier, Place

HOSTS = 3
STATES = {"open": "forced_open", "disable": "disabled"}

host = st.integers(0, HOSTS - 1)
steps = st.one_of(
    st.tuples(st.just("act"), host, st.sampled_from(ACTIONS)),
    st.tuples(st.just("look"), host),
    st.tuples(st.just("cut"), host),
    st.tuples(st.just("plug"), host),
    st.tuples(st.just("restart"), host),
    st.tuples(st.just("advance"), st.sampled_from([0.001, 1.0, 60.0])),
    st.tuples(st.just("flush")),
    st.tuples(st.just("spoil"), st.binary(max_size=20)),
)


class House:
    """Several hosts; what each has on disk outlives its restart."""

    def __init__(self) -> None:
        self.clock, self.place = ManualClock(), Place()
        self.disks = [OverrideMemory() for _ in range(HOSTS)]
        self.tiers = [MemoryTier(self.place) for _ in range(HOSTS)]
        self.cuts: set[int] = set()
        self.said = (0, "")
        """The highest rank."""
        self.keepers: dict[int, OverrideKeeper] = {}
        self.exchanges: dict[int, Exchange] = {}
        self.registries: dict[int, Registry] = {}
        for number in range(HOSTS):
            self.restart(number)

    def restart(self, number: int) -> None:
        registry = self.registries[number] = Registry(clock=self.clock)
        registry.breaker("plex")
        keeper = self.keepers[number] = OverrideKeeper(registry, self.disks[number])
        keeper.follow()
        within = Deadline(1.0, name="cluster", clock=self.clock)
        self.exchanges[number] = Exchange(self.tiers[number], keeper, registry, within)

    def act(self, number: int, action: Any) -> None:
        keeper = self.keepers[number]
        keeper.act("plex", action)
        self.said = max(self.said, keeper.words()[0].rank)

    def look(self, number: int) -> None:
        if number not in self.cuts:
            self.exchanges[number].look(is_news=False)

    def cut(self, number: int) -> None:
        self.cuts.add(number)

    def plug(self, number: int) -> None:
        self.cuts.discard(number)

    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def flush(self) -> None:
        self.place.entries.clear()

    def spoil(self, entry: bytes) -> None:
        self.place.entries["plex"] = entry

    def recover(self) -> None:
        self.cuts.clear()
        for _ in range(2):
            for number in range(HOSTS):
                self.look(number)

    @property
    def words(self) -> list[Any]:
        return [keeper.words() for keeper in self.keepers.values()]

    @property
    def states(self) -> set[str]:
        return {registry.breaker("plex").state.value for registry in self.registries.values()}

    def end(self) -> None:
        for tier in self.tiers:
            tier.end()


@settings(max_examples=100, deadline=None)
@given(st.lists(steps, max_size=40))
def test_the_last_word_counts_everywhere(schedule: list[tuple[Any, ...]]) -> None:
    house = House()
    try:
        for what, *arguments in schedule:
            getattr(house, what)(*arguments)
        house.recover()
        first, *others = house.words
        assert others == [first] * (HOSTS - 1)
        assert [word.rank for word in first] == ([house.said] if house.said[0] else [])
        assert house.states == {STATES.get(first[0].action, "closed") if first else "closed"}
        assert set(house.place.entries) >= {word.breaker for word in first}
    finally:
        house.end()
