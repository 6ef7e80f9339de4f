"""Changes of all processes: in the database, and from there in the memory of each."""

from collections.abc import Callable
from typing import Any, NoReturn

import pytest

from medianest.health.change_history import ChangeHistory, ChangeRecord
from medianest.resilience import ManualClock
from medianest.storage import DatabaseUnavailableError
from medianest.storage.change_journal import ChangeJournal
from medianest.storage.database import Database
from medianest.storage.selection import Selection


class Process:
    """What one process has."""

    def __init__(self, name: str, database: Database, clock: ManualClock, **options: Any) -> None:
        self.database = database
        self.history = ChangeHistory(lambda: name)
        self.journal = ChangeJournal(database, self.history, **options)
        self._clock = clock
        self._name = name

    def tell(self, *names: str) -> None:
        """Let breakers of those names open here: as their signal goes to all histories of this
        interpreter, past it."""
        for name in names:
            change = ChangeRecord(
                at=self._clock.utc(), type="breaker", name=name, before="closed", after="open",
                worker=self._name,
            )  # fmt: skip
            self.history.learn([change])
            self.journal.note(change)
            self._clock.advance(1)

    @property
    def knows(self) -> list[str]:
        return [change.name for change in self.history.recent()]


@pytest.fixture
def start(
    database: Database, url: str, connect: Callable[..., Database], clock: ManualClock
) -> Callable[..., Process]:
    """`start("nas/0")` is a process with connections of its own."""
    return lambda name, **options: Process(name, connect(url), clock, **options)


def test_each_process_knows_what_the_others_saw(start: Callable[..., Process]) -> None:
    here, there = start("nas/0"), start("nas/1")
    here.tell("a", "b")
    here.journal.flush()
    there.tell("c")
    for _ in range(3):
        there.journal.follow()
        here.journal.follow()
    assert (there.knows, here.knows) == (["c", "b", "a"], ["b", "a"])
    there.journal.flush()
    here.journal.follow()
    assert here.knows == ["c", "b", "a"]
    assert [change.worker for change in here.history.recent()] == ["nas/1", "nas/0", "nas/0"]


def test_what_was_before_a_restart_is_known_after_it(start: Callable[..., Process]) -> None:
    before = start("nas")
    before.tell("a")
    before.journal.flush()
    after = start("nas")
    after.journal.follow()
    assert after.knows == ["a"]


def test_what_is_committed_out_of_turn_is_learned_all_the_same(
    start: Callable[..., Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keeps out: a row that got its number earlier and was committed later was never seen."""
    here, there = start("nas/0"), start("nas/1")
    here.tell("early", "late")
    here.journal.flush()
    read = there.database.read

    def without_the_first(*arguments: Any) -> Any:
        return read(*arguments)[:1]

    with monkeypatch.context() as patched:
        patched.setattr(there.database, "read", without_the_first)
        there.journal.follow()
    assert there.knows == ["late"]
    there.journal.follow()
    assert there.knows == ["late", "early"]


def test_while_the_database_is_away_they_wait(
    start: Callable[..., Process], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*args: Any) -> NoReturn:
        raise DatabaseUnavailableError("down")

    here = Process("nas", database, ManualClock())
    with monkeypatch.context() as patched:
        patched.setattr(database, "write", down)
        here.tell("a")
        with pytest.raises(DatabaseUnavailableError):
            here.journal.flush()
    assert here.knows == ["a"]
    assert here.journal.flush() == 1


def test_pages_choose_by_type_names_and_time(start: Callable[..., Process]) -> None:
    here = start("nas")
    here.tell("a", "b", "c", "d")
    here.journal.flush()
    d, c, b, _ = here.history.recent()

    def page(*wanted: Any) -> list[str]:
        return [each["name"] for each in here.journal.page(Selection(*wanted), None, 10)[0]]

    assert page({"type": "breaker", "name": ("a", "c")}) == ["c", "a"]
    assert page({"type": "alert"}) == []
    assert page({}, b.at, d.at) == ["c", "b"]
    here.tell("e")  # which is not written yet
    assert page({}, d.at) == ["e", "d"]
    assert page({"name": "e"}, None, c.at) == []


def test_there_are_never_too_many(start: Callable[..., Process]) -> None:
    here = start("nas", most_stored=3)
    here.tell(*"abcdefg")
    here.journal.flush()
    c = here.history.recent()[4]
    assert here.journal.prune(c.at) == 4
    assert [each["name"] for each in here.journal.page(Selection(), None, 10)[0]] == ["g", "f", "e"]
    assert here.journal.prune(here.history.recent()[0].at) == 2


def test_numbers_go_on_when_all_is_pruned(
    start: Callable[..., Process], clock: ManualClock
) -> None:
    """Keeps out: SQLite began again at 1, and nobody looked there any more."""
    here, there = start("nas/0"), start("nas/1")
    here.tell("a", "b")
    here.journal.flush()
    there.journal.follow()
    there.journal.follow()
    here.journal.prune(clock.utc())
    here.tell("c")
    here.journal.flush()
    there.journal.follow()
    assert there.knows == ["c", "b", "a"]
