"""Dependencies that operators register: at once here, a moment later in every other process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import pytest

from medianest.dependencies.definition import Definition
from medianest.health import Status
from medianest.resilience import ManualClock, State
from medianest.storage import DatabaseUnavailableError
from medianest.storage.dependencies import (
    DependencyConflictError,
    UnknownDependencyError,
)
from tests.dependencies.conftest import Registrar, Server
from tests.support.narrowing import not_none


def define(name: str = "shop", **fields: Any) -> Definition:
    return Definition(**{"name": name, "type": "external-api", "criticality": "optional", **fields})


def known(registrar: Registrar) -> list[str]:
    found = [dependency.name for dependency in registrar.service.registry.dependencies()]
    return [name for name in found if name != "database"]


def watched(registrar: Registrar) -> list[str]:
    return [check.name for check in registrar.monitor.checks() if check.name != "database"]


def test_what_is_registered_is_there_at_once(
    registrar: Registrar, serving: Callable[..., Server]
) -> None:
    url = f"http://127.0.0.1:{serving().port}/health"
    wanted = define(
        type="queue", criticality="important", health_check_url=url, depends_on=("database",),
        circuit_breaker={"failure_threshold": 2},
    )  # fmt: skip
    assert registrar.register(wanted, "kim")
    found = registrar.service.registry.dependency("shop")
    assert (found.type, found.criticality, found.depends_on) == (
        "queue",
        "important",
        ("database",),
    )
    assert not_none(registrar.service.registry.find_breaker("shop")).options.failure_threshold == 2
    assert registrar.service.registry.find_bulkhead("shop") is not None
    assert registrar.definition("shop") == wanted
    registrar.monitor.run("shop")
    seen = registrar.monitor.component("shop")
    assert (seen.status, seen.detail, seen.kind) == (
        Status.HEALTHY, {"status_code": 200}, "external",
    )  # fmt: skip


def test_what_is_removed_is_looked_at_no_more(
    registrar: Registrar, serving: Callable[..., Server]
) -> None:
    registrar.register(define(health_check_url=f"http://127.0.0.1:{serving().port}/"), "kim")
    assert watched(registrar) == ["shop"]
    assert registrar.remove("shop")
    assert (known(registrar), watched(registrar), registrar.definition("shop")) == ([], [], None)
    assert registrar.service.registry.find_bulkhead("shop") is None


def test_a_service_that_says_it_is_unwell_is_unhealthy(
    registrar: Registrar, serving: Callable[..., Server]
) -> None:
    answer = b"HTTP/1.1 503 Sorry\r\nContent-Length: 0\r\n\r\n"
    registrar.register(define(health_check_url=f"http://127.0.0.1:{serving(answer).port}/"), "kim")
    registrar.monitor.run("shop")
    seen = registrar.monitor.component("shop")
    assert (seen.status, seen.message) == (Status.UNHEALTHY, "it answered 503")


def test_a_service_that_wants_a_password_may_be_well(
    registrar: Registrar, serving: Callable[..., Server]
) -> None:
    answer = b"HTTP/1.1 401 Who are you\r\nContent-Length: 0\r\n\r\n"
    url = f"http://127.0.0.1:{serving(answer).port}/"
    registrar.register(define(health_check_url=url, expected_status=["200-399", 401]), "kim")
    registrar.monitor.run("shop")
    seen = registrar.monitor.component("shop")
    assert (seen.status, seen.detail) == (Status.HEALTHY, {"status_code": 401})


def test_others_learn_of_it_and_of_its_end(
    registrar: Registrar, other: Registrar, clock: ManualClock
) -> None:
    registrar.register(define("disk"), "kim")
    clock.advance(1)
    registrar.register(define("shop", depends_on=("disk",)), "kim")
    assert known(other) == []
    other.sync()
    assert known(other) == ["disk", "shop"]
    assert other.definition("shop") == registrar.definition("shop")
    other.remove("shop")
    other.remove("disk")
    registrar.sync()
    assert known(registrar) == known(other) == []
    assert registrar.service.registry.find_breaker("disk") is None


def test_what_is_known_already_is_left_as_it_is(registrar: Registrar, other: Registrar) -> None:
    """Keeps out: a breaker that an operator opened, new and closed after the next look."""
    registrar.register(define("disk"), "kim")
    registrar.register(define("nas"), "kim")
    shop = define(depends_on=("nas", "disk", "nas"), circuit_breaker={"jitter": 0})
    registrar.register(shop, "kim")
    breaker = not_none(registrar.service.registry.find_breaker("shop"))
    breaker.open("moving")
    for _ in range(3):
        registrar.sync()
    assert registrar.service.registry.find_breaker("shop") is breaker
    assert breaker.state is State.FORCED_OPEN


def test_exactly_the_same_again_is_no_news(registrar: Registrar, other: Registrar) -> None:
    options = {"expected_errors": ("timeout", "5xx"), "reset_timeout": 5}
    assert registrar.register(define(circuit_breaker=options), "kim")
    assert not registrar.register(define(circuit_breaker=options), "kim")
    assert not other.register(define(circuit_breaker=options), "lee")
    assert known(other) == ["shop"]


def test_another_one_of_that_name_is_refused_everywhere(
    registrar: Registrar, other: Registrar
) -> None:
    registrar.register(define(criticality="critical"), "kim")
    for each in (registrar, other):
        with pytest.raises(DependencyConflictError, match="another definition"):
            each.register(define(criticality="optional"), "lee")
    other.sync()
    assert not_none(other.definition("shop")).criticality == "critical"


@pytest.mark.parametrize("name", ["database", "plex", "system", "used"])
def test_names_in_use_are_refused(registrar: Registrar, name: str) -> None:
    registrar.service.registry.breaker("used")
    with pytest.raises(DependencyConflictError, match="built in or in use"):
        registrar.register(define(name), "kim")
    with pytest.raises(DependencyConflictError, match="built in"):
        registrar.remove(name)
    assert known(registrar) == []


def test_it_depends_only_on_what_is_registered(registrar: Registrar) -> None:
    with pytest.raises(UnknownDependencyError, match="disk is not registered"):
        registrar.register(define(depends_on=("database", "disk")), "kim")
    assert (known(registrar), watched(registrar), registrar.definition("shop")) == ([], [], None)


def test_a_cycle_cannot_be_made(registrar: Registrar, other: Registrar, clock: ManualClock) -> None:
    registrar.register(define("a"), "kim")
    clock.advance(1)
    registrar.register(define("b", depends_on=("a",)), "kim")
    for each in (registrar, other):
        with pytest.raises(DependencyConflictError, match="another definition"):
            each.register(define("a", depends_on=("b",)), "kim")


def test_what_others_need_is_not_removed(
    registrar: Registrar, other: Registrar, clock: ManualClock
) -> None:
    registrar.register(define("disk"), "kim")
    clock.advance(1)
    other.register(define("shop", depends_on=("disk",)), "kim")
    with pytest.raises(DependencyConflictError, match="needed by shop"):
        registrar.remove("disk")
    assert known(registrar) == ["disk"]
    assert not registrar.remove("nobody")


def test_what_depends_on_what_another_process_knows_is_there_after_a_look(
    registrar: Registrar, other: Registrar, clock: ManualClock
) -> None:
    registrar.register(define("disk"), "kim")
    clock.advance(1)
    assert other.register(define("shop", depends_on=("disk",)), "kim")
    other.sync()
    assert known(other) == ["disk", "shop"]


def test_a_definition_that_was_replaced_elsewhere_is_replaced_here(
    registrar: Registrar, other: Registrar, clock: ManualClock
) -> None:
    """With all that depends on it, though that is the same as before."""

    def register(criticality: str) -> None:
        for definition in (define("disk", criticality=criticality), define(depends_on=("disk",))):
            registrar.register(definition, "kim")
            clock.advance(1)

    register("optional")
    other.sync()
    registrar.remove("shop")
    registrar.remove("disk")
    register("critical")
    other.sync()
    assert other.service.registry.dependency("disk").criticality == "critical"
    assert known(other) == ["disk", "shop"]


def test_where_the_database_is_down_nothing_changes(
    registrar: Registrar, monkeypatch: pytest.MonkeyPatch
) -> None:
    registrar.register(define("disk"), "kim")

    def down(*args: Any) -> NoReturn:
        raise DatabaseUnavailableError("down")

    monkeypatch.setattr(registrar.database, "write", down)
    monkeypatch.setattr(registrar.database, "read", down)
    calls: tuple[Callable[[], bool], ...] = (
        lambda: registrar.register(define(), "kim"),
        lambda: registrar.remove("disk"),
        registrar.sync,
    )
    for call in calls:
        with pytest.raises(DatabaseUnavailableError):
            call()
    assert known(registrar) == ["disk"]


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "http://10.1.2.3/", "http://nobody.invalid/"])
def test_a_url_that_may_not_be_asked_is_refused(
    registrar: Registrar, names: dict[Any, Any], url: str
) -> None:
    with pytest.raises(Exception, match=r"\w"):
        registrar.register(define(health_check_url=url), "kim")
    assert registrar.definition("shop") is None
    assert registrar.store.all() == []


def test_a_look_never_undoes_what_was_registered_meanwhile(
    registrar: Registrar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look reads what is kept, and before it acts on that, something is registered."""
    reading = registrar.store.all

    def slow() -> list[Any]:
        kept = reading()
        monkeypatch.undo()
        registrar.register(define("late"), "kim")
        return kept

    monkeypatch.setattr(registrar.store, "all", slow)
    assert not registrar.sync()  # so that nobody takes it for known here
    assert known(registrar) == ["late"]
    assert registrar.sync()
    assert known(registrar) == ["late"]


