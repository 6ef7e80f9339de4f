"""Attempts that fail are counted, told and slowed, guesses of the right token too."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from medianest.resilience import ManualClock
from medianest.web.throttle import (
    AT_ONCE,
    MOST_ADDRESSES,
    SECONDS_EACH,
    TELL_SECONDS,
    TRUSTED_SECONDS,
    Throttle,
)

HERE, THERE = "192.0.2.1", "192.0.2.2"
BREAKERS = "/api/v1/resilience/circuit-breakers"


@pytest.fixture
def throttle(clock: ManualClock) -> Throttle:
    return Throttle(clock)


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """What the log says since it was last asked."""
    caplog.set_level(logging.WARNING, "medianest.events")

    def read() -> list[str]:
        lines = [record.getMessage() for record in caplog.records]
        caplog.clear()
        return lines

    return read


def fail(
    throttle: Throttle, address: str, times: int, reason: Any = "wrong_token"
) -> list[float | None]:
    return [throttle.failed(address, reason) for _ in range(times)]


def test_an_address_is_slowed_alone_and_not_for_long(
    throttle: Throttle, clock: ManualClock
) -> None:
    assert fail(throttle, HERE, AT_ONCE) == [None] * AT_ONCE
    assert throttle.failed(HERE, "no_token") == SECONDS_EACH
    assert throttle.failed(THERE, "no_token") is None
    clock.advance(SECONDS_EACH)
    assert fail(throttle, HERE, 2) == [None, SECONDS_EACH]
    clock.advance(AT_ONCE * SECONDS_EACH)
    assert fail(throttle, HERE, AT_ONCE + 1) == [None] * AT_ONCE + [SECONDS_EACH]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("", None, True),
    ],
)
def test_a_client_is_an_address_or_a_network_of_64_bits(
    throttle: Throttle, one: str, other: str | None, same: bool
) -> None:
    fail(throttle, one, AT_ONCE)
    assert (throttle.failed(other, "no_token") is not None) is same


def test_the_log_calls_the_network_of_this_machine_by_its_name(
    throttle: Throttle, told: Callable[[], list[str]]
) -> None:
    fail(throttle, "::1", 1)
    assert told()[0].startswith("1 attempt from ::/64 failed")


def test_the_log_has_an_address_once_a_minute_with_a_count(
    throttle: Throttle, clock: ManualClock, told: Callable[[], list[str]]
) -> None:
    fail(throttle, HERE, 1)
    assert told() == [f"1 attempt from {HERE} failed, the last with a token that is not known"]
    fail(throttle, HERE, 30)
    throttle.tell()
    assert told() == []
    clock.advance(TELL_SECONDS)
    throttle.tell()
    assert told() == [f"30 attempts from {HERE} failed, the last with a token that is not known"]
    throttle.tell()
    assert told() == []


def test_many_addresses_make_one_forgotten(throttle: Throttle) -> None:
    fail(throttle, HERE, 30)
    assert throttle.slows(HERE)
    for number in range(MOST_ADDRESSES):
        throttle.failed(f"2001:db8:0:{number:x}::1", "wrong_token")
    assert not throttle.slows(HERE)


def test_many_addresses_take_neither_memory_nor_the_disk(
    throttle: Throttle, clock: ManualClock, told: Callable[[], list[str]]
) -> None:
    for number in range(2 * MOST_ADDRESSES):
        throttle.failed(f"2001:db8:{number >> 16:x}:{number & 0xFFFF:x}::1", "wrong_token")
    throttle.tell()
    lines = told()
    assert len(lines) == 21
    assert lines[-1] == f"{2 * MOST_ADDRESSES - 20} more attempts from other addresses failed"
    throttle.failed("2001:db8:ffff::1", "wrong_token")
    clock.advance(TELL_SECONDS / 2)
    throttle.tell()
    assert told() == []


WRONG = {"Authorization": "Bearer a-wrong-token"}
RIGHT = {"Authorization": "Bearer the-viewer-token"}


def look(
    client: FlaskClient, headers: dict[str, Any] | None = None, address: str = HERE
) -> TestResponse:
    return client.get(BREAKERS, headers=headers, environ_base={"REMOTE_ADDR": address})


def test_guessing_is_slowed_also_when_it_guesses_right(
    make_app: Callable[..., Flask], clock: ManualClock
) -> None:
    client = make_app(env="production").test_client()
    statuses = [look(client, WRONG).status_code for _ in range(AT_ONCE + 1)]
    assert statuses == [401] * AT_ONCE + [429]
    slowed = look(client, RIGHT)
    assert (slowed.status_code, slowed.get_json()["type"]) == (429, "/problems/too-many-attempts")
    assert slowed.headers["Retry-After"] == "3"
    assert look(client, RIGHT, THERE).status_code == 200
    assert client.get("/api/v1/health/live").status_code == 200
    clock.advance(SECONDS_EACH)
    assert look(client, WRONG).status_code == 401  # one more guess, that is all
    assert look(client, RIGHT).status_code == 429
    clock.advance(SECONDS_EACH)
    assert look(client, RIGHT).status_code == 200


def test_an_address_that_came_in_today_is_not_locked_out_by_who_shares_it(
    make_app: Callable[..., Flask], clock: ManualClock
) -> None:
    client = make_app(env="production").test_client()
    assert look(client, RIGHT).status_code == 200
    statuses = {look(client, WRONG).status_code for _ in range(AT_ONCE + 1)}
    assert statuses == {401, 429}
    assert look(client, RIGHT).status_code == 200
    clock.advance(TRUSTED_SECONDS + 1)
    for _ in range(AT_ONCE):
        look(client, WRONG)
    assert look(client, RIGHT).status_code == 429


def test_who_comes_without_a_token_takes_nobodys_turn(make_app: Callable[..., Flask]) -> None:
    client = make_app(env="production").test_client()
    statuses = [look(client).status_code for _ in range(AT_ONCE + 1)]
    assert statuses == [401] * AT_ONCE + [429]
    assert look(client, RIGHT).status_code == 200


def test_prometheus_sees_what_failed(make_app: Callable[..., Flask]) -> None:
    client = make_app(env="production").test_client()
    viewer = {"Authorization": "Bearer the-viewer-token"}
    client.get(BREAKERS)
    client.get("/api/v1/media/libraries", headers=viewer)
    client.get(BREAKERS, headers={"Authorization": "Bearer x"})
    client.get(BREAKERS, headers={"Authorization": "Bearer x"})
    text = client.get("/metrics", headers=viewer).text
    for reason, number in (("no_token", 1), ("wrong_role", 1), ("wrong_token", 2)):
        assert f'medianest_failed_attempts_total{{reason="{reason}"}} {number}.0' in text


def test_what_fails_elsewhere_is_slowed_here_and_counted_there(clock: ManualClock) -> None:
    """Keeps out: four workers took four times the guesses."""
    here, there = Throttle(clock), Throttle(clock)
    here.on_failure, there.on_failure = there.learn_failure, here.learn_failure
    for each in (here, there) * (AT_ONCE // 2):
        assert each.slows(HERE) is None
        each.failed(HERE, "wrong_token")
    assert here.slows(HERE) == there.slows(HERE) == SECONDS_EACH
    assert here.counts()["wrong_token"] == there.counts()["wrong_token"] == AT_ONCE / 2


def test_who_is_slowed_is_told_of_no_more(clock: ManualClock) -> None:
    """Keeps out: who guesses on and on floods what the workers tell each other."""
    throttle, told = Throttle(clock), list[str]()
    throttle.on_failure = lambda name, reason: told.append(name)
    for _ in range(10 * AT_ONCE):
        throttle.failed(HERE, "wrong_token")
    assert told == [HERE] * AT_ONCE


def test_who_is_trusted_elsewhere_is_trusted_here(clock: ManualClock) -> None:
    here, there = Throttle(clock), Throttle(clock)
    told: list[str] = []
    there.on_trust = told.append
    for _ in range(3):
        there.passed(HERE)
    assert told == [HERE]
    here.learn_trust(HERE)
    for _ in range(2 * AT_ONCE):
        here.failed(HERE, "wrong_token")
    assert here.slows(HERE) is None
    clock.advance(TELL_SECONDS + 1)  # who was away when it was told hears it soon
    there.passed(HERE)
    assert told == [HERE, HERE]
