"""Dependencies that operators register: at once here, a moment later in every other process."""

from __future__ import annotations

import pytest

from medianest.dependencies.definition import Definition
from medianest.health import Status
from medianest.resilience import State
from medianest.storage import DatabaseUnavailableError
from medianest.storage.dependencies import (
    DependencyConflictError,
    UnknownDependencyError,
)


def define(name="shop", **fields):
    return Definition(**{"name": name, "type": "external-api", "criticality": "optional", **fields})


def known(desk):
    found = [dependency.name for dependency in desk.service.registry.dependencies()]
    return [name for name in found if name != "database"]


def watched(desk):
    return [check.name for check in desk.monitor.checks() if check.name != "database"]


def test_what_is_registered_is_there_at_once(desk, serving):
    url = f"http://127.0.0.1:{serving().port}/health"
    wanted = define(
        type="queue", criticality="important", health_check_url=url, depends_on=("database",),
        circuit_breaker={"failure_threshold": 2},
    )  # fmt: skip
    assert desk.register(wanted, "kim")
    found = desk.service.registry.dependency("shop")
    assert (found.type, found.criticality, found.depends_on) == (
        "queue",
        "important",
        ("database",),
    )
    assert desk.service.registry.find_breaker("shop").options.failure_threshold == 2
    assert desk.service.registry.find_bulkhead("shop") is not None
    assert desk.definition("shop") == wanted
    desk.monitor.run("shop")
    seen = desk.monitor.component("shop")
    assert (seen.status, seen.detail, seen.kind) == (
        Status.HEALTHY, {"status_code": 200}, "external",
    )  # fmt: skip


def test_what_is_removed_is_looked_at_no_more(desk, serving):
    desk.register(define(health_check_url=f"http://127.0.0.1:{serving().port}/"), "kim")
    assert watched(desk) == ["shop"]
    assert desk.remove("shop")
    assert (known(desk), watched(desk), desk.definition("shop")) == ([], [], None)
    assert desk.service.registry.find_bulkhead("shop") is None


def test_a_service_that_says_it_is_unwell_is_unhealthy(desk, serving):
    answer = b"HTTP/1.1 503 Sorry\r\nContent-Length: 0\r\n\r\n"
    desk.register(define(health_check_url=f"http://127.0.0.1:{serving(answer).port}/"), "kim")
    desk.monitor.run("shop")
    seen = desk.monitor.component("shop")
    assert (seen.status, seen.message) == (Status.UNHEALTHY, "it answered 503")


def test_a_service_that_wants_a_password_may_be_well(desk, serving):
    answer = b"HTTP/1.1 401 Who are you\r\nContent-Length: 0\r\n\r\n"
    url = f"http://127.0.0.1:{serving(answer).port}/"
    desk.register(define(health_check_url=url, expected_status=["200-399", 401]), "kim")
    desk.monitor.run("shop")
    seen = desk.monitor.component("shop")
    assert (seen.status, seen.detail) == (Status.HEALTHY, {"status_code": 401})


def test_others_learn_of_it_and_of_its_end(desk, other, clock):
    desk.register(define("disk"), "kim")
    clock.advance(1)
    desk.register(define("shop", depends_on=("disk",)), "kim")
    assert known(other) == []
    other.sync()
    assert known(other) == ["disk", "shop"]
    assert other.definition("shop") == desk.definition("shop")
    other.remove("shop")
    other.remove("disk")
    desk.sync()
    assert known(desk) == known(other) == []
    assert desk.service.registry.find_breaker("disk") is None


def test_what_is_known_already_is_left_as_it_is(desk, other):
    """Keeps out: a breaker that an operator opened, new and closed after the next look."""
    desk.register(define("disk"), "kim")
    desk.register(define("nas"), "kim")
    desk.register(define(depends_on=("nas", "disk", "nas"), circuit_breaker={"jitter": 0}), "kim")
    breaker = desk.service.registry.find_breaker("shop")
    breaker.open("moving")
    for _ in range(3):
        desk.sync()
    assert desk.service.registry.find_breaker("shop") is breaker
    assert breaker.state is State.FORCED_OPEN


def test_exactly_the_same_again_is_no_news(desk, other):
    options = {"expected_errors": ("timeout", "5xx"), "reset_timeout": 5}
    assert desk.register(define(circuit_breaker=options), "kim")
    assert not desk.register(define(circuit_breaker=options), "kim")
    assert not other.register(define(circuit_breaker=options), "lee")
    assert known(other) == ["shop"]


