"""What may have been done already is looked for, and sent again only when it is proven absent."""

import pytest

from medianest.queue.operations import PayloadError
from medianest.queue.runner import Handler, QueueRunner
from medianest.resilience.cascade import CascadeMonitor


class Server:
    """Loses the answers of what it does while `loses`, and cannot be looked at while `away`."""

    def __init__(self):
        self.made, self.looks, self.loses, self.away = [], 0, True, False
        self.keeps = True

    def execute(self, payload):
        if self.keeps:
            self.made.append(payload["n"])
        if self.loses:
            raise ConnectionError("no answer")
        return "made"

    def look(self, payload, since):
        self.looks += 1
        if self.away:
            raise ConnectionError("away")
        if payload.get("odd"):
            raise PayloadError("odd")
        return "found" if payload["n"] in self.made else None


@pytest.fixture
def server():
    return Server()


def process(drainer, server):
    """Another process on the same queue."""
    registry = drainer.registry
    runner = QueueRunner(
        drainer.queue, registry, drainer.settings, CascadeMonitor(registry), random=lambda: 1.0
    )
    runner.register(
        Handler(
            name="h",
            service="svc",
            execute=server.execute,
            look=server.look,
            outages=(ConnectionError,),
            uncertain=lambda error: True,
        )
    )
    return runner


@pytest.fixture
def runner(drainer, server):
    return process(drainer, server)


@pytest.fixture
def put(drainer):
    def one(number, **payload):
        return drainer.queue.enqueue("h", {"n": number, **payload}, str(number)).operation.id

    return one


def run_for(runner, clock, seconds, step=5):
    for _ in range(int(seconds / step)):
        runner.run_due("h")
        clock.advance(step)


def test_what_is_found_is_done_and_not_sent_again(runner, put, server, clock):
    one = put(1)
    runner.run_due("h")
    server.loses = False
    run_for(runner, clock, 60)
    seen = runner.queue.get(one)
    assert (seen.state, seen.result, server.made) == ("done", "found", [1])


def test_what_is_not_found_is_sent_again_after_a_settling_time_and_a_second_look(
    runner, put, server, clock
):
    server.keeps = False
    one = put(1)
    runner.run_due("h")
    server.loses, server.keeps = False, True
    clock.advance(10)
    runner.run_due("h")
    assert (server.looks, server.made) == (1, [])
    clock.advance(39)
    runner.run_due("h")
    assert server.made == []
    clock.advance(1)
    runner.run_due("h")
    assert (server.looks, server.made, runner.queue.get(one).state) == (2, [1], "done")


def test_the_settling_time_begins_anew_when_the_service_fails_meanwhile(runner, put, server, clock):
    server.keeps = False
    put(1)
    runner.run_due("h")
    server.loses, server.keeps = False, True
    clock.advance(10)
    runner.run_due("h")  # not there
    clock.advance(30)
    put(2)
    server.loses = True
    runner.run_due("h")  # another one meets an outage
    server.loses = False
    clock.advance(10)
    runner.run_due("h")
    assert 1 not in server.made
    run_for(runner, clock, 60)
    assert server.made.count(1) == 1


def test_a_failure_that_one_process_has_seen_begins_the_settling_time_of_all(
    runner, drainer, put, server, clock
):
    """Keeps out: a second process that knows nothing of the outage sends it again."""
    server.keeps = False
    put(1)
    runner.run_due("h")
    server.loses, server.keeps = False, True
    clock.advance(10)
    runner.run_due("h")  # not there
    clock.advance(20)
    server.loses = True
    put(2)
    runner.run_due("h")  # an outage
    server.loses = False
    clock.advance(20)
    process(drainer, server).run_due("h")
    assert 1 not in server.made


def test_one_that_can_never_be_looked_for_keeps_no_other_from_being_done(
    runner, put, server, clock
):
    """Keeps out: one poisoned operation, and nothing that is in doubt is ever done."""
    server.keeps = False
    odd, good = put(1, odd=True), put(2)
    run_for(runner, clock, 30)
    server.loses, server.keeps = False, True
    run_for(runner, clock, 300)
    assert (runner.queue.get(odd).state, runner.queue.get(good).state) == ("dead", "done")
    assert server.made == [2]


def test_a_crash_leaves_in_doubt_what_was_under_way(runner, drainer, put, server, clock):
    one = put(1)
    drainer.queue.claim("h")  # and the process dies, after it has sent it
    server.made.append(1)
    clock.advance(61)
    runner.run_due("h")
    assert (runner.queue.get(one).state, server.made) == ("done", [1])