def test_a_look_never_brings_back_what_was_removed_meanwhile(
    registrar: Registrar, monkeypatch: pytest.MonkeyPatch
) -> None:
    registrar.register(define("gone"), "kim")
    reading = registrar.store.all

    def slow() -> list[dict[str, Any]]:
        kept = reading()
        monkeypatch.undo()
        registrar.remove("gone")
        return kept

    monkeypatch.setattr(registrar.store, "all", slow)
    registrar.sync()
    assert known(registrar) == []


def test_others_are_told_when_it_is_kept(registrar: Registrar, other: Registrar) -> None:
    """Keeps out: the Location of an answer was a 404 for other workers."""
    registrar.on_change = other.sync
    registrar.register(define("disk"), "kim")
    assert known(other) == ["disk"]
    registrar.remove("disk")
    assert known(other) == []


def test_what_was_removed_elsewhere_can_be_registered_anew_here(
    registrar: Registrar, other: Registrar
) -> None:
    """Keeps out: an answer with the old definition, and watching that until the next look."""
    registrar.register(define(type="database"), "kim")
    other.sync()
    other.remove("shop")
    assert registrar.register(define(type="queue", criticality="critical"), "kim")
    found = registrar.service.registry.dependency("shop")
    assert (found.type, found.criticality) == ("queue", "critical")


def test_names_that_no_dependency_can_have_are_not_there(registrar: Registrar) -> None:
    assert not registrar.remove("\0")
    assert not registrar.remove("a/b")