def test_another_one_of_that_name_is_refused_everywhere(desk, other):
    desk.register(define(criticality="critical"), "kim")
    for each in (desk, other):
        with pytest.raises(DependencyConflictError, match="another definition"):
            each.register(define(criticality="optional"), "lee")
    other.sync()
    assert other.definition("shop").criticality == "critical"


@pytest.mark.parametrize("name", ["database", "plex", "system", "used"])
def test_names_in_use_are_refused(desk, name):
    desk.service.registry.breaker("used")
    with pytest.raises(DependencyConflictError, match="built in or in use"):
        desk.register(define(name), "kim")
    with pytest.raises(DependencyConflictError, match="built in"):
        desk.remove(name)
    assert known(desk) == []


def test_it_depends_only_on_what_is_registered(desk):
    with pytest.raises(UnknownDependencyError, match="disk is not registered"):
        desk.register(define(depends_on=("database", "disk")), "kim")
    assert (known(desk), watched(desk), desk.definition("shop")) == ([], [], None)


def test_a_cycle_cannot_be_made(desk, other, clock):
    desk.register(define("a"), "kim")
    clock.advance(1)
    desk.register(define("b", depends_on=("a",)), "kim")
    for each in (desk, other):
        with pytest.raises(DependencyConflictError, match="another definition"):
            each.register(define("a", depends_on=("b",)), "kim")


def test_what_others_need_is_not_removed(desk, other, clock):
    desk.register(define("disk"), "kim")
    clock.advance(1)
    other.register(define("shop", depends_on=("disk",)), "kim")
    with pytest.raises(DependencyConflictError, match="needed by shop"):
        desk.remove("disk")
    assert known(desk) == ["disk"]
    assert not desk.remove("nobody")


def test_what_depends_on_what_only_another_process_knows_is_there_after_a_look(desk, other, clock):
    desk.register(define("disk"), "kim")
    clock.advance(1)
    assert other.register(define("shop", depends_on=("disk",)), "kim")
    other.sync()
    assert known(other) == ["disk", "shop"]


def test_a_definition_that_was_replaced_elsewhere_is_replaced_here(desk, other, clock):
    """With all that depends on it, though that is the same as before."""

    def register(criticality):
        for definition in (define("disk", criticality=criticality), define(depends_on=("disk",))):
            desk.register(definition, "kim")
            clock.advance(1)

    register("optional")
    other.sync()
    desk.remove("shop")
    desk.remove("disk")
    register("critical")
    other.sync()
    assert other.service.registry.dependency("disk").criticality == "critical"
    assert known(other) == ["disk", "shop"]


def test_where_the_database_is_down_nothing_changes(desk, monkeypatch):
    desk.register(define("disk"), "kim")

    def down(*args):
        raise DatabaseUnavailableError("down")

    monkeypatch.setattr(desk.database, "write", down)
    monkeypatch.setattr(desk.database, "read", down)
    for call in (
        lambda: desk.register(define(), "kim"),
        lambda: desk.remove("disk"),
        desk.sync,
    ):
        with pytest.raises(DatabaseUnavailableError):
            call()
    assert known(desk) == ["disk"]


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "http://10.1.2.3/", "http://nobody.invalid/"])
def test_a_url_that_may_not_be_asked_is_refused(desk, names, url):
    with pytest.raises(Exception, match=r"\w"):
        desk.register(define(health_check_url=url), "kim")
    assert desk.definition("shop") is None
    assert desk._store.all() == []


def test_a_look_never_undoes_what_was_registered_meanwhile(desk):
    """The look reads what is kept, and before it acts on that, something is registered."""
    reading = desk._store.all

    def slow():
        kept = reading()
        desk._store.all = reading
        desk.register(define("late"), "kim")
        return kept

    desk._store.all = slow
    desk.sync()
    assert known(desk) == ["late"]
    desk.sync()
    assert known(desk) == ["late"]


def test_a_look_never_brings_back_what_was_removed_meanwhile(desk):
    desk.register(define("gone"), "kim")
    reading = desk._store.all

    def slow():
        kept = reading()
        desk._store.all = reading
        desk.remove("gone")
        return kept

    desk._store.all = slow
    desk.sync()
    assert known(desk) == []


def test_what_was_removed_elsewhere_can_be_registered_anew_here(desk, other):
    """Keeps out: an answer with the old definition, and watching that until the next look."""
    desk.register(define(type="database"), "kim")
    other.sync()
    other.remove("shop")
    assert desk.register(define(type="queue", criticality="critical"), "kim")
    found = desk.service.registry.dependency("shop")
    assert (found.type, found.criticality) == ("queue", "critical")


def test_names_that_no_dependency_can_have_are_not_there(desk):
    assert not desk.remove("\0")
    assert not desk.remove("a/b")
