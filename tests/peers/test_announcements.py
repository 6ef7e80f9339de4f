"""News reaches all processes, and whom it has not reached is named."""

import threading

from medianest.peers.announcements import Announcements, Reached
from medianest.peers.messages import Heard, Message, News
from tests.support.waiting import wait_until

ME, ONE, TWO = "1.10.a", "2.20.b", "3.30.c"


class Others:
    """What is sent, and who answers at once. The first messages may be lost."""

    def __init__(self, *answer: str, lost: int = 0) -> None:
        self._lost = lost
        self.sent: list[Message] = []
        self._answer = answer
        self.made = Announcements(lambda: [ONE, TWO], self.send)

    def send(self, message: Message, to: str | None = None) -> None:
        self.sent.append(message)
        if len(self.sent) > self._lost and isinstance(message, News):
            for each in self._answer:
                threading.Thread(target=self.made.hear, args=(each, Heard(message.key))).start()


def test_all_have_heard_it() -> None:
    assert Others(ONE, TWO).made.announce("overrides", 10) == Reached(3, 3)


def test_what_is_lost_is_said_again() -> None:
    assert Others(ONE, TWO, lost=3).made.announce("overrides", 0.5) == Reached(3, 3)


def test_who_is_silent_is_named() -> None:
    reached = Others(ONE).made.announce("overrides", 0.05)
    assert reached == Reached(2, 3, ("worker 3 (process 30)",))


def test_alone_there_is_nobody_to_wait_for() -> None:
    made = Announcements(list, lambda *message: None)
    assert made.announce("overrides", 10) == Reached(1, 1)


def test_who_hears_it_acts_and_says_so() -> None:
    others = Others()
    others.made.on("overrides", lambda: True)
    others.made.on("what fails", lambda: False)
    others.made.hear(ONE, News("overrides", "k"))
    others.made.hear(ONE, News("something later", "l"))
    others.made.hear(ONE, News("what fails", "m"))
    assert others.sent == [Heard("k")]


def test_an_answer_that_comes_late_harms_nobody() -> None:
    Others().made.hear(ONE, Heard("of yesterday"))


def test_what_takes_long_holds_up_nobody() -> None:
    """Keeps out: breakers that learn nothing while a file is written."""
    others, begun, goes_on = Others(), threading.Event(), threading.Event()

    def act() -> bool:
        begun.set()
        return goes_on.wait(10)

    others.made.on("answers", act, takes_time=True)
    others.made.hear(ONE, News("answers", "k"))
    assert begun.wait(10)
    assert others.sent == []
    goes_on.set()
    wait_until(lambda: others.sent == [Heard("k")])


def test_what_takes_time_keeps_the_listening_thread_from_nothing() -> None:
    others, may_end = Others(), threading.Event()
    others.made.on("dependencies", may_end.wait, takes_time=True)
    others.made.hear(ONE, News("dependencies", "k"))
    others.made.hear(ONE, News("dependencies", "k"))  # it is said again while nobody has answered
    assert others.sent == []
    may_end.set()
    wait_until(lambda: others.sent)
    assert others.sent == [Heard("k")]


def test_what_was_begun_is_waited_for_at_the_end() -> None:
    """Keeps out: a connection to the database that was opened when all of them were closed."""
    others, begun = Others(), threading.Event()
    may_end, ended = threading.Event(), threading.Event()

    def act() -> bool:
        begun.set()
        may_end.wait(10)
        ended.set()
        return True

    others.made.on("silences", act, takes_time=True)
    others.made.on("dependencies", lambda: True, takes_time=True)
    others.made.hear(ONE, News("silences", "k"))
    assert begun.wait(10)
    others.made.stop(0.01)
    assert not ended.is_set()  # it has waited no longer than it was told to
    threading.Timer(0.01, may_end.set).start()
    others.made.stop(10)
    assert ended.is_set()
