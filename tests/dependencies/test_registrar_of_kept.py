"""What is kept in the database and cannot be watched: written by hand, or by another version."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from medianest.dependencies.definition import Definition
from medianest.resilience import ManualClock, UnknownNameError
from tests.dependencies.conftest import Registrar


def kept(name: str = "shop", **fields: Any) -> dict[str, Any]:
    """As `Definition.as_dict` gives it, with something else in it."""
    return {
        "name": name,
        "type": "external-api",
        "criticality": "optional",
        "health_check_url": None,
        "depends_on": [],
        "circuit_breaker": {},
        **fields,
    }


BAD = [
    {"health_check_url": "gopher://old"},
    {"health_check_url": "http://me:hunter2@host/"},
    {"type": "teapot"},
    {"criticality": "vital"},
    {"circuit_breaker": {"reset_timeout": "soon"}},
    {"circuit_breaker": {"of": "another version"}},
    {"circuit_breaker": "nonsense"},
    {"new_field": 1},
    {"depends_on": ["shop"]},
]


def known(registrar: Registrar) -> list[str]:
    found = [dependency.name for dependency in registrar.service.registry.dependencies()]
    return [name for name in found if name != "database"]


@pytest.fixture
def registrar(processes: Callable[[], Registrar]) -> Registrar:
    return processes()


@pytest.fixture
def keep(registrar: Registrar, clock: ManualClock) -> Callable[[dict[str, Any]], None]:
    def keep(definition: dict[str, Any]) -> None:
        registrar.store.add(definition, "somebody", known={*definition["depends_on"]})
        clock.advance(1)

    return keep


@pytest.mark.parametrize("fields", BAD, ids=str)
def test_it_is_told_once_and_all_others_are_watched(
    registrar: Registrar,
    keep: Callable[[dict[str, Any]], None],
    fields: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    keep(kept("first"))
    keep(kept(**fields))
    keep(kept("last"))
    with caplog.at_level(logging.WARNING, "medianest"):
        for _ in range(3):
            registrar.sync()
    assert known(registrar) == ["first", "last"]
    (line,) = [r.getMessage() for r in caplog.records if "cannot be watched" in r.getMessage()]
    assert line.startswith("dependency shop cannot be watched: ")
    assert "hunter2" not in line


@pytest.mark.parametrize("fields", BAD[:-1], ids=str)  # the last one needs itself
def test_an_operator_can_remove_it(
    registrar: Registrar, keep: Callable[[dict[str, Any]], None], fields: dict[str, Any]
) -> None:
    keep(kept(**fields))
    registrar.sync()
    assert registrar.remove("shop")
    assert registrar.store.all() == []
    with pytest.raises(UnknownNameError):
        registrar.service.registry.dependency("shop")
    assert registrar.register(Definition("shop", "queue", "optional"), "kim")


def test_a_check_of_that_name_that_is_there_already_stays(
    registrar: Registrar, keep: Callable[[dict[str, Any]], None]
) -> None:
    keep(kept("database", health_check_url="http://127.0.0.1/"))
    registrar.sync()
    assert known(registrar) == []
    assert [check.name for check in registrar.monitor.checks()] == ["database"]


def test_what_depends_on_it_waits_for_it(
    registrar: Registrar, keep: Callable[[dict[str, Any]], None]
) -> None:
    keep(kept("page", depends_on=["shop"]))
    registrar.sync()
    assert known(registrar) == []
    keep(kept("shop"))
    for _ in range(2):
        registrar.sync()
    assert known(registrar) == ["shop", "page"]


def test_a_child_is_watched_though_the_clock_of_its_host_is_behind(
    registrar: Registrar, keep: Callable[[dict[str, Any]], None], clock: ManualClock
) -> None:
    """It was registered after what it needs, and is kept with an earlier time."""
    clock.advance(-60)
    keep(kept("page", depends_on=["shop"]))
    clock.advance(60)
    keep(kept("shop"))
    registrar.sync()
    assert known(registrar) == ["shop", "page"]


def test_a_name_of_a_breaker_that_is_in_use_is_not_taken(
    registrar: Registrar,
    keep: Callable[[dict[str, Any]], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    keep(kept(health_check_url="http://127.0.0.1/"))
    breaker = registrar.service.registry.breaker("shop", failure_threshold=77)
    registrar.sync()
    assert known(registrar) == []
    assert registrar.service.registry.find_breaker("shop") is breaker
    assert "cannot be watched" in caplog.text
