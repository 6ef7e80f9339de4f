"""What an operator may say of a dependency."""

import json
from typing import Any

import pytest

from medianest.dependencies.definition import Definition
from medianest.resilience import ConfigurationError
from tests.support.narrowing import not_none


def define(name: str = "shop", **fields: Any) -> Definition:
    return Definition(**{"name": name, "type": "external-api", "criticality": "optional", **fields})


@pytest.mark.parametrize("name", ["a", "A9", "my-shop.v2_x", "9" * 100])
def test_names_that_can_stand_in_a_path(name: str) -> None:
    assert define(name).name == name


@pytest.mark.parametrize(
    "name", ["", "-a", ".a", "..", "a b", "a/b", "ä", "a\n", "a" * 101, "a?b", "a%2Fb", "a:b"]
)
def test_names_that_cannot(name: str) -> None:
    with pytest.raises(ConfigurationError, match="name must be 1 to 100"):
        define(name)


def test_nothing_depends_on_itself() -> None:
    with pytest.raises(ConfigurationError, match="'shop' cannot depend on itself"):
        define(depends_on=("plex", "shop"))


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"reset_timeot": 3}, "unknown option reset_timeot"),
        ({"reset_timeout": -1}, "circuit_breaker: reset_timeout must be"),
        ({"expected_errors": ["ENOPE"]}, "ENOPE"),
    ],
)
def test_a_wrong_option_of_the_breaker_is_refused(options: dict[str, Any], fault: str) -> None:
    with pytest.raises(ConfigurationError, match=fault):
        define(circuit_breaker=options)


def test_a_wrong_status_is_refused_and_one_without_a_url() -> None:
    with pytest.raises(ConfigurationError, match="expected_status: must be a status"):
        define(health_check_url="http://shop/", expected_status="ok")
    with pytest.raises(ConfigurationError, match="goes with a health_check_url only"):
        define(expected_status=401)


def test_statuses_are_the_same_however_they_are_told() -> None:
    first = define(health_check_url="http://shop/", expected_status=[401, "200-299"])
    assert first == define(health_check_url="http://shop/", expected_status="200-299,401")
    assert Definition.of(json.loads(json.dumps(first.as_dict()))) == first


def test_one_that_was_kept_before_statuses_could_be_told_is_the_same() -> None:
    """Keeps out: the same registration is a conflict after an update of the program."""
    assert "expected_status" not in define(health_check_url="http://shop/").as_dict()


def test_it_is_the_same_after_a_way_through_json() -> None:
    made = define(
        depends_on=("z", "a", "z"),
        health_check_url="http://shop/health",
        circuit_breaker={"reset_timeout": 5.0, "expected_errors": ["timeout", "5xx"]},
    )
    assert Definition.of(json.loads(json.dumps(made.as_dict()))) == made


def test_the_order_in_which_it_is_told_makes_no_other() -> None:
    first = define(depends_on=("b", "a"), circuit_breaker={"jitter": 0, "reset_timeout": 5})
    second = define(depends_on=("a", "b", "a"), circuit_breaker={"reset_timeout": 5, "jitter": 0})
    assert first == second
    assert json.dumps(first.as_dict()) == json.dumps(second.as_dict())


def test_calls_to_it_are_not_repeated_and_have_a_bulkhead() -> None:
    policy = define(circuit_breaker={"failure_threshold": 2}).policy()
    assert not_none(policy.circuit_breaker).failure_threshold == 2
    assert (not_none(policy.bulkhead).max_concurrent, policy.retry) == (10, None)
